import type { Clock } from '../clock.ts';

/**
 * Backing off after 3xxx: who was told "too often" is not asked again for a while, a longer one each time. In memory
 * and per process, because it is a courtesy to the province: the limits that protect a person are elsewhere.
 */
export interface Quota {
  /** Whether this is still too early. */
  isEarly(key: string): boolean;
  refused(key: string): void;
  answered(key: string): void;
}

const mostKept = 1_000;

export function createQuota(clock: Clock, waits: readonly number[]): Quota {
  const refusals = new Map<string, { times: number; until: number }>();
  return {
    isEarly: (key) => (refusals.get(key)?.until ?? 0) > clock.monotonic(),
    refused(key) {
      const times = (refusals.get(key)?.times ?? 0) + 1;
      const wait = waits[Math.min(times, waits.length) - 1] ?? 0;
      refusals.delete(key);
      refusals.set(key, { times, until: clock.monotonic() + wait });
      // The one that was refused longest ago goes first.
      for (const oldest of refusals.keys()) {
        if (refusals.size <= mostKept) break;
        refusals.delete(oldest);
      }
    },
    answered(key) {
      refusals.delete(key);
    },
  };
}
