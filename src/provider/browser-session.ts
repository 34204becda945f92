import { hash } from 'node:crypto';
import type { Vault } from '../keys/keys.ts';
import type { Standing } from './grants.ts';
import { stands, uidOf } from './state/adapter.ts';
import {
  type Batch,
  type Entry,
  type Key,
  keyOf,
  type PendingEvent,
  type ProtocolState,
  sibling,
} from './state/state.ts';
import type { EndedBy, Payload } from './state/unit.ts';

/** A signed-in browser as the account centre and sign-out see it: read by its cookie, never written by this read. */
export interface BrowserSession {
  readonly uid: string;
  readonly accountId: string;
  readonly acr: string;
  readonly amr: readonly string[];
  /** Epoch seconds. */
  readonly loginTs: number;
  /** Epoch milliseconds. */
  readonly started: number;
  readonly seen: number;
  readonly expiresAt: number;
  readonly maskedName: string;
  /** Departments signed in to by this session. */
  readonly visits: readonly Visit[];
}

export interface Visit {
  readonly clientId: string;
  readonly sid: string;
  readonly grantId?: string;
  /** No code was issued yet: the person has not come further than our pages. */
  readonly pending?: true;
}

export interface BrowserSessions {
  /** The session this cookie opens, or undefined. */
  read(cookie: string | undefined): Promise<BrowserSession | undefined>;
  /** The visits of a session named by its digest (the account centre's list), or undefined when it is gone. */
  visits(
    digest: string,
    bucket: string,
  ): Promise<{ accountId: string; seen: number; visits: readonly Visit[] } | undefined>;
  /** Epoch milliseconds, by client: when each of these visits, or what was agreed for it, began. */
  since(visits: readonly Visit[]): Promise<ReadonlyMap<string, number>>;
  /**
   * Removes the session and all that hangs on it, in one step: nothing is issued by it after. Answers the departments it
   * was in at that step. The records say so first (sessions/).
   */
  remove(which: { uid: string } | { digest: string; bucket: string }): Promise<readonly Visit[]>;
  /**
   * The same with the event that says so, in one step, while the records are away: what is left to do about it is found
   * again by the event's id when that is drained (`leftToDo`). False when it was gone.
   * @param how made of the departments it is in, and anew when those have changed before the step
   */
  removeFor(
    which: { digest: string; bucket: string },
    how: (visits: readonly Visit[]) => { readonly stamped: string; readonly leftToDo: object },
  ): Promise<boolean>;
  leftToDo(event: PendingEvent): Promise<unknown>;
  /**
   * Takes one department out of the session, as it was at that step, and ends its grant; the session goes on.
   * @param withdrawn it holds no longer either what was agreed to there
   */
  leave(
    which: { uid: string } | { digest: string; bucket: string },
    clientId: string,
    withdrawn?: boolean,
  ): Promise<Visit | undefined>;
  /** Lays what the person decided elsewhere into a running session; a notice that was switched on is due again. */
  carry(which: { uid: string } | { digest: string; bucket: string }, clientId: string, now: Standing): Promise<void>;
}

const day = 86_400_000;
const noteIdOf = (stamped: string): string => (JSON.parse(stamped) as { id: string }).id;
const noteKey = (bucket: string, id: string): Key => sibling(`${bucket}:s:`, 'Flow', sha(id));
const noteContext = (id: string): string => `left to do:${id}`;

const sha = (value: string): string => hash('sha256', value, 'base64url');

export function createBrowserSessions(state: ProtocolState, vault: Vault, ended: EndedBy): BrowserSessions {
  const keyFor = (which: { uid: string } | { digest: string; bucket: string }): Key =>
    'uid' in which ? keyOf('Session', which.uid) : sibling(`${which.bucket}:s:`, 'Session', which.digest);
  const visitsOf = (body: Payload): Visit[] =>
    Object.entries((body.authorizations ?? {}) as Record<string, Partial<Visit>>)
      .filter(([, { sid }]) => sid)
      .map(([clientId, { sid, grantId, pending }]) => ({ clientId, sid: sid!, grantId, pending }));
  const begun = (body: Payload): Visit[] => visitsOf(body).filter(({ pending }) => !pending);
  return {
    async read(cookie) {
      const uid = uidOf(cookie);
      if (cookie === undefined || uid === undefined) return undefined;
      const loaded = await state.load(keyOf('Session', uid));
      if (!loaded) return undefined;
      const body = JSON.parse(loaded.entry.payload) as Payload;
      if (sha(cookie) !== body.jti || !body.accountId || !stands(body, ended)) return undefined;
      const sealed = body.sealed ? JSON.parse(vault.open(Buffer.from(body.sealed, 'base64'), `session:${uid}`)) : {};
      return {
        uid,
        accountId: body.accountId,
        acr: body.acr,
        amr: body.amr ?? [],
        loginTs: body.loginTs,
        started: body.egret.started,
        seen: body.egret.seen,
        expiresAt: loaded.entry.expiresAt,
        maskedName: sealed.person?.maskedName ?? '',
        visits: begun(body),
      };
    },
    async visits(digest, bucket) {
      const loaded = await state.load(keyFor({ digest, bucket }));
      if (!loaded) return undefined;
      const body = JSON.parse(loaded.entry.payload) as Payload;
      return { accountId: body.accountId, seen: body.egret.seen, visits: begun(body) };
    },
    async since(visits) {
      const found = await Promise.all(
        visits.map(async ({ clientId, grantId }) => {
          const loaded = grantId ? await state.load(keyOf('Grant', grantId)) : undefined;
          const { at } = loaded ? (JSON.parse(loaded.entry.payload) as { at?: number }) : {};
          return at === undefined ? [] : [[clientId, at] as const];
        }),
      );
      return new Map(found.flat());
    },
    async remove(which) {
      return (await removal(keyFor(which))) ?? [];
    },
    async removeFor(which, how) {
      const removed = await removal(keyFor(which), (visits, { expiresAt }) => {
        const { stamped, leftToDo } = how(visits);
        const id = noteIdOf(stamped);
        const payload = vault.seal(JSON.stringify(leftToDo), noteContext(id)).toString('base64');
        const note = { key: noteKey(which.bucket, id), payload, expiresAt: expiresAt + day };
        return { put: [note], events: [stamped] };
      });
      return removed !== undefined;
    },
    async leftToDo({ bucket, stamp }) {
      const id = noteIdOf(stamp);
      const loaded = await state.load(noteKey(bucket, id));
      return loaded && JSON.parse(vault.open(Buffer.from(loaded.entry.payload, 'base64'), noteContext(id)));
    },
    async leave(which, clientId, withdrawn = false) {
      let left: Visit | undefined;
      const changed = await change(keyFor(which), (body) => {
        left = visitsOf(body).find((candidate) => candidate.clientId === clientId);
        const holds = withdrawn && body.egret.consents?.[clientId] !== undefined;
        if (!left && !holds) return undefined;
        delete body.authorizations?.[clientId];
        if (holds) delete body.egret.consents[clientId];
        body.egret.noticed = (body.egret.noticed ?? []).filter((id: string) => id !== clientId);
        return left?.grantId ? [keyOf('Grant', left.grantId)] : [];
      });
      return changed ? left : undefined;
    },
    async carry(which, clientId, now) {
      await change(keyFor(which), (body) => {
        body.egret.consents = { ...body.egret.consents, [clientId]: now };
        if (!now.noticeOff) body.egret.noticed = (body.egret.noticed ?? []).filter((id: string) => id !== clientId);
        return [];
      });
    },
  };

  /** Removes a session by compare-and-set, with what is written beside; answers its departments, undefined when it was gone. */
  async function removal(
    key: Key,
    beside: (visits: readonly Visit[], entry: Entry) => Pick<Batch, 'put' | 'events'> = () => ({}),
  ): Promise<readonly Visit[] | undefined> {
    let entry = (await state.load(key))?.entry;
    // a process that was faster has heard of the record within a second, and writes no more
    for (let attempt = 0; entry && attempt < 1_000; attempt++) {
      const body = JSON.parse(entry.payload) as Payload;
      const grants = visitsOf(body).flatMap(({ grantId }) => (grantId ? [keyOf('Grant', grantId)] : []));
      const compare = { key, version: entry.version };
      const batch = { lock: key, compare, ...beside(begun(body), entry), remove: [key, ...grants] };
      const committed = await state.commit(batch);
      if (committed.ok) return begun(body);
      entry = committed.why === 'conflict' ? committed.current : undefined;
    }
    return undefined;
  }

  /**
   * Changes a session by compare-and-set. `how` answers what goes with it, or undefined when there is nothing to do:
   * false then, as where the session is gone.
   */
  async function change(key: Key, how: (body: Payload) => Key[] | undefined): Promise<boolean> {
    for (let attempt = 0; attempt < 8; attempt++) {
      const loaded = await state.load(key);
      if (!loaded) return false;
      const body = JSON.parse(loaded.entry.payload) as Payload;
      const remove = how(body);
      if (!remove) return false;
      const links = Object.fromEntries(
        visitsOf(body).flatMap(({ clientId, grantId }) =>
          grantId ? [[`g:${clientId}`, keyOf('Grant', grantId).slice(5)]] : [],
        ),
      );
      const { version, expiresAt } = loaded.entry;
      const committed = await state.commit({
        lock: key,
        compare: { key, version },
        put: [{ key, payload: JSON.stringify(body), expiresAt, version: version + 1, links }],
        remove,
      });
      if (committed.ok) return true;
    }
    throw new Error('the session was too busy');
  }
}
