/** Milliseconds since the epoch. The simulator shares no clock with the gateway: that their clocks differ can be played. */
export interface Clock {
  now(): number;
}

/** The only caller of `Date.now()` in this program. */
export const systemClock: Clock = { now: () => Date.now() };

/** A clock that `/__sim/clock` moves: tickets, tokens, windows and the timeline of faults all go by it. */
export interface SettableClock extends Clock {
  readonly offsetMs: number;
  set(offsetMs: number): void;
}

export function settableClock(base: Clock): SettableClock {
  let offsetMs = 0;
  return {
    now: () => base.now() + offsetMs,
    get offsetMs() {
      return offsetMs;
    },
    set(value) {
      offsetMs = value;
    },
  };
}
