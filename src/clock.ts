/**
 * The one clock. Everything that asks for the time takes a `Clock`, so that a test can move it, and this file is the
 * only caller of `Date.now()`.
 */
export interface Clock {
  /** Wall-clock time in milliseconds since the epoch. */
  now(): number;
  /** Milliseconds on a clock that never goes back: for ages and deadlines, never for what is stored. */
  monotonic(): number;
}

export const systemClock: Clock = {
  now: () => Date.now(),
  monotonic: () => performance.now(),
};

/** A clock that runs `offset()` milliseconds ahead of the system's; tests move time with it. */
export function shiftedClock(offset: () => number): Clock {
  return { now: () => Date.now() + offset(), monotonic: () => performance.now() + offset() };
}
