import { hash } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/database.ts';
import type { Mirrored } from '../store/heartbeat.ts';

export type EndingKind = 'account' | 'session' | 'consent' | 'visit';

export interface Ending {
  readonly kind: EndingKind;
  /** Account id, digest of a session's uid, `account\nclient`, or for a visit `digest\nclient`. */
  readonly ref: string;
  /** Epoch ms; now unless said. */
  readonly at?: number;
  /** Epoch ms; the longest life of anything it ended: past it the ending is forgotten. */
  readonly until: number;
}

export interface Endings {
  /** False when nothing of this kind ended at or after `since`, whoever it is: then nothing needs to be looked up. */
  possible(kind: EndingKind, since: number): boolean;
  /** Whether something ended this at or after `since` (epoch ms); a session, at any time. Memory only, no look-up. */
  ended(kind: EndingKind, ref: string, since: number): boolean;
  /** Records an ending in the transaction of the act; other processes hear of it at commit. */
  record(tx: TransactionSql, ending: Ending): Promise<void>;
  /** Reads what is new. Called by notification and at least once a second. */
  refresh(): Promise<void>;
  /** Called after a reading that brought endings of this kind, whichever process they are of; returns how to stop. */
  onNews(kind: EndingKind, listener: () => void): () => void;
  /** How many endings were read by kind, how many are held, and the milliseconds since the last reading began. */
  told(): { readonly heard: Readonly<Record<EndingKind, number>>; readonly held: number; readonly age: number };
}

interface Row {
  readonly id: number;
  readonly kind: string;
  /** Hex. */
  readonly ref: string;
  /** Epoch ms, as is `until`. */
  readonly at: number;
  readonly until: number;
}

/** Stands for every account: once, in place of an ending for each of a city's people. */
export const everyone = '*';

const channel = 'egret_endings';
/** Milliseconds: what is older was heard of by every process that is ready. */
const recently = 10_000;
/** Eight bytes are enough: a false refusal in 2^64, and 100,000 endings stay below 10 MB. */
const short = (kind: string, ref: string): Buffer => hash('sha256', `${kind}\n${ref}`, 'buffer').subarray(0, 8);

export function watchEndings(needs: {
  readonly database: Database;
  readonly clock: Clock;
  readonly reading?: Pick<Database, 'sql'>;
  readonly mirror?: (ending: Mirrored) => void;
}) {
  const { database, clock, reading = database, mirror = () => {} } = needs;
  const recent = new Map<string, { at: number; until: number }>();
  const latest = new Map<string, number>();
  const listeners = new Set<{ kind: EndingKind; call: () => void }>();
  /** Ids of the last reading: the next one may read some of them again. */
  let lately = new Set<number>();
  /** Every transaction of a lower number was over at the last reading. */
  let cursor = 0n;
  const heard = { account: 0, session: 0, consent: 0, visit: 0 };
  let asked = clock.monotonic();
  let timer: NodeJS.Timeout | undefined;
  let listening: { unlisten(): Promise<void> } | undefined;
  let running: Promise<void> | undefined;

  async function read(): Promise<void> {
    const begun = clock.monotonic();
    // a lower id may commit after a higher one, long after: what counts is which transactions were still open
    const [found] = await reading.sql<{ open: string; closed: boolean; rows: Row[] | null }[]>`
      select pg_snapshot_xmin(pg_current_snapshot())::text as open, current_setting('transaction_read_only') = 'on' as closed,
        (select json_agg(json_build_object('id', id, 'kind', kind, 'ref', encode(ref, 'hex'),
          'at', extract(epoch from at) * 1000, 'until', extract(epoch from until) * 1000) order by id) from endings
          where xid >= ${cursor.toString()}::xid8 and until > ${new Date(clock.now())}) as rows`;
    // a standby, or a primary that takes no writes: what is ended now is not there
    if (found?.closed) throw Object.assign(new Error('the records take no writes'), { code: '25006' });
    const open = BigInt(found?.open ?? 0);
    // a standby took over that had not heard of the last transactions, and gives their numbers out again
    const anew = open < cursor;
    cursor = anew ? 0n : open;
    const rows = found?.rows ?? [];
    const fresh = rows.filter(({ id }) => !lately.has(id));
    const news = new Set(fresh.map(({ kind }) => kind));
    for (const { kind, ref, at, until } of fresh) {
      heard[kind as EndingKind] += 1;
      // whoever recorded it may not be able to (the command line), or have died
      if (at > clock.now() - recently) mirror([kind, ref, at, until]);
    }
    asked = begun;
    lately = new Set(rows.map(({ id }) => id));
    for (const { kind, ref, at, until } of rows) remember(kind, ref, at, until);
    for (const [key, { until }] of recent) if (until < clock.now()) recent.delete(key);
    for (const { kind, call } of listeners) if (news.has(kind)) call();
    if (anew) await read();
  }
  function remember(kind: string, ref: string, at: number, until: number): void {
    const key = `${kind}:${ref}`;
    const known = recent.get(key);
    latest.set(kind, Math.max(at, latest.get(kind) ?? at));
    if (!known || known.at < at) recent.set(key, { at, until: Math.max(until, known?.until ?? 0) });
  }
  function possible(kind: EndingKind, since: number): boolean {
    const last = latest.get(kind);
    // a uid is drawn once: what is begun under an ended one, by a sign-in that was half-way, is ended too
    return last !== undefined && (kind === 'session' || last >= since);
  }
  const refresh = (): Promise<void> => {
    running ??= read().finally(() => {
      running = undefined;
    });
    return running;
  };
  return {
    refresh,
    possible,
    told: () => ({ heard, held: recent.size, age: clock.monotonic() - asked }),
    onNews(kind: EndingKind, call: () => void): () => void {
      const listener = { kind, call };
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    ended(kind: EndingKind, ref: string, since: number): boolean {
      if (!possible(kind, since)) return false;
      const names = kind === 'account' ? [ref, everyone] : [ref];
      return names.some((name) => {
        const known = recent.get(`${kind}:${short(kind, name).toString('hex')}`);
        return known !== undefined && (kind === 'session' || known.at >= since);
      });
    },
    async record(tx: TransactionSql, { kind, ref, until, at = clock.now() }: Ending): Promise<void> {
      await tx`insert into endings (kind, ref, at, until) values (${kind}, ${short(kind, ref)}, ${new Date(at)}, ${new Date(until)})`;
      await tx`select pg_notify(${channel}, '')`;
      // this process refuses from here on; if the transaction fails, what it meant to end is refused too early, never too late
      remember(kind, short(kind, ref).toString('hex'), at, until);
      mirror([kind, short(kind, ref).toString('hex'), at, until]);
    },
    hear(endings: readonly Mirrored[]): void {
      for (const ending of endings) remember(...ending);
    },
    async start(): Promise<void> {
      await refresh();
      const ignore = () => {}; // the records are unreachable: readiness says so, the next tick reads again
      listening = await database.sql.listen(channel, () => void refresh().catch(ignore));
      timer = setInterval(() => void refresh().catch(ignore), 1000);
      timer.unref();
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await listening?.unlisten();
    },
  };
}
