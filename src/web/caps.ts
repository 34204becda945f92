import type { Cap, Config } from '../config.ts';
import { networkOf } from './network.ts';

export type CapName = keyof Config['limits'];

/** Counts one use of this address under this name; `resetAt` in epoch milliseconds. */
export type CountUse = (
  name: CapName,
  address: string,
  /** The long-lived token that this browser came with. */
  browser: string | undefined,
) => Promise<{ readonly allowed: boolean; readonly resetAt: number }>;

export interface CapNeeds {
  readonly limits: Readonly<Record<CapName, Cap>>;
  /** Counts one use in a fixed window of milliseconds; what is refused is not counted. */
  readonly count: (
    key: string,
    windowMs: number,
    limit: number,
  ) => Promise<{ readonly allowed: boolean; readonly resetAt: number }>;
  /** Whether some account knows this browser. */
  readonly knows: (browser: string) => Promise<boolean>;
}

/**
 * The caps of a network address. Whoever shares one with a person (a hall, a school, a mobile network) could use it up
 * and shut them out, so a browser that somebody has signed in with has a part of its own, which begins where that of
 * the address ends (DESIGN section 5). It is known by itself, whatever account it asks for: a cap tells nothing of any.
 */
export function createCaps({ limits, count, knows }: CapNeeds): CountUse {
  return async (name, address, browser) => {
    const { count: limit, seconds, known } = limits[name];
    const shared = await count(`${name}\n${networkOf(address)}`, seconds * 1_000, limit);
    if (shared.allowed || browser === undefined || !(await knows(browser))) return shared;
    const own = await count(`${name}\nbrowser\n${browser}`, seconds * 1_000, known);
    return own.allowed ? own : { allowed: false, resetAt: Math.min(own.resetAt, shared.resetAt) };
  };
}
