import { randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { databaseState } from '../../src/provider/state/adapter-database.ts';
import { redisState } from '../../src/provider/state/adapter-redis.ts';
import type { Batch, Key, ProtocolState } from '../../src/provider/state/state.ts';
import { buckets, digits, keyOf } from '../../src/provider/state/state.ts';
import { openDatabase } from '../../src/store/database.ts';
import { isRedisUnreachable, openRedis, redisReady, serversOf } from '../../src/store/redis.ts';
import { database, type TestDatabaseOptions } from '../support/database.ts';
import { until } from '../support/processes.ts';
import { epochsAlone, redis as startRedis } from '../support/redis.ts';
import { redisCluster } from '../support/redis-cluster.ts';
import { redisSentinels } from '../support/redis-sentinel.ts';

/** One entry as it lies in the store, whatever the contract says of it. */
export interface Row {
  readonly key: string;
  /** Milliseconds until the store forgets it by itself; -1 where it never does. */
  readonly ttl: number;
  /** Milliseconds it has to live by its own word; undefined of what has no end (an audit stream). */
  readonly life?: number;
  readonly spentFor?: string;
  /** Everything in it. */
  readonly text: string;
}

/** A store under test, seen by two clients that share no connection, and from behind. */
export interface Bench {
  readonly a: ProtocolState;
  readonly b: ProtocolState;
  /** Milliseconds both clients' clocks run ahead. */
  offset: number;
  /** The engine deletes nothing by itself, so sweep() has to. */
  readonly sweeps: boolean;
  /** Arguments of racer.ts. */
  readonly racer: readonly [engine: string, url: string];
  rows(): Promise<Row[]>;
  clear(): Promise<void>;
}

export async function onDatabase(t: Test, engine: TestDatabaseOptions['engine']): Promise<Bench> {
  const first = await database(t, { engine });
  const second = openDatabase({ url: first.url });
  t.teardown(() => second.close());
  const offset = () => bench.offset;
  const bench: Bench = {
    a: databaseState(first, offset),
    b: databaseState(second, offset),
    offset: 0,
    sweeps: true,
    racer: ['database', first.url],
    async rows() {
      const rows = await first.sql<{ key: string; life: string; spent: string | null; text: string }[]>`
        select key, expires_at - protocol_now(0) as life, spent_for as spent, s::text as text from protocol_state s`;
      return rows.map((row) => ({
        key: row.key,
        ttl: -1,
        life: Number(row.life),
        spentFor: row.spent ?? undefined,
        text: row.text,
      }));
    },
    async clear() {
      await first.sql`truncate protocol_state, protocol_events`;
    },
  };
  return bench;
}

/** One server. */
export const onRedis = async (t: Test): Promise<Bench> => onRedisAt(t, (await startRedis(t)).url);

/** Three primaries with replicas; meanwhile a slot moves, and the node it is then on is lost. */
export async function onCluster(t: Test): Promise<Bench> {
  const cluster = await redisCluster(t);
  return onRedisAt(t, cluster.url, {
    3: () => cluster.move('07'),
    6: async () => (await cluster.owner('07')).server.kill(),
  });
}

/** A group under Sentinel, whose primary is lost meanwhile, with writes that no replica saw. */
export async function onSentinels(t: Test): Promise<Bench> {
  const sentinels = await redisSentinels(t);
  return onRedisAt(t, sentinels.url, {
    async 6({ a }) {
      const primary = await sentinels.primary();
      await sentinels.cutOff(primary);
      t.ok(await serves(a));
      await primary.server.kill();
      await sentinels.promoted(primary);
    },
  });
}

/** @param weather what befalls the servers before the case of that number; the case begins when they serve again */
async function onRedisAt(
  t: Test,
  url: string,
  weather: Record<number, (bench: Bench) => Promise<void>> = {},
): Promise<Bench> {
  const clients = [openRedis(url), openRedis(url)] as const;
  let cases = 0;
  t.teardown(() => {
    for (const client of clients) client.disconnect();
  });
  const [first, second] = clients;
  await Promise.all(clients.map((client) => redisReady(client)));
  const offset = () => bench.offset;
  const bench: Bench = {
    a: redisState(first, epochsAlone, offset),
    b: redisState(second, epochsAlone, offset),
    offset: 0,
    sweeps: false,
    racer: ['redis', url],
    async rows() {
      const rows: Row[] = [];
      for (const server of serversOf(first))
        for (const key of await server.keys('*')) {
          if (key.endsWith(':epoch')) continue; // of the bucket, not of anything in it
          const ttl = await server.pttl(key);
          const [seconds, micros] = await server.time();
          const now = Number(seconds) * 1000 + Math.floor(Number(micros) / 1000);
          if ((await server.type(key)) === 'stream') {
            rows.push({ key, ttl, text: JSON.stringify(await server.xrange(key, '-', '+')) });
            continue;
          }
          const fields = await server.hgetall(key);
          rows.push({ key, ttl, life: Number(fields.x) - now, spentFor: fields.f, text: JSON.stringify(fields) });
        }
      return rows;
    },
    async clear() {
      await weather[++cases]?.(bench);
      for (const state of [bench.a, bench.b]) await until(() => serves(state), 10_000);
      for (const server of serversOf(first)) await server.flushall();
    },
  };
  return bench;
}

/** Whether a step in every bucket is carried out now. */
export async function serves(state: ProtocolState): Promise<boolean> {
  const everywhere = Array.from({ length: buckets }, (_, bucket) => keyOf('Session', fresh(digits(bucket))));
  const put = (key: Key) => state.commit({ lock: key, put: [{ key, payload: '', expiresAt: later() }] });
  return Promise.all(everywhere.map(put)).then(
    () => true,
    (error: unknown) => {
      if (isRedisUnreachable(error)) return false;
      throw error;
    },
  );
}

export const fresh = (bucket = '07'): string => bucket + randomBytes(16).toString('base64url');

/** Keys of one session, its grant, and whatever else hangs on them, in one bucket. */
export function family(bucket = '07') {
  const key = (kind: Parameters<typeof keyOf>[0]): Key => keyOf(kind, fresh(bucket));
  return { session: key('Session'), grant: key('Grant'), code: key('AuthorizationCode'), key };
}

export const later = (ms = 60_000): number => Date.now() + ms;

/** Writes plain entries, and fails where they are refused. */
export async function write(state: ProtocolState, puts: NonNullable<Batch['put']>): Promise<void> {
  const done = await state.commit({ lock: puts[0]!.key, put: puts });
  if (!done.ok) throw new Error(`not written: ${done.why}`);
}
/** `times` calls at once, by turns on either client. */
export const parallel = <T>(bench: Bench, times: number, act: (state: ProtocolState, turn: number) => Promise<T>) =>
  Promise.all(Array.from({ length: times }, (_, turn) => act(turn % 2 ? bench.b : bench.a, turn)));

/** Every undrained event's text, oldest first, taken out of the store. */
export async function drained(state: ProtocolState): Promise<string[]> {
  const events = await state.events(100_000);
  await state.forget(events);
  return events.map((event) => event.stamp);
}
