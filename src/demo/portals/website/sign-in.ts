import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Lang } from './department.ts';
import { home, signedInParts, signedOutAction } from './home.view.ts';
import type { Refusal } from './relying-party.ts';
import { type Session, token } from './sessions.ts';
import { refusedPage, signedOutPage, signOutPage } from './sign-in.view.ts';
import type { Website } from './website.ts';

const lax = { path: '/', httpOnly: true, sameSite: 'lax' } as const;

/**
 * Signing in and out for a site whose server talks to Egret: GET / /sign-in /callback /sign-out /signed-out,
 * POST /sign-out /userinfo. `section` is the department's own part of the page, for someone signed in.
 */
export function serverSignIn(site: Website, section: (session: Session, lang: Lang) => string): void {
  const { app, party, sessions, cookies, clock } = site;
  const refuse = (request: FastifyRequest, reply: FastifyReply, refusal: Refusal) =>
    site.show(request, reply, refusedPage(refusal, site.lang(request)));

  app.get('/', (request, reply) => {
    const lang = site.lang(request);
    const session = site.session(request);
    const parts =
      session === undefined
        ? {
            action: signedOutAction(lang, party.installed(), sessions.whyEnded(request.cookies[cookies.session])),
            below: '',
          }
        : signedInParts(session, lang, section(session, lang));
    if (session !== undefined) session.message = undefined;
    const signedIn = session !== undefined;
    const main = home({ department: site.department, lang, signedIn, ...parts, panel: site.panel(lang) });
    return site.show(request, reply, { title: site.department.matter[lang], main });
  });

  app.get('/sign-in', async (request, reply) => {
    const browser = request.cookies[cookies.browser] ?? token();
    const begun = await party.begin(browser, site.lang(request), clock.now());
    if (!begun.ok) return refuse(request, reply, begun);
    sessions.leave(begun.trip);
    return reply.setCookie(cookies.browser, browser, { ...lax, maxAge: 24 * 3600 }).redirect(begun.url.href);
  });

  app.get('/callback', async (request, reply) => {
    const back = new URL(request.url, site.setting.origin);
    const state = back.searchParams.getAll('state');
    const trip = sessions.comeBack('sign-in', state.length === 1 ? state[0] : undefined, browserOf(request));
    if (trip === undefined) {
      // Reload and the back button lead here when the sign-in has already worked.
      if (site.session(request) !== undefined) return reply.redirect('/');
      return refuse(request, reply, { ok: false, error: 'stale' });
    }
    const finished = await party.finish(back, trip);
    if (!finished.ok) return refuse(request, reply, finished);
    // What scopes give comes from userinfo; without it the sign-in still stands, and the page says what is missing.
    const userinfo = await party.userinfo(finished.tokens);
    const session = sessions.begin(finished.tokens);
    if (session === undefined) return refuse(request, reply, { ok: false, error: 'ended' });
    session.userinfo = userinfo.ok ? userinfo.claims : undefined;
    // A new name for a new session: nobody can have planted it before.
    const old = request.cookies[cookies.session];
    if (old !== undefined) sessions.end(old);
    return reply.setCookie(cookies.session, session.id, lax).redirect('/');
  });

  app.post('/userinfo', async (request, reply) => {
    const session = site.session(request);
    if (session === undefined) return reply.redirect('/', 303);
    const userinfo = await party.userinfo(session.tokens);
    const zh = site.lang(request) === 'zh';
    if (userinfo.ok) {
      session.userinfo = userinfo.claims;
      session.message = zh ? '用户信息又取了一次。' : 'Userinfo was asked again.';
    } else {
      session.message = zh ? `没有取到：${userinfo.error}` : `Not received: ${userinfo.error}`;
    }
    return reply.redirect('/', 303);
  });

  app.get('/sign-out', (request, reply) =>
    site.show(request, reply, signOutPage(site.session(request) !== undefined, site.lang(request))),
  );

  app.post('/sign-out', async (request, reply) => {
    const session = site.session(request);
    // Here first, whatever happens at Egret afterwards: on a shared computer the person may just walk away.
    if (session !== undefined) sessions.end(session.id);
    reply.clearCookie(cookies.session, lax);
    const { where } = (request.body ?? {}) as Record<string, unknown>;
    if (session === undefined || where === 'here') return reply.redirect('/signed-out', 303);
    const lang = site.lang(request);
    const browser = browserOf(request) ?? token();
    const state = token();
    const out = await party.signOutUrl(session.tokens.idToken, state, lang);
    if (!out.ok) return site.show(request, reply, { ...signedOutPage('gateway-away', lang), status: 503 });
    sessions.leave({ kind: 'sign-out', state, nonce: '', verifier: '', browser, leftAt: clock.now() });
    return reply.setCookie(cookies.browser, browser, { ...lax, maxAge: 24 * 3600 }).redirect(out.url.href, 303);
  });

  app.get('/signed-out', (request, reply) => {
    const { state } = request.query as Record<string, unknown>;
    const trip = sessions.comeBack('sign-out', typeof state === 'string' ? state : undefined, browserOf(request));
    const kind = site.session(request) !== undefined ? 'still-in' : trip !== undefined ? 'returned' : 'here';
    return site.show(request, reply, signedOutPage(kind, site.lang(request)));
  });

  function browserOf(request: FastifyRequest): string | undefined {
    return request.cookies[cookies.browser];
  }
}
