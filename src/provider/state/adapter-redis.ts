import { hash } from 'node:crypto';
import type { Begun, Seen, StoreEpochs } from '../../store/epochs.ts';
import { gatherWrites, isCluster, type Redis } from '../../store/redis.ts';
import * as scripts from './scripts.ts';
import {
  type Batch,
  bucketOf,
  buckets,
  type Committed,
  digits,
  type Entry,
  eventBound,
  type Guess,
  guessLimit,
  type Key,
  type PendingEvent,
  type ProtocolState,
} from './state.ts';

type Fields = [payload: string, expiresAt: string, consumedAt: string, version: string];

const entryOf = (fields: Fields | null | undefined): Entry | undefined =>
  fields
    ? { payload: fields[0], expiresAt: Number(fields[1]), consumedAt: Number(fields[2]), version: Number(fields[3]) }
    : undefined;

/** `egret:{07}:s:…`: the bucket is the hash tag, so all of one session lies in one slot of a cluster. */
const prefixOf = (bucket: string): string => `egret:{${bucket}}:`;
const redisKey = (key: Key): string => prefixOf(bucketOf(key)) + key.slice(3);
const streamOf = (bucket: string): string => `${prefixOf(bucket)}audit`;
const everyBucket = Array.from({ length: buckets }, (_, bucket) => digits(bucket));
const epochOf = (bucket: string): string => `${prefixOf(bucket)}epoch`;

/**
 * Protocol state in Redis (the design's way for a city): one script a step, one trip a step.
 * @param epochs settles with all other processes which Redis this is, before it is served from
 * @param offset milliseconds the clock of this process runs ahead of the store's; 0 outside tests
 */
export function redisState(redis: Redis, epochs: StoreEpochs, offset: () => number = () => 0): ProtocolState {
  const digestOfScript = new Map(Object.values(scripts).map((source) => [source, hash('sha1', source)]));
  const gather = gatherWrites(redis);
  /** EVALSHA; a server that restarted has forgotten the script, so NOSCRIPT is answered with one EVAL. */
  const evaluate = async (source: string, keys: string[], args: (string | number)[]): Promise<unknown> => {
    gather();
    try {
      return await redis.evalsha(digestOfScript.get(source)!, keys.length, ...keys, offset(), ...args);
    } catch (error) {
      if (!(error instanceof Error && error.message.startsWith('NOSCRIPT'))) throw error;
      return await redis.eval(source, keys.length, ...keys, offset(), ...args);
    }
  };

  /** The epoch of each bucket, as this process knows it. */
  const known = new Map<string, number>();
  epochs.watch((numbers) => {
    for (const [bucket, number] of numbers) known.set(bucket, number);
  });
  const look = async (): Promise<Seen[]> => {
    const answers = await Promise.allSettled(
      everyBucket.map((bucket) => evaluate(scripts.look, [epochOf(bucket)], []) as Promise<string[]>),
    );
    // where one node of a cluster is lost, the others are served
    return answers.flatMap((answer, bucket) => {
      if (answer.status === 'rejected') return [];
      const [server = '', before, number] = answer.value;
      return {
        bucket: digits(bucket),
        server,
        written: before ? { server: before, number: Number(number) } : undefined,
      };
    });
  };
  const begin = async (begun: readonly Begun[]): Promise<void> => {
    await Promise.all(
      begun.map(({ bucket, number, server, at }) => evaluate(scripts.begin, [epochOf(bucket)], [number, server, at])),
    );
  };
  let agreeing: Promise<void> | undefined;
  const agree = (): Promise<void> => {
    agreeing ??= epochs
      .agree(look, begin)
      .then((numbers) => {
        for (const [bucket, number] of numbers) known.set(bucket, number);
      })
      .finally(() => {
        agreeing = undefined;
      });
    return agreeing;
  };

  /** A step that met another epoch did nothing: it is taken again once all have agreed on that one. */
  const run = async (source: string, keys: string[], args: (string | number)[]): Promise<unknown> => {
    const bucket = keys[0]!.slice(7, 9);
    for (let attempt = 0; ; attempt++) {
      try {
        return await evaluate(source, keys, [known.get(bucket) ?? 0, ...args]);
      } catch (error) {
        // the second time, what was agreed may have been looked at before this one came
        if (attempt === 2 || !(error instanceof Error && error.message.startsWith('EPOCH'))) throw error;
        await agree();
      }
    }
  };
  return {
    async load(key, options = {}) {
      const answer = (await run(scripts.load, [redisKey(key)], [options.client ?? ''])) as
        | [Fields, Fields | null, Fields | null]
        | null;
      const entry = entryOf(answer?.[0]);
      return entry && { entry, grant: entryOf(answer?.[1]), session: entryOf(answer?.[2]) };
    },
    async commit(batch) {
      const { keys, body, payloads } = indexed(batch);
      const answer = (await run(
        scripts.commit,
        [...keys.map(redisKey), streamOf(bucketOf(batch.lock))],
        [eventBound, JSON.stringify(body), ...payloads, ...(batch.events ?? [])],
      )) as [string, ...unknown[]];
      const [what, detail] = answer;
      if (what === 'ok') return { ok: true, repeated: detail === '1' };
      if (what === 'conflict') return { ok: false, why: 'conflict', current: entryOf(detail as Fields)! };
      return { ok: false, why: what } as Committed;
    },
    guess: async (key, mac, guessId) =>
      JSON.parse((await run(scripts.guess, [redisKey(key)], [mac, guessId, guessLimit])) as string) as Guess,
    async count(key, windowMs, limit) {
      const [allowed, used, resetAt] = (await run(scripts.count, [redisKey(key)], [windowMs, limit])) as [
        number,
        number,
        string,
      ];
      return { allowed: allowed === 1, used, resetAt: Number(resetAt) };
    },
    async events(limit) {
      const pending: PendingEvent[] = [];
      gather();
      const streams = await Promise.all(
        everyBucket.map((bucket) => redis.xrange(streamOf(bucket), '-', '+', 'COUNT', limit)),
      );
      streams.forEach((entries, bucket) => {
        for (const [id, fields] of entries) pending.push({ id, bucket: digits(bucket), stamp: fields[1] ?? '' });
      });
      // oldest first over all buckets: a busy one must not keep the others' events waiting
      return inOrder(pending).slice(0, limit);
    },
    async forget(events) {
      const byBucket = Map.groupBy(events, (event) => event.bucket);
      await Promise.all(
        [...byBucket].map(([bucket, list]) => redis.xdel(streamOf(bucket), ...list.map((event) => event.id))),
      );
    },
    async pending() {
      gather();
      const lengths = await Promise.all(everyBucket.map((bucket) => redis.xlen(streamOf(bucket))));
      return { waiting: lengths.reduce((sum, length) => sum + length, 0), fullest: Math.max(...lengths) };
    },
    async ping() {
      // of a cluster, in every bucket: where one node is lost, some are served
      const asked = isCluster(redis) ? everyBucket : everyBucket.slice(0, 1);
      await Promise.all(asked.map((bucket) => run(scripts.stand, [epochOf(bucket)], [])));
    },
    sweep: async () => 0,
    close: async () => {
      redis.disconnect();
    },
  };
}

/** Ids of a stream are `<ms>-<number>`. */
function inOrder(events: readonly PendingEvent[]): PendingEvent[] {
  return events
    .map((event) => ({ event, place: event.id.split('-').map(Number) as [time: number, number: number] }))
    .sort(({ place: one }, { place: other }) => one[0] - other[0] || one[1] - other[1])
    .map(({ event }) => event);
}

/** The batch with keys replaced by their places in KEYS, every list present (Lua knows no undefined), and what it puts. */
function indexed(batch: Batch): { keys: Key[]; body: object; payloads: string[] } {
  const keys: Key[] = [];
  const place = (key: Key): number => {
    const known = keys.indexOf(key);
    return known >= 0 ? known + 1 : keys.push(key);
  };
  const { compare, spend, put: puts = [] } = batch;
  const body = {
    need: (batch.need ?? []).map(place),
    usableFrom: batch.usableFrom,
    absent: batch.absent && place(batch.absent),
    compare: compare && { ...compare, key: place(compare.key) },
    spend: spend && { ...spend, key: place(spend.key), successor: spend.successor && place(spend.successor) },
    put: puts.map(({ payload: _, ...put }) => ({ ...put, key: place(put.key) })),
    remove: (batch.remove ?? []).map(place),
  };
  return { keys, body, payloads: puts.map(({ payload }) => payload) };
}
