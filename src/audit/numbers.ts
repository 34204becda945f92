/**
 * The numbers of one process. Each event gets the next one before it is stored, so that one that is taken away leaves
 * a gap. But an act may be rolled back, or refused by the store: its number is used and its event never existed. So
 * the process follows what became of every number, and declares those void in an event of their own (`audit.voided`).
 * Until it has, the events that follow list those numbers as open (with their transaction, where it is known): a
 * process that dies in between leaves a gap that is explained.
 */
import type { Clock } from '../clock.ts';

export type Why = 'rolled-back' | 'refused' | 'unknown';

/** What is asked of the records. */
export interface Fates {
  /** Of transactions: what became of each; missing where it is not decided or not known. */
  transactions(xids: readonly string[]): Promise<ReadonlyMap<string, 'committed' | 'aborted'>>;
  /** Which of these events are stored. */
  stored(ids: readonly string[]): Promise<ReadonlySet<string>>;
  /** Declares numbers void, in a transaction of its own. */
  declare(ranges: readonly string[], why: Why): Promise<void>;
}

/** An answer that did not come is waited for this long: the streams that carry the event are drained by then. */
const doubt = 600_000;
/** More than these are not listed in one event; it only matters for a process that dies within the second. */
const listed = 64;

export function createNumbers(clock: Clock) {
  let last = 0;
  const flying = new Map<number, string>();
  const voided = new Map<number, Why>();
  const doubtful = new Map<number, { id: string; since: number }>();

  return {
    /** The next number, and the open ones before it: `7`, or `7:xid`. */
    next(): { number: number; open: string[] } {
      const open: string[] = [];
      for (const [number, xid] of flying) if (open.length < listed) open.push(xid ? `${number}:${xid}` : `${number}`);
      for (const numbers of [voided, doubtful])
        for (const number of numbers.keys()) if (open.length < listed) open.push(`${number}`);
      last += 1;
      return { number: last, open };
    },
    /** Is being written in a transaction. */
    flies: (number: number, xid: string) => void flying.set(number, xid),
    /** Was surely not stored. */
    void(number: number, why: Why): void {
      flying.delete(number);
      voided.set(number, why);
    },
    /** Perhaps it was stored. */
    doubt: (number: number, id: string) => void doubtful.set(number, { id, since: clock.monotonic() }),

    /** Asks what became of the numbers that are open, and declares void those that came to nothing. */
    async settle(fates: Fates): Promise<void> {
      const waiting = [...flying].filter(([, xid]) => xid !== '');
      if (waiting.length > 0) {
        const became = await fates.transactions([...new Set(waiting.map(([, xid]) => xid))]);
        for (const [number, xid] of waiting) {
          const fate = became.get(xid);
          if (fate) flying.delete(number);
          if (fate === 'aborted') voided.set(number, 'rolled-back');
        }
      }
      const old = [...doubtful].filter(([, { since }]) => clock.monotonic() - since >= doubt);
      if (old.length > 0) {
        const stored = await fates.stored(old.map(([, { id }]) => id));
        for (const [number, { id }] of old) {
          doubtful.delete(number);
          if (!stored.has(id)) voided.set(number, 'unknown');
        }
      }
      for (const why of ['rolled-back', 'refused', 'unknown'] as const) {
        const numbers = [...voided].filter(([, reason]) => reason === why).map(([number]) => number);
        const all = ranges(numbers);
        for (let start = 0; start < all.length; start += 100) await fates.declare(all.slice(start, start + 100), why);
        for (const number of numbers) voided.delete(number);
      }
    },
    get open(): number {
      return flying.size + voided.size + doubtful.size;
    },
  };
}

export type Numbers = ReturnType<typeof createNumbers>;

/** `[3, 4, 5, 9]` → `['3-5', '9-9']` */
export function ranges(numbers: readonly number[]): string[] {
  const sorted = [...numbers].sort((one, other) => one - other);
  const found: [number, number][] = [];
  for (const number of sorted) {
    const before = found.at(-1);
    if (before && before[1] === number - 1) before[1] = number;
    else found.push([number, number]);
  }
  return found.map(([from, to]) => `${from}-${to}`);
}
