import { setTimeout as wait } from 'node:timers/promises';
import { jwtVerify } from 'jose';
import type { Clock } from '../clock.ts';
import type { RelyingParty } from './relying-party.ts';
import type { Sessions } from './sessions.ts';

/** How this site answers a logout notice: the switch of the demonstration. */
export type LogoutMode = 'normal' | 'slow' | 'error' | 'hang';
export const logoutModes: readonly LogoutMode[] = ['normal', 'slow', 'error', 'hang'];

export interface Notice {
  readonly at: number;
  readonly mode: LogoutMode;
  /** `waiting` and `unanswered` end nothing: a department that is down does not sign anybody out either. */
  outcome: 'accepted' | 'refused' | 'waiting' | 'failed' | 'unanswered';
  reason?: string;
  sid?: string;
  sub?: string;
  jti?: string;
  /** How many sessions of this site it ended. */
  ended?: number;
}

export interface LogoutNotices {
  mode: LogoutMode;
  /** The newest first, the last 20. */
  list(): readonly Notice[];
  /** Takes a notice and says with which status to answer; undefined: do not answer at all. */
  receive(logoutToken: unknown): Promise<{ status: number; body: object | undefined } | undefined>;
  close(): void;
}

const SLOW_MS = 20_000;
const KEPT = 20;
const EVENT = 'http://schemas.openid.net/event/backchannel-logout';
/** A logout token is made when it is sent, so an old one is somebody else's copy. Seconds. */
const MAX_AGE = 300;
const MOST_MARKS = 5_000;

/** Back-channel logout (OpenID Connect Back-Channel Logout 1.0), and the switch that makes it go wrong. */
export function createLogoutNotices(
  clientId: string,
  party: RelyingParty,
  sessions: Sessions,
  clock: Clock,
): LogoutNotices {
  const notices: Notice[] = [];
  const seen = new Map<string, number>();
  const stopped = new AbortController();

  async function read(logoutToken: unknown): Promise<{ sid?: string; sub?: string; jti: string } | Broken> {
    if (typeof logoutToken !== 'string' || logoutToken === '') return { status: 400, why: 'logout_token is missing' };
    const keys = await party.keys();
    if (!keys.ok) return { status: 503, why: keys.error };
    let claims: Record<string, unknown>;
    try {
      const verified = await jwtVerify(logoutToken, keys.keySet, {
        issuer: keys.issuer,
        audience: clientId,
        algorithms: ['ES256'],
        typ: 'logout+jwt',
        requiredClaims: ['iat', 'jti', 'exp', 'events'],
        maxTokenAge: MAX_AGE,
        clockTolerance: 5,
        currentDate: new Date(clock.now()),
      });
      claims = verified.payload;
    } catch (error) {
      // A token that does not verify is the sender's fault; keys that cannot be fetched are not.
      const code = (error as { code?: string }).code ?? '';
      return /^ERR_(JW|JOSE_(ALG|NOT))/.test(code) && code !== 'ERR_JWKS_TIMEOUT'
        ? { status: 400, why: code }
        : { status: 503, why: 'unreachable' };
    }
    const { sid, sub, jti, events } = claims;
    const event = (events as Record<string, unknown> | null)?.[EVENT];
    if (typeof event !== 'object' || event === null) return { status: 400, why: 'not a logout event' };
    if ('nonce' in claims) return { status: 400, why: 'nonce is not allowed' };
    if (typeof sid !== 'string' && typeof sub !== 'string') return { status: 400, why: 'neither sid nor sub' };
    if (typeof jti !== 'string' || spent(jti)) return { status: 400, why: 'jti was used before' };
    return { jti, ...(typeof sid === 'string' ? { sid } : {}), ...(typeof sub === 'string' ? { sub } : {}) };
  }

  /** Once means once: looked up and marked without an await in between. */
  function spent(jti: string): boolean {
    const now = clock.now();
    for (const [old, until] of seen) {
      if (until > now && seen.size < MOST_MARKS) break;
      seen.delete(old);
    }
    if (seen.has(jti)) return true;
    seen.set(jti, now + (MAX_AGE + 10) * 1000);
    return false;
  }

  const taken: LogoutNotices = {
    mode: 'normal',
    list: () => notices,
    close: () => stopped.abort(),
    async receive(logoutToken) {
      const notice: Notice = { at: clock.now(), mode: taken.mode, outcome: 'waiting' };
      notices.unshift(notice);
      notices.length = Math.min(notices.length, KEPT);
      if (notice.mode === 'hang') {
        notice.outcome = 'unanswered';
        return undefined;
      }
      if (notice.mode === 'error') {
        notice.outcome = 'failed';
        return { status: 500, body: { error: 'demonstration: this department answers with an error' } };
      }
      if (notice.mode === 'slow') {
        try {
          await wait(SLOW_MS, undefined, { signal: stopped.signal, ref: false });
        } catch {
          return undefined;
        }
      }
      const found = await read(logoutToken);
      if ('why' in found) {
        Object.assign(notice, { outcome: 'refused', reason: found.why });
        return { status: found.status, body: { error: 'invalid_request', error_description: found.why } };
      }
      Object.assign(notice, found, { outcome: 'accepted', ended: sessions.endByNotice(found) });
      return { status: 200, body: undefined };
    },
  };
  return taken;
}

interface Broken {
  readonly status: number;
  readonly why: string;
}
