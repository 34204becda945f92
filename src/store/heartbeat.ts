import type { Redis } from './redis.ts';

/** An ending as it travels: the kind, eight bytes in hex, and when it was and is forgotten (epoch ms). */
export type Mirrored = readonly [kind: string, ref: string, at: number, until: number];

export interface Beat {
  /** Milliseconds since some process last reached the records, by the clock of Redis; Infinity: none did. */
  readonly age: number;
  /** The greatest key epoch that was said with it. */
  readonly epoch: number;
  /** Endings mirrored in the last `since` milliseconds. */
  readonly endings: readonly Mirrored[];
}

/**
 * What processes tell each other through Redis, so that one that has lost PostgreSQL knows whether the others have it
 * (DESIGN rule 3), and what had ended when it went. It is no truth: the records are.
 */
export interface Heartbeat {
  /** This process reaches the records, and its keys are of this epoch. */
  beat(epoch: number): Promise<void>;
  listen(since: number): Promise<Beat>;
  /** Nobody waits for it: where Redis does not take it, the records have it. */
  mirror(ending: Mirrored): void;
}

// one slot of a cluster
const beatKey = 'egret:{records}:beat';
const endingsKey = 'egret:{records}:endings';
/** More than are ever made in the seconds that are looked back. */
const kept = 10_000;

/** An epoch said by one that lags behind does not hide a later one; one of before a restore does not stay for ever. */
const beatScript = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local was = redis.call('HMGET', KEYS[1], 'at', 'epoch')
local epoch = tonumber(ARGV[1])
if was[1] and now - tonumber(was[1]) < 10000 and tonumber(was[2]) > epoch then epoch = tonumber(was[2]) end
redis.call('HSET', KEYS[1], 'at', now, 'epoch', epoch)`;

const listenScript = `
local t = redis.call('TIME')
local now = t[1] * 1000 + math.floor(t[2] / 1000)
local was = redis.call('HMGET', KEYS[1], 'at', 'epoch')
local endings = redis.call('XRANGE', KEYS[2], math.max(0, now - tonumber(ARGV[1])), '+')
return {was[1] and tostring(now - tonumber(was[1])) or '', was[2] or '0', endings}`;

export function redisHeartbeat(redis: Redis): Heartbeat {
  return {
    async beat(epoch) {
      await redis.eval(beatScript, 1, beatKey, epoch);
    },
    async listen(since) {
      const [age, epoch, endings] = (await redis.eval(listenScript, 2, beatKey, endingsKey, Math.ceil(since))) as [
        string,
        string,
        readonly [id: string, fields: readonly string[]][],
      ];
      return {
        age: age === '' ? Number.POSITIVE_INFINITY : Number(age),
        epoch: Number(epoch),
        endings: endings.map(([, fields]) => JSON.parse(fields[1] ?? '') as Mirrored),
      };
    },
    mirror(ending) {
      redis.xadd(endingsKey, 'MAXLEN', '~', kept, '*', 'e', JSON.stringify(ending)).catch(() => {});
    },
  };
}
