import type { Clock } from '../../clock.ts';
import type { Fetch } from './outbound.ts';

/** Calls in a row that came to nothing, after which a host is left alone. */
const threshold = 5;
/** For so long, ms; then one call tries, and the others wait for what comes of it. */
const rest = 10_000;

/**
 * A breaker for each host: one that does not answer holds a place for the whole deadline of every call, and a few such
 * departments would hold all places there are for notices. Any answer counts as one. Rejects with `breaker-open`.
 */
export function withBreakers(
  call: Fetch,
  clock: Pick<Clock, 'monotonic'>,
): Fetch & { /** How many hosts are left alone. */ readonly resting: () => number } {
  // hosts of clients' records that fail now: no more than there are records
  const failing = new Map<string, { failures: number; nextTry: number }>();
  const guarded: Fetch = async (input, init) => {
    const { host } = new URL(input instanceof Request ? input.url : input);
    const before = failing.get(host);
    if (before && before.failures >= threshold) {
      const now = clock.monotonic();
      if (now < before.nextTry)
        throw new TypeError('not called', {
          cause: Object.assign(new Error('it did not answer'), { code: 'breaker-open' }),
        });
      before.nextTry = now + rest;
    }
    try {
      const answer = await call(input, init);
      failing.delete(host);
      return answer;
    } catch (error) {
      // not called at all: there is nothing to spare, and its reason says more
      if (((error as Error).cause as { code?: string } | undefined)?.code === 'forbidden-address') throw error;
      const failures = (failing.get(host)?.failures ?? 0) + 1;
      failing.set(host, { failures, nextTry: clock.monotonic() + rest });
      throw error;
    }
  };
  const resting = () => [...failing.values()].filter(({ failures }) => failures >= threshold).length;
  return Object.assign(guarded, { resting });
}
