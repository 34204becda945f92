import type { FastifyInstance, FastifyRequest } from 'fastify';
import type { Lang, Mode } from './words.ts';

/**
 * Language and edition of the pages, as this browser chose them: two cookies that hold one of two words each. Routes:
 * GET /preferences?lang=…&mode=…&back=/path, which sets what is named and goes back.
 */
export interface Preferences {
  readonly lang: Lang;
  readonly mode: Mode;
}

const langs: readonly Lang[] = ['zh-CN', 'en'];
const modes: readonly Mode[] = ['standard', 'large'];
const cookies = { lang: 'egret_lang', mode: 'egret_mode' } as const;
const year = 365 * 24 * 3600;

const known = <Word extends string>(words: readonly Word[], value: unknown): Word | undefined =>
  words.find((word) => word === value);

/**
 * What the person chose here, else what the department asked for (`ui_locales`), else what the browser speaks, else
 * Chinese in the standard edition.
 */
export function preferencesOf(request: Pick<FastifyRequest, 'headers'>, uiLocales?: string): Preferences {
  const chosen = cookie(request.headers.cookie, cookies.lang);
  return {
    lang:
      known(langs, chosen) ??
      firstSpoken((uiLocales ?? '').split(' ')) ??
      firstSpoken(accepted(request.headers['accept-language'])) ??
      'zh-CN',
    mode: known(modes, cookie(request.headers.cookie, cookies.mode)) ?? 'standard',
  };
}

/** The first of these tags that is a kind of Chinese or of English. */
function firstSpoken(tags: readonly string[]): Lang | undefined {
  for (const tag of tags) {
    if (/^zh\b/i.test(tag)) return 'zh-CN';
    if (/^en\b/i.test(tag)) return 'en';
  }
  return undefined;
}

/** The tags of an Accept-Language header, most wanted first. */
function accepted(header: string | undefined): string[] {
  return (header ?? '')
    .slice(0, 400)
    .split(',')
    .map((part) => {
      const [tag = '', ...rest] = part.trim().split(';');
      const weight = rest.map((each) => /^\s*q=([0-9.]+)\s*$/.exec(each)?.[1]).find((each) => each !== undefined);
      return { tag: tag.trim(), weight: weight === undefined ? 1 : Number(weight) };
    })
    .filter(({ weight }) => weight > 0)
    .sort((a, b) => b.weight - a.weight)
    .map(({ tag }) => tag);
}

function cookie(header: string | undefined, name: string): string | undefined {
  for (const part of (header ?? '').split(';')) {
    const [key, value] = part.split('=', 2);
    if (key?.trim() === name) return value?.trim();
  }
  return undefined;
}

/**
 * A path of ours, or `/`. Browsers read `\` as `/` and drop tabs and line breaks, so `/\evil`, `/<tab>/evil` and
 * `//evil` all name another host: only a path that the URL parser leaves on our host, and that has none of these, is
 * taken; and the answer is what the parser made of it, so that what was checked is what is sent.
 */
export function localPath(path: unknown): string {
  // Printable ASCII but the backslash.
  if (typeof path !== 'string' || path.length > 2048 || !/^\/[!-[\]-~]*$/.test(path)) return '/';
  if (!URL.canParse(path, 'http://here.invalid')) return '/';
  const url = new URL(path, 'http://here.invalid');
  const back = url.pathname + url.search;
  return url.host === 'here.invalid' && !back.startsWith('//') ? back : '/';
}

/** `secure`: the gateway is visited over https. */
export async function servePreferences(server: FastifyInstance, options: { readonly secure: boolean }): Promise<void> {
  server.get('/preferences', (request, reply) => {
    const query = request.query as Record<string, unknown>;
    const kept = `; Path=/; Max-Age=${year}; HttpOnly; SameSite=Lax${options.secure ? '; Secure' : ''}`;
    const lang = known(langs, query.lang);
    const mode = known(modes, query.mode);
    if (lang) reply.header('set-cookie', `${cookies.lang}=${lang}${kept}`);
    if (mode) reply.header('set-cookie', `${cookies.mode}=${mode}${kept}`);
    return reply.header('cache-control', 'no-store').redirect(localPath(query.back), 303);
  });
}
