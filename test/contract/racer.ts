/**
 * One side of a race: a process with connections of its own to the store that state.test.ts races on. Each line of
 * standard input is a start signal with the work to fire at once; each is answered by one line. Run by that test only.
 */
import { createInterface } from 'node:readline';
import { databaseState } from '../../src/provider/state/adapter-database.ts';
import { redisState } from '../../src/provider/state/adapter-redis.ts';
import type { Batch, Key } from '../../src/provider/state/state.ts';
import { openDatabase } from '../../src/store/database.ts';
import { openRedis, redisReady } from '../../src/store/redis.ts';
import { epochsAlone } from '../support/redis.ts';

/** What one side does at one signal, all of it in parallel. */
export interface Leg {
  readonly commits?: readonly Batch[];
  readonly guesses?: readonly (readonly [key: Key, mac: string, guessId: string])[];
}

async function open(engine: string, url: string) {
  if (engine !== 'redis') return databaseState(openDatabase({ url }));
  const redis = openRedis(url);
  await redisReady(redis);
  return redisState(redis, epochsAlone);
}

if (import.meta.main) {
  const [engine = '', url = ''] = process.argv.slice(2);
  const state = await open(engine, url);
  await state.ping();
  console.log('ready');
  let signals = 0;
  for await (const line of createInterface({ input: process.stdin })) {
    const leg = JSON.parse(line) as Leg;
    const answers = await Promise.all([
      ...(leg.commits ?? []).map((batch) => state.commit(batch)),
      ...(leg.guesses ?? []).map((guess) => state.guess(...guess)),
    ]);
    console.log(`answer ${++signals} ${JSON.stringify(answers)}`);
  }
}
