import { errors, Provider } from 'oidc-provider';
import type { Vault } from '../../keys/keys.ts';
import { merged, type Payload } from './merge.ts';
import {
  type Batch,
  type Committed,
  digestOf,
  type Entry,
  type Key,
  type Kind,
  keyOf,
  type Loaded,
  type ProtocolState,
  type Put,
} from './state.ts';

/**
 * Between oidc-provider's adapter calls and the store. The library finds, consumes and saves one thing at a time; a
 * request here makes one read and one write. What a request reads ahead and what it is about to write is its unit of
 * work; the write is one atomic batch at the end, so nothing is spent for nothing and nothing ended comes back.
 */
export interface Unit {
  /** Read in this request, by key: a token's grant and session come with the token. */
  readonly loaded: Map<Key, Entry | undefined>;
  readonly ahead: Map<Key, Promise<Loaded | undefined>>;
  readonly put: Map<Key, Put & { body: Payload }>;
  readonly need: Set<Key>;
  readonly events: string[];
  spend?: { key: Key; body: Payload; successor?: Key };
  /** Epoch ms since when the client's assertion can have been used. */
  usableFrom?: number;
  /** The session as this request found it: what its changes are measured against. */
  session?: { key: Key; version: number; text: string; exp: number; iat: number };
}

/**
 * True when a record ended this since `since` (epoch ms). Memory only. What it is: an account's id, a session's uid, a
 * consent by `account\nclient`, or the stay of a session at one department by `uid\nclient`.
 */
export type EndedBy = (kind: 'account' | 'session' | 'consent' | 'visit', what: string, since: number) => boolean;

export type { Payload };

export interface AdapterNeeds {
  readonly state: ProtocolState;
  readonly ended: EndedBy;
  readonly vault: Vault;
  readonly issuer: string;
  /** Milliseconds in which a public client that lost the answer may repeat its refresh token. */
  readonly refreshWindow: number;
  /** Epoch milliseconds. */
  readonly now: () => number;
  /** A stamped audit event, to be stored in the write that does what it tells (DESIGN rule 8). */
  readonly stamp: (type: ProtocolAct, detail: ActDetail) => string;
  /** The write with these events was refused, or nobody knows whether it happened. */
  readonly unsent: (events: readonly string[], why: 'refused' | 'unknown') => void;
}

export type ProtocolAct =
  | 'authorization.code-issued'
  | 'token.issued'
  | 'token.refreshed'
  | 'token.replayed'
  | 'token.revoked'
  | 'session.started';

export interface ActDetail {
  readonly client?: string;
  readonly account?: string;
  /** Which kind of token or grant it was. */
  readonly what?: string;
}

const units = new WeakMap<object, Unit>();

/** The unit of work of this request; outside a request of the provider there is none and every call acts at once. */
export function unitOf(ctx: object | undefined = Provider.ctx): Unit | undefined {
  if (!ctx) return undefined;
  let unit = units.get(ctx);
  if (!unit) {
    unit = { loaded: new Map(), ahead: new Map(), put: new Map(), need: new Set(), events: [] };
    units.set(ctx, unit);
  }
  return unit;
}

/** The store answered that what this request builds on has ended, was spent, or may not be written now. */
export class Refused extends errors.OIDCProviderError {
  readonly why: string;
  constructor(status: number, error: string, description: string, why: string) {
    super(status, error);
    this.error_description = description;
    this.why = why;
  }
}

export const refusal = (committed: Committed & { ok: false }): Refused =>
  committed.why === 'full'
    ? new Refused(503, 'temporarily_unavailable', 'EG-1703: acts cannot be audited at the moment', 'full')
    : new Refused(400, 'invalid_grant', 'grant request is invalid', committed.why);

/**
 * Keeps what one read brought: the entry, and the grant and session that its links led the store to.
 * @param client whose grant was read with a session
 */
export function remember(unit: Unit, key: Key, loaded: Loaded | undefined, client?: string, body?: Payload): void {
  unit.loaded.set(key, loaded?.entry);
  // an interaction names a grant too, but has no link to it: nothing was read, which is not the same as nothing found
  if (!loaded || !body || key.includes(':i:')) return;
  const grantId = body.grantId ?? (client === undefined ? undefined : body.authorizations?.[client]?.grantId);
  if (grantId) unit.loaded.set(keyOf('Grant', grantId), loaded.grant);
  if (body.sessionUid) unit.loaded.set(keyOf('Session', body.sessionUid), loaded.session);
}

/** Begins reading a code or token now, beside what the request waits for anyway. */
export function readAhead(unit: Unit, state: ProtocolState, kind: Kind, id: string): void {
  const key = keyOf(kind, id);
  const promise = state.load(key);
  promise.catch(() => {}); // whoever awaits it sees the failure
  unit.ahead.set(key, promise);
}

const linksOf = (key: Key, body: Payload): Record<string, string> => ({
  ...(body.grantId ? { g: digestOf(keyOf('Grant', body.grantId)) } : {}),
  ...(body.sessionUid && !key.includes(':g:') ? { s: digestOf(keyOf('Session', body.sessionUid)) } : {}),
});

/** A code or token is written only if its grant and session still stand, checked in that same step. */
export const needsOf = (_key: Key, body: Payload): Key[] => [
  ...(body.grantId ? [keyOf('Grant', body.grantId)] : []),
  ...(body.sessionUid ? [keyOf('Session', body.sessionUid)] : []),
];

export const finished = ({ body, ...put }: Put & { body: Payload }): Put => ({
  ...put,
  payload: JSON.stringify(body),
  links: linksOf(put.key, body),
});

export function sessionPut(key: Key, body: Payload, version: number): Put {
  const links: Record<string, string> = {};
  for (const [client, { grantId }] of Object.entries(
    (body.authorizations ?? {}) as Record<string, { grantId?: string }>,
  )) {
    if (grantId) links[`g:${client}`] = digestOf(keyOf('Grant', grantId));
  }
  return { key, payload: JSON.stringify(body), expiresAt: body.exp * 1000, version, links };
}

export const demand = (committed: Committed): void => {
  if (!committed.ok) throw refusal(committed);
};

interface SessionChange {
  readonly key: Key;
  readonly body: Payload;
  readonly before?: { readonly key: Key; readonly version: number; readonly text: string };
}

/**
 * Writes what the request holds, in one batch. A session changed by another request meanwhile is merged and tried
 * again; one that ended is not brought back.
 */
export async function flush(unit: Unit, needs: AdapterNeeds, session?: SessionChange): Promise<void> {
  const puts = [...unit.put.values()];
  if (!session && puts.length === 0 && !unit.spend && unit.events.length === 0) return;
  const { spend } = unit;
  let mine = session?.body;
  let before = session?.before;
  for (let attempt = 0; attempt < 8; attempt++) {
    // an entry that was read must still stand when it is written again; a new one cannot stand yet
    const own = new Set<Key>(puts.filter((put) => !unit.loaded.get(put.key)).map((put) => put.key));
    const rewritten = puts.filter((put) => unit.loaded.get(put.key)).map((put) => put.key);
    if (session) own.add(session.key);
    const need = new Set([
      ...unit.need,
      ...puts.flatMap((put) => needsOf(put.key, put.body)),
      ...(spend ? needsOf(spend.key, spend.body) : []),
      ...rewritten,
    ]);
    const lock = session?.key ?? [...need].find((key) => key.includes(':s:')) ?? spend?.key ?? puts[0]?.key;
    if (!lock) throw new Error('audit events without a state to stand beside');
    const batch: Batch = {
      lock,
      need: [...need].filter((key) => !own.has(key)),
      compare: before && { key: before.key, version: before.version },
      spend: spend && spendOf(spend, needs.refreshWindow),
      put: [
        ...puts.map(finished),
        ...(session && mine ? [sessionPut(session.key, mine, (before?.version ?? 0) + 1)] : []),
      ],
      events: unit.events,
    };
    const committed = await committing(batch, needs);
    if (committed.ok) {
      unit.put.clear();
      unit.events.length = 0;
      unit.spend = undefined;
      return;
    }
    if (committed.why === 'spent' && spend) await endReplayed(spend, needs);
    if (committed.why !== 'conflict' || !session || !before) {
      needs.unsent(unit.events, 'refused');
      throw refusal(committed);
    }
    const { payload: text, version } = committed.current;
    mine = merged(JSON.parse(before.text), mine!, JSON.parse(text), puts);
    before = { key: before.key, version, text };
  }
  throw new Refused(503, 'temporarily_unavailable', 'EG-1703: the session is too busy', 'conflict');
}

async function committing(batch: Batch, needs: AdapterNeeds): Promise<Committed> {
  try {
    return await needs.state.commit(batch);
  } catch (error) {
    needs.unsent(batch.events ?? [], 'unknown');
    throw error;
  }
}

/** A replay ends this authorisation, not the consent and not the session (RFC 6749, 4.1.2; RFC 9700, 4.14.2). */
async function endReplayed(spend: NonNullable<Unit['spend']>, needs: AdapterNeeds): Promise<void> {
  if (!spend.body.grantId) return;
  const key = keyOf('Grant', spend.body.grantId);
  const { clientId: client, accountId: account } = spend.body;
  const events = [needs.stamp('token.replayed', { client, account, what: spend.body.kind })];
  const ended = await committing({ lock: key, remove: [key], events }, needs);
  if (!ended.ok) needs.unsent(events, 'refused');
}

function spendOf(spend: NonNullable<Unit['spend']>, window: number): NonNullable<Batch['spend']> {
  const isCode = spend.key.includes(':c:');
  return {
    key: spend.key,
    for: isCode ? 'tokens' : 'rotation',
    ...(spend.successor ? { window, successor: spend.successor } : {}),
  };
}
