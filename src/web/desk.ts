import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { type Code, catalogue, EgretError } from '../errors.ts';
import { contentSecurityPolicy } from './assets.ts';
import type { CapName, CountUse } from './caps.ts';
import { caseNumber } from './case-number.ts';
import { type ErrorPage, errorPageView } from './error-page.view.ts';
import type { Outage, PageContext } from './html.ts';
import { onwardView } from './onward.view.ts';
import { preferencesOf } from './preferences.ts';

/** What every page room needs of a request and an answer, so that no room draws a frame or checks a form its own way. */
export interface Desk {
  /**
   * Language, mode, person and form token of this request; `person` only when given. `touched`: the province takes part
   * in this page, so it says when the province does not answer.
   */
  context(
    request: FastifyRequest,
    options?: { person?: { maskedName: string }; uiLocales?: string; touched?: boolean },
  ): PageContext;
  /** False for a post that did not come from our own page; the desk has answered EG-1003 then. */
  allowed(request: FastifyRequest, reply: FastifyReply): Promise<boolean>;
  html(reply: FastifyReply, page: string, status?: number): FastifyReply;
  /** The error page of a catalogue code with a case number, logged (with the reason, where one is given), with the code's status. */
  refuse(
    request: FastifyRequest,
    reply: FastifyReply,
    code: Code,
    options?: { until?: number; reason?: string } & Pick<ErrorPage, 'safe' | 'retry' | 'department' | 'back'>,
  ): FastifyReply;
  /** A cap per address (caps.ts): false when used up; the desk has answered 429 with Retry-After then. */
  withinLimit(request: FastifyRequest, reply: FastifyReply, name: CapName): Promise<boolean>;
  /** A page of ours that goes on by itself, because `form-action 'self'` stops a form's redirect to another origin. */
  onward(request: FastifyRequest, reply: FastifyReply, target: string): FastifyReply;
  /** The long-lived random token of this browser; its cookie is set when it is new. */
  browser(request: FastifyRequest, reply: FastifyReply): string;
  readonly clock: Clock;
  readonly issuer: string;
  /** Of the session. */
  readonly cookieName: string;
}

export interface DeskNeeds {
  readonly clock: Clock;
  readonly issuer: string;
  readonly cookieName: string;
  readonly demo: boolean;
  /** A keyed hash: form tokens are made of the browser's own token by it. */
  readonly mac: (value: string) => Buffer;
  /** The province does not answer, for the banner. */
  readonly outage: () => Outage | undefined;
  readonly count: CountUse;
  /** Told, beside the answer, of a form that is not ours and of a cap that is used up; nothing is waited for. */
  readonly attempted: (
    request: FastifyRequest,
    what: { readonly reason: 'origin' | 'form-token' } | { readonly limit: string; readonly until: number },
  ) => void;
}

const tokens = new WeakMap<FastifyRequest, { value: string; fresh: boolean }>();

/** The cookie of the long-lived random token of a browser. */
export const browserCookieOf = (issuer: string): string => (issuer.startsWith('https:') ? '__Host-egret_b' : 'egret_b');

export function createDesk(needs: DeskNeeds): Desk {
  const { clock, issuer, cookieName, mac } = needs;
  const secure = issuer.startsWith('https:');
  const browserCookie = browserCookieOf(issuer);
  const tokenOf = (request: FastifyRequest): { value: string; fresh: boolean } => {
    let token = tokens.get(request);
    if (!token) {
      const known = request.cookies[browserCookie];
      token =
        known && /^[\w-]{43}$/.test(known)
          ? { value: known, fresh: false }
          : { value: randomBytes(32).toString('base64url'), fresh: true };
      tokens.set(request, token);
    }
    return token;
  };
  const keep = (reply: FastifyReply): FastifyReply => {
    const { method } = reply.request;
    const token = tokens.get(reply.request);
    // A form of ours is shown before it is sent, so who sends one without the cookie comes from another site. A browser
    // keeps what its answer sets, and would forget the token that it has, and with it the accounts that know it.
    if (token?.fresh && method !== 'POST')
      reply.setCookie(browserCookie, token.value, {
        path: '/',
        httpOnly: true,
        sameSite: 'lax',
        secure,
        maxAge: 400 * 86_400,
      });
    return reply;
  };
  const formToken = (request: FastifyRequest): string => mac(`form|${tokenOf(request).value}`).toString('base64url');
  const context: Desk['context'] = (request, options = {}) => ({
    ...preferencesOf(request, options.uiLocales),
    // a page drawn by a refused post is asked for again by the address of its GET
    path: request.method === 'POST' ? request.url.replace(/^(\/signin\/[^/?]+).*$/, '$1') : request.url,
    now: clock.now(),
    ...(options.person ? { person: options.person } : {}),
    ...(options.touched ? { banner: needs.outage() } : {}),
    formToken: formToken(request),
    demo: needs.demo,
  });
  const html: Desk['html'] = (reply, page, status = 200) =>
    keep(reply)
      .code(status)
      .header('content-security-policy', contentSecurityPolicy)
      .header('cache-control', 'no-store')
      .type('text/html; charset=utf-8')
      .send(page);
  const refuse: Desk['refuse'] = (request, reply, code, options = {}) => {
    const { until, reason, ...more } = options;
    const number = caseNumber(randomBytes);
    request.log.warn({ code, case: number, route: request.routeOptions.url, reason }, catalogue[code].log);
    const { status } = catalogue[code];
    if (status === 503 || status === 429) {
      const wait = until ? Math.max(1, Math.ceil((until - clock.now()) / 1000)) : 5;
      reply.header('retry-after', wait);
    }
    const touched = code === 'EG-1306' || code.startsWith('EG-P');
    const page = errorPageView(
      { code, caseNumber: number, at: clock.now(), retryAt: until, ...more },
      context(request, { touched }),
    );
    return html(reply, page, status);
  };
  return {
    clock,
    issuer,
    cookieName,
    context,
    html,
    refuse,
    async allowed(request, reply) {
      const { origin, 'sec-fetch-site': site } = request.headers;
      const named = origin !== undefined && origin !== 'null';
      const ours = named ? origin === issuer && site !== 'cross-site' : site === undefined || site === 'same-origin';
      const given = Buffer.from(field(request, 'form_token', 64) ?? '');
      const wanted = Buffer.from(formToken(request));
      if (ours && given.length === wanted.length && timingSafeEqual(given, wanted)) return true;
      needs.attempted(request, { reason: ours ? 'form-token' : 'origin' });
      refuse(request, reply, 'EG-1003');
      return false;
    },
    async withinLimit(request, reply, name) {
      const { value, fresh } = tokenOf(request);
      const { allowed, resetAt } = await needs.count(name, request.ip, fresh ? undefined : value);
      if (allowed) return true;
      needs.attempted(request, { limit: name, until: resetAt });
      refuse(request, reply, 'EG-1009', {
        until: resetAt,
        ...(request.method === 'POST' ? { safe: 'not-submitted' } : {}),
      });
      return false;
    },
    onward: (request, reply, target) => html(reply, onwardView({ href: target }, context(request))),
    browser(request, reply) {
      const { value } = tokenOf(request);
      keep(reply);
      return value;
    },
  };
}

/** One field of a form: a single text of at most `max` characters, or undefined. A repeated or longer one: EG-1001. */
export function field(request: FastifyRequest, name: string, max: number): string | undefined {
  const value = (request.body as Record<string, unknown> | undefined)?.[name];
  if (value === undefined || value === '') return undefined;
  if (typeof value !== 'string' || value.length > max || value.includes('\0'))
    throw new EgretError('EG-1001', { log: `field ${name}` });
  return value;
}

/** A field of our pages that says one of these; anything else comes from no page of ours: EG-1001. */
export function choice<const T extends string>(request: FastifyRequest, name: string, choices: readonly T[]): T {
  const value = field(request, name, 16);
  const found = choices.find((each) => each === value);
  if (found === undefined) throw new EgretError('EG-1001', { log: `field ${name}` });
  return found;
}

/** A field that may be repeated (boxes of one name), each of at most `max` characters. */
export function fields(request: FastifyRequest, name: string, max: number): readonly string[] {
  const value = (request.body as Record<string, unknown> | undefined)?.[name];
  const all = value === undefined ? [] : Array.isArray(value) ? value : [value];
  if (all.length > 50 || all.some((each) => typeof each !== 'string' || each.length > max || each.includes('\0')))
    throw new EgretError('EG-1001', { log: `field ${name}` });
  return all as string[];
}
