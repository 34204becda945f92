/** Milliseconds, except where it says otherwise. The defaults keep every question under 3 seconds. */
export interface BridgeTuning {
  readonly deadline: number;
  /** Calls at once, and waiting for one to end, to the gateway and to the SMS service each. */
  readonly atOnce: number;
  readonly waiting: number;
  /** Outages in a row that open a breaker, and how long it stays open the first time, the second, … */
  readonly threshold: number;
  readonly waits: readonly number[];
  /** How long we do not ask again after 3xxx: the first time, the second, … */
  readonly quotaWaits: readonly number[];
}

/** What holds where nothing else is said. */
export const defaultTuning: BridgeTuning = {
  // Seals, checks and a busy processor have the rest of the 3 seconds.
  deadline: 2_500,
  atOnce: 32,
  waiting: 64,
  threshold: 5,
  waits: [1_000, 2_000, 5_000, 10_000, 30_000],
  quotaWaits: [5_000, 15_000, 60_000, 300_000],
};
