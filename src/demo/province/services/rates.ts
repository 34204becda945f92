import type { Clock } from '../clock.ts';
import { isJson } from '../wire/envelope.ts';

/** How often a caller may ask at all (3001), and how often about one person (3002). */
export interface Settings {
  readonly quota: Rate;
  readonly samePerson: Rate;
}

export interface Rate {
  readonly calls: number;
  readonly perMs: number;
}

/** Generous: a load test should meet the gateway's limits, not these. */
export const defaultSettings: Settings = {
  quota: { calls: 60_000, perMs: 60_000 },
  samePerson: { calls: 1_000, perMs: 3_600_000 },
};

/** Part of the settings over the present ones, or one sentence about what is wrong. */
export function readSettings(body: unknown, present: Settings): Settings | string {
  if (!isJson(body)) return 'Settings are a JSON object.';
  const { quota = present.quota, samePerson = present.samePerson, ...rest } = body;
  const unknown = Object.keys(rest)[0];
  if (unknown) return `There is no setting ${JSON.stringify(unknown.slice(0, 40))}.`;
  if (!isRate(quota) || !isRate(samePerson))
    return 'quota and samePerson are {calls, perMs}, whole numbers, perMs from 1.';
  const plain = ({ calls, perMs }: Rate) => ({ calls, perMs });
  return { quota: plain(quota), samePerson: plain(samePerson) };
}

function isRate(rate: unknown): rate is Rate {
  const whole = (value: unknown, least: number) => Number.isSafeInteger(value) && Number(value) >= least;
  return isJson(rate) && whole(rate.calls, 0) && whole(rate.perMs, 1);
}

export interface Rates {
  /** Counts one question of the caller; false when its quota is used up. */
  ask(caller: string): boolean;
  /** Counts one question about a number, whoever asks. */
  askAbout(number: string): boolean;
  reset(): void;
}

export function createRates(clock: Clock, settings: () => Settings): Rates {
  const windows = new Map<string, { until: number; calls: number }>();

  function count(name: string, { calls, perMs }: Rate): boolean {
    const now = clock.now();
    let window = windows.get(name);
    if (!window || now >= window.until || window.until - now > perMs) {
      if (windows.size > 10_000) for (const [old, { until }] of windows) if (until <= now) windows.delete(old);
      window = { until: now + perMs, calls: 0 };
      windows.set(name, window);
    }
    window.calls += 1;
    return window.calls <= calls;
  }

  return {
    ask: (caller) => count(`caller ${caller}`, settings().quota),
    askAbout: (number) => count(`person ${number}`, settings().samePerson),
    reset: () => windows.clear(),
  };
}
