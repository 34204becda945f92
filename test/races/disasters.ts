import { until } from '../support/processes.ts';
import type { TestRedis } from '../support/redis.ts';
import type { Disaster } from './lost-writes.ts';

/**
 * What may befall one Redis, and leaves it without what it answered last.
 * @param sides the gateways, which say meanwhile that they cannot answer, and when to come again
 */
export function disastersOf(redis: TestRedis, sides: readonly string[]): Readonly<Record<string, Disaster>> {
  let kept: string | undefined;
  const keep = async () => {
    kept = await redis.keep();
  };
  return {
    'killed, and back with an older snapshot': {
      prepare: keep,
      async strike() {
        await redis.kill();
        await redis.start(kept);
      },
    },
    'killed, away for a while, and back with an older snapshot': {
      prepare: keep,
      async strike() {
        await redis.kill();
        const down = performance.now();
        await until(async () => (await Promise.all(sides.map(away))).every(Boolean), 5_000);
        await until(() => performance.now() - down > 5_000);
        await redis.start(kept);
      },
    },
    'its memory lost': {
      prepare: async () => {},
      async strike() {
        await redis.kill();
        await redis.start();
      },
    },
    'a file of a backup restored': {
      prepare: keep,
      async strike() {
        await redis.kill('SIGTERM');
        await redis.start(kept);
      },
    },
  };
}

/** Whether a gateway says that its store is away, as a client wants to hear it: at once, and when to come again. */
async function away(side: string): Promise<boolean> {
  const asked = performance.now();
  const answer = await fetch(`${side}/token`, {
    method: 'POST',
    body: new URLSearchParams({ grant_type: 'refresh_token', refresh_token: '07none', client_id: 'public' }),
  });
  const text = await answer.text();
  if (performance.now() - asked > 3_000) throw new Error(`${answer.status} after ${performance.now() - asked} ms`);
  return answer.status === 503 && answer.headers.get('retry-after') === '1' && text.includes('EG-1703');
}
