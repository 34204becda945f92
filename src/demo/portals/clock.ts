/** The portals' own clock: the only caller of `Date.now()` in this program, handed on as an argument. */
export interface Clock {
  /** Milliseconds since the epoch. */
  now(): number;
}

export const systemClock: Clock = { now: () => Date.now() };
