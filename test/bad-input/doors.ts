import { globSync, readFileSync } from 'node:fs';
import { join, resolve } from 'node:path';
import type { Jar } from '../support/browser.ts';
import type { Route } from '../support/routes.ts';
import type { Stand } from './stand.ts';

/** An endpoint with what it reads: one row of the table. */
export interface Door {
  readonly route: Route;
  readonly path: string;
  readonly how: 'query' | 'form';
  /** Names it reads. */
  readonly names: readonly string[];
  /** All that a right request has, so that only the attack is wrong. */
  readonly right: Readonly<Record<string, string>>;
  /** What a page sends by itself: without what a person types or chooses nothing can succeed. */
  readonly bare: Readonly<Record<string, string>>;
  readonly jar?: Jar;
  /** Whose own reader it is: ours refuses what is no text, the library's passes it on as it stands. */
  readonly reader: 'page' | 'library';
}

const src = resolve(import.meta.dirname, '../../src');
const library = resolve(import.meta.dirname, '../../node_modules/oidc-provider/lib');

/** Names that our pages read of a query, from the code that reads them. */
export function queryNames(): readonly string[] {
  const found = new Set<string>();
  for (const file of globSync('**/*.ts', { cwd: src }).filter((each) => !each.startsWith('demo/'))) {
    const code = readFileSync(join(src, file), 'utf8');
    const patterns = [
      /const \{([^}]*)\} = request\.query/g,
      /request\.query as \{([^}]*)\}/g,
      /\bknown\(\w+, query\.(\w+)\)/g,
      /localPath\(query\.(\w+)\)/g,
    ];
    for (const pattern of patterns)
      for (const [, names = ''] of code.matchAll(pattern))
        for (const part of names.split(/[,;]/)) {
          const name = /^\s*(\w+)/.exec(part)?.[1];
          if (name) found.add(name);
        }
  }
  return [...found].sort();
}

/** Names that our pages read of a form, from the code that reads them. */
export function formNames(): readonly string[] {
  const code = globSync('**/*.ts', { cwd: src })
    .filter((each) => !each.startsWith('demo/'))
    .map((file) => readFileSync(join(src, file), 'utf8'));
  const names = code.flatMap((text) =>
    [...text.matchAll(/\bfields?\([\w.]*request, '(\w+)'/g)].map(([, name]) => name),
  );
  return [...new Set(names.flatMap((name) => name ?? []))].sort();
}

/** Names of a department's requests: the library's own lists, and those its client authentication reads. */
async function protocolNames(): Promise<Readonly<Record<string, readonly string[]>>> {
  const { default: authorization } = (await import(join(library, 'consts/param_list.js'))) as { default: string[] };
  const grants = (await import(join(library, 'actions/grants/index.js'))) as Record<
    string,
    { parameters: Set<string> }
  >;
  const ofGrants = ['authorization_code', 'refresh_token', 'client_credentials'].flatMap((name) => [
    ...(grants[name]?.parameters ?? []),
  ]);
  const client = ['client_id', 'client_assertion', 'client_assertion_type', 'client_secret'];
  const about = ['token', 'token_type_hint', ...client];
  return {
    '/authorize': [...authorization, 'claims', 'resource', 'posted'],
    '/token': [...new Set(['grant_type', ...ofGrants, ...client])],
    '/introspect': about,
    '/revoke': about,
    '/userinfo': ['access_token'],
    '/session/end': ['id_token_hint', 'client_id', 'post_logout_redirect_uri', 'state', 'ui_locales'],
  };
}

const text = (value: string): string =>
  value.replace(/&#(\d+);/g, (_, number: string) => String.fromCharCode(Number(number))).replaceAll('&amp;', '&');

/** The forms of a page: their address, the fields they have, and which of these a browser would send untouched. */
export function formsOf(
  page: string,
): { action: string; names: string[]; sent: Record<string, string>; chosen: Record<string, string> }[] {
  return [...page.matchAll(/<form[^>]*action="([^"#]+)[^>]*>([\s\S]*?)<\/form>/g)].map(
    ([, action = '', inside = '']) => {
      const sent: Record<string, string> = {};
      const chosen: Record<string, string> = {};
      const names: string[] = [];
      for (const [tag] of inside.matchAll(/<(?:input|select|button|textarea)\b[^>]*>/g)) {
        const of = (name: string) => new RegExp(`\\b${name}="([^"]*)"`).exec(tag)?.[1];
        const name = of('name');
        if (!name) continue;
        if (!names.includes(name)) names.push(name);
        if (of('type') === 'hidden') sent[name] = text(of('value') ?? '');
        else if (of('value') !== undefined) chosen[name] ??= text(of('value') ?? '');
      }
      return { action: text(action), names, sent, chosen };
    },
  );
}

const pattern = (url: string): RegExp => new RegExp(`^${url.replaceAll('.', '\\.').replace(/:\w+/g, '[^/]+')}$`);

/** The table: every route of both listeners, each with its parameters. `right` has what a department's request needs. */
export async function doors(
  routes: readonly Route[],
  stands: readonly Stand[],
  right: Readonly<Record<string, Readonly<Record<string, string>>>>,
): Promise<readonly Door[]> {
  const protocol = await protocolNames();
  const forms = stands.flatMap((stand) => formsOf(stand.page).map((form) => ({ ...form, stand })));
  const queries = queryNames();
  const at = (what: string) => stands.find((stand) => stand.what === what);
  const signedIn = at('/account/sessions')?.jar;
  // a step from which nothing leads to the province
  const begun = at('identity');
  const places: Readonly<Record<string, string>> = {
    uid: /\/signin\/([\w-]+)\//.exec(begun?.page ?? '')?.[1] ?? '',
    client: 'public',
    id: 'x'.repeat(22),
  };
  return routes.flatMap((route): Door[] => {
    const { method, url, listener } = route;
    const names = protocol[url];
    const path = url.replace(/:(\w+)/g, (_, name: string) => places[name] ?? '');
    if (names)
      return [
        {
          ...{ route, path, names, reader: url === '/session/end' ? 'page' : 'library' },
          how: method === 'POST' ? 'form' : 'query',
          right: right[url] ?? {},
          bare: right[url] ?? {},
        },
      ];
    // whoever goes on with nothing proved begins anew: one such request would take the journey from the others
    const jar = url.startsWith('/signin/') ? begun?.jar : url.startsWith('/authorize/') ? undefined : signedIn;
    if (method !== 'POST')
      return [
        {
          ...{
            route,
            path,
            names: listener === 'public' ? queries : [],
            how: 'query',
            right: {},
            bare: {},
            reader: 'page',
          },
          ...(listener === 'public' && jar ? { jar } : {}),
        },
      ];
    return forms
      .filter(({ action }) => pattern(url).test(action))
      .map(({ action, names, sent, chosen, stand: { jar, typed } }) => ({
        ...{ route, path: action, names, how: 'form', jar, reader: 'page', bare: sent },
        right: {
          ...sent,
          ...chosen,
          ...Object.fromEntries(names.flatMap((name) => (typed[name] ? [[name, typed[name]]] : []))),
        },
      }));
  });
}
