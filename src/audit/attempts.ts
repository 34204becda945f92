import type { TransactionSql } from 'postgres';
import type { Clock } from '../clock.ts';
import { type Database, isUnreachable } from '../store/database.ts';
import type { AuditEvent } from './events.ts';

/** What was tried and refused, or asked and declined, without a transaction of its own. These events carry a `count`. */
export const attemptTypes = [
  'authorization.refused',
  'client.refused',
  'consent.declined',
  'introspection.refused',
  'limit.hit',
  'request.refused',
  'sign-in.paused',
  'sign-out.refused',
  'token.refused',
] as const;
export type AttemptType = (typeof attemptTypes)[number];

type OfAttempts<E> = E extends { readonly type: AttemptType } ? Omit<E, 'outcome' | 'actor'> : never;
export type Attempt = OfAttempts<AuditEvent> & {
  /** Of the network it came from; stands in the trail as a keyed reference only. */
  readonly address?: string;
};

export interface Attempts {
  /**
   * Tells the trail, beside the answer: nobody waits for it, and it never fails. Of the same attempt (type, reason,
   * endpoint, client, person, address) a minute tells the first, the tenth, the hundredth …, and at its end the rest;
   * `count` says for how many one event stands, where that is more than itself.
   */
  note(attempt: Attempt): void;
  /** Begins to close the minutes that are over, and to write again what the records could not take. */
  start(): void;
  /** Tells what was left out so far. */
  stop(): Promise<void>;
}

/** How many attempts an event stands for: 1, unless it is of these types and says so. */
export function attemptsIn({ type, detail }: AuditEvent): number {
  const { count = 1 } = (detail ?? {}) as { count?: unknown };
  return attemptTypes.some((each) => each === type) ? Number(count) : 1;
}

const minute = 60_000;
/** Different attempts of strangers that one minute tells apart; more than these are one for each type. */
const apart = 100;
/** Events that wait while the records are away. What comes on top stands in a later count, or in the log alone. */
const waiting = 1_000;

interface Held {
  readonly event: AuditEvent;
  readonly since: number;
  seen: number;
  told: number;
}

/**
 * Attempts cost whoever makes them nothing, so they must not be able to fill the trail: at most some hundred kinds a
 * minute and process, each with a few events however often it comes.
 */
export function createAttempts(needs: {
  readonly database: Pick<Database, 'begin'>;
  readonly record: (tx: TransactionSql, event: AuditEvent) => Promise<void>;
  readonly clock: Clock;
  /** The keyed reference of a network address. */
  readonly reference: (address: string) => Uint8Array;
  readonly onTrouble: (error: unknown) => void;
}): Attempts {
  const { database, record, clock, reference, onTrouble } = needs;
  const held = new Map<string, Held>();
  /** Of `held`, those that name no person: anybody can make as many as they like, and must drown nobody else's. */
  let strange = 0;
  const due: AuditEvent[] = [];
  let writing: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  const tell = (one: Held): void => {
    const count = one.seen - one.told;
    if (count === 0 || due.length >= waiting) return;
    const { detail } = one.event;
    due.push(count === 1 ? one.event : ({ ...one.event, detail: { ...detail, count } } as AuditEvent));
    one.told = one.seen;
  };
  const close = (now: number): void => {
    for (const [key, one] of held) {
      if (now - one.since < minute) return;
      tell(one);
      held.delete(key);
      if (one.event.subject === undefined) strange -= 1;
    }
  };
  const write = async (): Promise<void> => {
    while (due.length > 0) {
      const batch = due.slice(0, 100);
      try {
        await database.begin(async (tx) => {
          for (const event of batch) await record(tx, event);
        });
      } catch (error) {
        onTrouble(error);
        // kept until the records are back; anything else would stand in the way for ever
        if (isUnreachable(error)) return;
      }
      due.splice(0, batch.length);
    }
  };
  const soon = (): Promise<void> => {
    writing ??= new Promise<void>((done) => setImmediate(done)).then(write).finally(() => {
      writing = undefined;
    });
    return writing;
  };

  return {
    note({ address, ...what }) {
      const now = clock.monotonic();
      close(now);
      const actor = address === undefined ? {} : { actor: Buffer.from(reference(address)).toString('base64url') };
      let event = { ...what, ...actor, outcome: 'refused' } as AuditEvent;
      const { type, client, subject, detail = {} } = event;
      const { reason, limit, at } = detail as { reason?: unknown; limit?: unknown; at?: unknown };
      const whom = typeof subject === 'object' ? Buffer.from(subject).toString('base64url') : subject;
      let key = JSON.stringify([type, reason ?? limit, at, client, whom, actor.actor]);
      if (!held.has(key) && subject === undefined && strange >= apart) {
        event = { type, outcome: 'refused' } as AuditEvent;
        key = type;
      }
      const one = held.get(key) ?? { event, since: now, seen: 0, told: 0 };
      if (!held.has(key) && one.event.subject === undefined) strange += 1;
      held.set(key, one);
      one.seen += 1;
      if (Number.isInteger(Math.log10(one.seen))) tell(one);
      if (due.length > 0) void soon();
    },
    start() {
      timer ??= setInterval(() => {
        close(clock.monotonic());
        if (due.length > 0) void soon();
      }, 1_000).unref();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      close(Number.POSITIVE_INFINITY);
      await writing;
      await write();
    },
  };
}
