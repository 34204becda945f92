import type { Problem } from '../errors-problems.ts';

/** Milliseconds two machines may be apart: codes live a minute, and a second of it is lost on the way. */
const clocksApart = 2_000;

/** Asks a store for its time, thrice, and believes the quickest answer; what the way took is not counted as apart. */
export async function clockProblems(
  store: string,
  now: () => number,
  ask: () => Promise<number | undefined>,
): Promise<Problem[]> {
  let best = { took: Number.POSITIVE_INFINITY, apart: Number.NaN };
  for (let tries = 0; tries < 3; tries++) {
    const before = now();
    const theirs = await ask();
    const took = now() - before;
    if (theirs !== undefined && took < best.took) best = { took, apart: theirs - (before + took / 2) };
  }
  // NaN: no time was told.
  if (Math.abs(best.apart) - best.took / 2 <= clocksApart) return [];
  return [
    {
      code: 'EG-1924',
      text: `the clock of ${store} is ${(best.apart / 1_000).toFixed(1)} s from that of this machine`,
      mend: 'let chrony or systemd-timesyncd set the clocks of all machines from one source',
    },
  ];
}
