import { hash } from 'node:crypto';

/**
 * The contract of protocol state: what OIDC must remember between requests (sessions, grants, codes, tokens,
 * interactions, replay marks, one-time codes, limits). Two engines keep it, Redis and PostgreSQL, and one contract
 * suite holds both. Every change is one atomic batch on one slot; time is the store's own plus the process's offset
 * (0 outside tests), never the caller's.
 */

/** What is kept, and the letter that stands for it in a key. Keys cannot change later: they outlive a release. */
export const kinds = {
  Session: 's',
  Grant: 'g',
  AuthorizationCode: 'c',
  AccessToken: 'a',
  RefreshToken: 'r',
  ClientCredentials: 'm',
  Interaction: 'i',
  Flow: 'f',
  OneTimeCode: 'o',
  Replay: 'j',
  Limit: 'l',
} as const;
export type Kind = keyof typeof kinds;

/** A key without its engine's prefix: `07:s:<SHA-256>`. The two digits are the bucket, the slot on a cluster. */
export type Key = `${string}:${string}:${string}`;

export const buckets = 64;
const sessionBound = new Set<Kind>([
  'Session',
  'Grant',
  'AuthorizationCode',
  'AccessToken',
  'RefreshToken',
  'ClientCredentials',
]);

/**
 * The key of what travels as `id`. Session-bound ids carry their session's bucket in their first two digits; what
 * exists beside a session has a bucket computed from its own hash. The value itself is never part of a key.
 */
export function keyOf(kind: Kind, id: string): Key {
  const ofKind = made[kind];
  const known = ofKind.get(id);
  if (known) return known;
  if (ofKind.size === 0) setTimeout(() => ofKind.clear(), 1_000).unref();
  const key = make(kind, id);
  if (ofKind.size < 1_000) ofKind.set(id, key);
  return key;
}

/** A request asks for the same few keys over and over; what it presented is kept for a second at most. */
const made = Object.fromEntries(Object.keys(kinds).map((kind) => [kind, new Map()])) as Record<Kind, Map<string, Key>>;

function make(kind: Kind, id: string): Key {
  const digest = hash('sha256', id, 'base64url');
  const bucket =
    sessionBound.has(kind) && /^(?:[0-5]\d|6[0-3])/.test(id)
      ? id.slice(0, 2)
      : digits((Buffer.from(digest.slice(0, 2), 'base64url')[0] ?? 0) % buckets);
  return `${bucket}:${kinds[kind]}:${digest}`;
}

/** The key of `kind` that stands beside `key` in its slot, for an id that is already hashed. */
export const sibling = (key: Key, kind: Kind, digest: string): Key => `${bucketOf(key)}:${kinds[kind]}:${digest}`;
export const bucketOf = (key: Key): string => key.slice(0, 2);
export const digestOf = (key: Key): string => key.slice(5);
export const digits = (bucket: number): string => String(bucket).padStart(2, '0');

export interface Entry {
  readonly payload: string;
  /** Epoch milliseconds of the store's clock plus the offset; past it the entry is not there. */
  readonly expiresAt: number;
  /** 0 while unspent. */
  readonly consumedAt: number;
  readonly version: number;
}

export interface Loaded {
  readonly entry: Entry;
  /** The grant it hangs on: of the token or code, or of the session for the client asked about. */
  readonly grant?: Entry;
  readonly session?: Entry;
}

export interface Put {
  readonly key: Key;
  readonly payload: string;
  readonly expiresAt: number;
  /** Version written; a session that was loaded as `n` is written as `n + 1` under `compare`. */
  readonly version?: number;
  /** Digests of the grant and session it hangs on, and `g:<client>` of a session: what `load` follows. */
  readonly links?: Readonly<Record<string, string>>;
  /** Not written again when a rotation is repeated inside its window. */
  readonly once?: boolean;
  /** Can be used once: void when the store may have lost that it was used (DESIGN rule 2; PostgreSQL loses nothing). */
  readonly single?: boolean;
}

export interface Spend {
  readonly key: Key;
  /** What it was spent for, stored with the mark. */
  readonly for: string;
  /** Milliseconds in which a repetition gets the same successor (refresh tokens of public clients only). */
  readonly window?: number;
  readonly successor?: Key;
}

export interface Batch {
  /** One batch a time runs under this key where the engine needs a lock; the session's, or its own. */
  readonly lock: Key;
  /** Must stand, unspent, or nothing is written. */
  readonly need?: readonly Key[];
  readonly compare?: { readonly key: Key; readonly version: number };
  readonly spend?: Spend;
  /** Must not exist: a replay mark. Written by `put`. */
  readonly absent?: Key;
  /** Epoch ms since when what is marked can have been used: `stale` when such a mark may have been lost. */
  readonly usableFrom?: number;
  readonly put?: readonly Put[];
  readonly remove?: readonly Key[];
  /** Stamped audit events, written in the same step as the state they speak of (DESIGN rule 8). */
  readonly events?: readonly string[];
}

export type Committed =
  | { readonly ok: true /** inside a refresh window */; readonly repeated: boolean }
  | { readonly ok: false; readonly why: 'gone' | 'spent' | 'present' | 'full' | 'stale' }
  | { readonly ok: false; readonly why: 'conflict'; readonly current: Entry };

export type Guess =
  | { readonly outcome: 'right'; readonly subject: string }
  | { readonly outcome: 'wrong'; readonly triesLeft: number }
  | { readonly outcome: 'dead' };

export interface PendingEvent {
  readonly id: string;
  readonly bucket: string;
  readonly stamp: string;
}

export interface ProtocolState {
  /** One trip: the entry and what it hangs on. Expired entries are not there. */
  load(key: Key, options?: { readonly client?: string }): Promise<Loaded | undefined>;
  commit(batch: Batch): Promise<Committed>;
  /**
   * One try at a one-time code. The same `guessId` repeated (a lost reply) counts once and answers the same, whatever
   * came between.
   */
  guess(key: Key, mac: string, guessId: string): Promise<Guess>;
  /** Counts one use in a fixed window; refused uses are not counted. `resetAt` in epoch milliseconds. */
  count(key: Key, windowMs: number, limit: number): Promise<{ allowed: boolean; used: number; resetAt: number }>;
  /** Oldest audit events not yet handed to records, at most `limit`. */
  events(limit: number): Promise<readonly PendingEvent[]>;
  forget(events: readonly PendingEvent[]): Promise<void>;
  /** How many events are not handed to records yet, and how many of them in the fullest bucket (`eventBound`). */
  pending(): Promise<{ readonly waiting: number; readonly fullest: number }>;
  /** Rejects when the engine does not answer. */
  ping(): Promise<void>;
  /** Deletes what expired, where the engine does not do so by itself. Returns how many. */
  sweep(): Promise<number>;
  close(): Promise<void>;
}

/** Wrong guesses after which a one-time code is dead. */
export const guessLimit = 5;
/** Audit events a bucket may hold undrained before the acts that would add to them are refused. */
export const eventBound = 20_000;
