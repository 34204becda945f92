/**
 * What every department's website here is made of: one Fastify server a department, with its own cookies, sessions in
 * memory, pages in its own colours, and the answers to logout notices. A department's own file says what it asks of
 * Egret and adds its own routes. It owns no account and no password: those are Egret's. It shares nothing with the
 * gateway; both meet on the wire only.
 *
 * Routes of every site: GET / /counters /portal.css /mark.svg /jwks.json, POST /backchannel-logout /logout-mode,
 * and for tests GET /__demo/state, POST /__demo/logout-mode. Those of signing in are in sign-in.ts.
 */
import { readFileSync } from 'node:fs';
import cookie from '@fastify/cookie';
import formbody from '@fastify/formbody';
import fastify, { type FastifyInstance, type FastifyReply, type FastifyRequest } from 'fastify';
import { html } from 'ghtml';
import type { Clock } from '../clock.ts';
import { demoPanel } from './demo-panel.view.ts';
import type { Department, Lang, Setting } from './department.ts';
import { type SigningKey, signingKey } from './key.ts';
import { createLogoutNotices, type LogoutMode, type LogoutNotices, logoutModes } from './logout-notices.ts';
import { markSvg, page } from './page.view.ts';
import { allClaims } from './received.view.ts';
import { createRelyingParty, type RelyingParty } from './relying-party.ts';
import { createSessions, type Session, type Sessions } from './sessions.ts';

export interface Website {
  readonly app: FastifyInstance;
  readonly department: Department;
  readonly setting: Setting;
  readonly clock: Clock;
  readonly party: RelyingParty;
  readonly sessions: Sessions;
  readonly notices: LogoutNotices;
  /** Names of this site's cookies: ports do not tell cookies apart, names must. */
  readonly cookies: { readonly session: string; readonly browser: string; readonly lang: string };
  session(request: FastifyRequest): Session | undefined;
  lang(request: FastifyRequest): Lang;
  /** Sends a page in this site's frame. */
  show(request: FastifyRequest, reply: FastifyReply, content: Content): FastifyReply;
  panel(lang: Lang): string;
}

export interface Content {
  readonly status?: number;
  readonly title: string;
  readonly main: string;
  readonly scripts?: readonly string[];
}

const asset = (name: string): string => readFileSync(new URL(`./assets/${name}`, import.meta.url), 'utf8');
const stylesheet = asset('portal.css');

/** Headers and rules of every server of this program, the overview's too. */
export function server(origin: string, csp: string): FastifyInstance {
  const app = fastify({ bodyLimit: 16 * 1024, forceCloseConnections: true, requestTimeout: 15_000 });
  const { host } = new URL(origin);
  app.addHook('onRequest', async (request, reply) => {
    reply.headers({
      'content-security-policy': csp,
      'referrer-policy': 'same-origin',
      'x-content-type-options': 'nosniff',
      'cache-control': 'no-store',
    });
    // One name only: cookies and redirect addresses belong to it, and no other name can be pointed at this machine.
    if (request.headers.host !== host) {
      return request.method === 'GET' && /^localhost(:\d+)?$/.test(request.headers.host ?? '')
        ? reply.redirect(origin + request.url)
        : reply.code(421).type('text/plain').send(`This is ${origin}\n`);
    }
    // Every state-changing request of a browser comes from our own page; other servers send neither header.
    if (request.method !== 'GET' && request.method !== 'HEAD') {
      const site = request.headers['sec-fetch-site'];
      const from = request.headers.origin;
      if (
        (site !== undefined && site !== 'same-origin' && site !== 'none') ||
        (from !== undefined && from !== origin)
      ) {
        return reply.code(403).type('text/plain').send('This request did not come from our page.\n');
      }
    }
  });
  app.get('/portal.css', (_request, reply) =>
    reply.type('text/css').header('cache-control', 'max-age=60').send(stylesheet),
  );
  app.get('/mark.svg', (_request, reply) =>
    reply.type('image/svg+xml').header('cache-control', 'max-age=3600').send(markSvg),
  );
  return app;
}

const policy = (issuer: URL, browserClient: boolean): string =>
  [
    "default-src 'none'",
    "style-src 'self'",
    "img-src 'self'",
    // The POST of the sign-out button goes on to Egret: a redirect counts as the form's target.
    `form-action 'self' ${issuer.origin}`,
    ...(browserClient ? ["script-src 'self'", `connect-src 'self' ${issuer.origin}`] : []),
    "base-uri 'none'",
    "frame-ancestors 'none'",
  ].join('; ');

/** Remembers `?lang=zh|en` in the site's cookie and goes on without it in the address. */
export function languageLink(app: FastifyInstance, name: string): void {
  app.addHook('preHandler', async (request, reply) => {
    const { lang } = request.query as Record<string, unknown>;
    if (request.method !== 'GET' || (lang !== 'zh' && lang !== 'en')) return;
    reply.setCookie(name, lang, { path: '/', sameSite: 'lax', httpOnly: true, maxAge: 365 * 24 * 3600 });
    const url = new URL(request.url, 'http://site.invalid');
    url.searchParams.delete('lang');
    // Doubled slashes would make this an address of another host.
    return reply.redirect(`${url.pathname.replace(/^\/+/, '/')}${url.search}`);
  });
}

export async function createWebsite(department: Department, setting: Setting, clock: Clock): Promise<Website> {
  const key = department.auth === 'private_key_jwt' ? await signingKey(setting.data, department.id) : undefined;
  const app = server(setting.origin, policy(setting.issuer, department.auth === 'none'));
  const cookies = {
    session: `${department.id}_session`,
    browser: `${department.id}_browser`,
    lang: `${department.id}_lang`,
  };
  await app.register(cookie);
  await app.register(formbody);
  languageLink(app, cookies.lang);

  const party = createRelyingParty(department, setting, key);
  const sessions = createSessions(clock, department.sessionMinutes);
  const notices = createLogoutNotices(department.id, party, sessions, clock);
  app.addHook('preClose', async () => notices.close());

  const site: Website = {
    app,
    department,
    setting,
    clock,
    party,
    sessions,
    notices,
    cookies,
    session: (request) => sessions.find(request.cookies[cookies.session]),
    lang: (request) => (request.cookies[cookies.lang] === 'en' ? 'en' : 'zh'),
    show: (request, reply, { status = 200, title, main, scripts = [] }) =>
      reply
        .code(status)
        .type('text/html; charset=utf-8')
        .send(
          page({
            id: department.id,
            site: department.site,
            lang: site.lang(request),
            path:
              ['/', '/counters', '/sign-out', '/signed-out'].find((path) => path === request.url.split('?')[0]) ?? '/',
            title,
            main,
            overview: setting.overview,
            scripts,
          }),
        ),
    panel: (lang) => demoPanel(notices, lang),
  };
  if (key !== undefined) publishKey(app, key);
  logoutRoutes(site);
  otherPages(site);
  return site;
}

function publishKey(app: FastifyInstance, key: SigningKey): void {
  app.get('/jwks.json', (_request, reply) =>
    reply.header('cache-control', 'max-age=300').send({ keys: [key.publicJwk] }),
  );
}

const isMode = (mode: unknown): mode is LogoutMode => logoutModes.includes(mode as LogoutMode);

function logoutRoutes(site: Website): void {
  const { app, notices, sessions, cookies, department } = site;
  app.post('/backchannel-logout', async (request, reply) => {
    const answer = await notices.receive((request.body as Record<string, unknown> | undefined)?.logout_token);
    if (answer === undefined) {
      reply.hijack(); // never answered: the connection stays until the other side gives up
      return;
    }
    return reply.code(answer.status).send(answer.body);
  });
  app.post('/logout-mode', async (request, reply) => {
    const { mode } = (request.body ?? {}) as Record<string, unknown>;
    if (isMode(mode)) notices.mode = mode;
    return reply.redirect('/#notices', 303);
  });
  app.post('/__demo/logout-mode', async (request, reply) => {
    const { mode } = (request.body ?? {}) as Record<string, unknown>;
    if (!isMode(mode)) return reply.code(400).send({ error: `mode is one of ${logoutModes.join(', ')}` });
    notices.mode = mode;
    return { mode };
  });
  app.get('/__demo/state', async (request) => {
    const session = site.session(request);
    return {
      portal: department.id,
      session:
        session === undefined
          ? null
          : {
              sub: session.sub,
              sid: session.sid,
              startedAt: session.startedAt,
              endsAt: session.endsAt,
              scope: session.tokens.scope,
              refreshable: session.tokens.refreshToken !== undefined,
              refreshes: session.refreshes,
              idTokenClaims: session.tokens.idClaims,
              userinfo: session.userinfo ?? null,
              claims: allClaims(session),
            },
      ended: sessions.whyEnded(request.cookies[cookies.session]) ?? null,
      notices: notices.list(),
      logoutMode: notices.mode,
    };
  });
}

function otherPages(site: Website): void {
  const { app } = site;
  app.get('/counters', (request, reply) => {
    const zh = site.lang(request) === 'zh';
    const title = zh ? '去窗口办' : 'At a counter';
    const main = html`<div class="reading"><h1>${title}</h1>
<p class="lead">${zh ? '带上身份证，到市或区的政务服务中心，说要办哪件事就行。' : 'Bring your ID card to a city or district service centre and say what you need.'}</p>
<p>${zh ? '哪个窗口最近、几点开门，请打 12345 问，也可以请人代问。' : 'Call 12345 to ask which counter is nearest and when it opens; someone may ask for you.'}</p>
<p><a href="/">${zh ? '返回' : 'Back'}</a></p></div>`;
    return site.show(request, reply, { title, main });
  });
  const plain = (request: FastifyRequest, reply: FastifyReply, status: number, zh: string, en: string) => {
    const title = site.lang(request) === 'zh' ? zh : en;
    const back = site.lang(request) === 'zh' ? '回到办事页面' : 'Back to the service';
    const main = html`<div class="reading"><h1>${title}</h1><p><a href="/">${back}</a></p></div>`;
    return site.show(request, reply, { status, title, main });
  };
  app.setNotFoundHandler((request, reply) => plain(request, reply, 404, '没有这个页面', 'There is no such page'));
  app.setErrorHandler((error: { statusCode?: number; message: string }, request, reply) => {
    const status = error.statusCode ?? 500;
    if (status < 500) return plain(request, reply, status, '这个请求看不懂', 'We could not read this request');
    console.error(`${site.department.id}: ${error.message}`);
    return plain(request, reply, 500, '这一步没有完成，请再试一次', 'This step was not completed. Please try again');
  });
}
