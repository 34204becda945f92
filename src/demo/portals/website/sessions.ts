import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';

/** What Egret handed over at the end of a sign-in; renewed by a refresh. Never leaves the server, except as claims. */
export interface Tokens {
  readonly idToken: string;
  readonly idClaims: Readonly<Record<string, unknown>> & { sub: string; iat: number; exp: number };
  readonly accessToken: string;
  /** Epoch milliseconds. */
  readonly accessExpiresAt: number | undefined;
  readonly refreshToken: string | undefined;
  /** The scopes given, which may be fewer than were asked. */
  readonly scope: readonly string[];
}

export interface Session {
  readonly id: string;
  readonly sub: string;
  readonly sid: string | undefined;
  readonly startedAt: number;
  readonly endsAt: number;
  tokens: Tokens;
  /** What the userinfo endpoint said last; undefined when it could not be asked. */
  userinfo: Readonly<Record<string, unknown>> | undefined;
  /** A word for the person's next page: what the last button did. */
  message: string | undefined;
  refreshes: number;
}

/** A trip to Egret that has not come back yet. */
export interface Trip {
  readonly kind: 'sign-in' | 'sign-out';
  readonly state: string;
  readonly nonce: string;
  readonly verifier: string;
  /** The value of the browser cookie of the one who left: only that browser may come back. */
  readonly browser: string;
  readonly leftAt: number;
}

export type Ended = 'notice' | 'time';

export interface Sessions {
  /** Refuses (undefined) when a logout notice for this `sid` was faster than the sign-in it ends. */
  begin(tokens: Tokens): Session | undefined;
  find(id: string | undefined): Session | undefined;
  /** Why the session of this cookie is over, if that was not the person's own doing. */
  whyEnded(id: string | undefined): Ended | undefined;
  end(id: string): void;
  /** Ends the sessions a logout notice names: by `sid`, or without one all of `sub`. Answers how many there were. */
  endByNotice(who: { sid?: string | undefined; sub?: string | undefined }): number;
  hasEnded(sid: string): boolean;
  leave(trip: Trip): void;
  /** Takes the trip away: a second return with the same state finds nothing. */
  comeBack(kind: Trip['kind'], state: string | undefined, browser: string | undefined): Trip | undefined;
}

const MOST = 5_000;
/** A person may register on the way, which takes time; longer than that and the trip is stale. */
const TRIP_MS = 60 * 60_000;

/** Sessions and trips of one site, in memory and bounded: the oldest gives way. They end with the process. */
export function createSessions(clock: Clock, sessionMinutes: number): Sessions {
  const lifetime = sessionMinutes * 60_000;
  const sessions = new Map<string, Session>();
  const ended = new Map<string, { why: Ended; at: number }>();
  const endedSids = new Map<string, number>();
  const trips = new Map<string, Trip>();

  const gone = (session: Session, why: Ended) => {
    sessions.delete(session.id);
    put(ended, session.id, { why, at: clock.now() });
  };

  return {
    begin(tokens) {
      const sid = typeof tokens.idClaims.sid === 'string' ? tokens.idClaims.sid : undefined;
      if (sid !== undefined && endedSids.has(sid)) return undefined;
      const session: Session = {
        id: token(),
        sub: tokens.idClaims.sub,
        sid,
        startedAt: clock.now(),
        endsAt: tokens.idClaims.iat * 1000 + lifetime,
        tokens,
        userinfo: undefined,
        message: undefined,
        refreshes: 0,
      };
      put(sessions, session.id, session);
      return session;
    },
    find(id) {
      const session = id === undefined ? undefined : sessions.get(id);
      if (session === undefined || session.endsAt > clock.now()) return session;
      gone(session, 'time');
      return undefined;
    },
    whyEnded: (id) => (id === undefined ? undefined : ended.get(id)?.why),
    end(id) {
      sessions.delete(id);
      ended.delete(id);
    },
    endByNotice({ sid, sub }) {
      if (sid !== undefined) put(endedSids, sid, clock.now());
      const named = [...sessions.values()].filter(
        (s) => (sid === undefined || s.sid === sid) && (sub === undefined || s.sub === sub),
      );
      for (const session of named) gone(session, 'notice');
      return named.length;
    },
    hasEnded: (sid) => endedSids.has(sid),
    leave: (trip) => put(trips, trip.state, trip),
    comeBack(kind, state, browser) {
      const trip = state === undefined ? undefined : trips.get(state);
      if (trip === undefined || trip.kind !== kind || trip.browser !== browser) return undefined;
      trips.delete(trip.state);
      return trip.leftAt + TRIP_MS > clock.now() ? trip : undefined;
    },
  };
}

/** 256 random bits for a cookie. */
export const token = (): string => randomBytes(32).toString('base64url');

function put<V>(map: Map<string, V>, key: string, value: V): void {
  if (map.size >= MOST && !map.has(key)) map.delete(map.keys().next().value!);
  map.set(key, value);
}
