import type { TransactionSql } from 'postgres';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/database.ts';
import { type Claimed, claim, postponeMessage, settleMessage, sweepMessages } from './records.ts';

/** Seals what rests, as the keys room does. */
export interface Sealer {
  seal(plaintext: string, context: string): Buffer;
  open(sealed: Uint8Array, context: string): string;
}

/** A message on its way. */
export interface Delivery {
  /** The same in every attempt: the other side can tell a repetition by it. */
  readonly id: string;
  /** A mobile for 'sms', a client id for 'logout'. */
  readonly to: string;
  readonly body: unknown;
  /** This attempt, from 1. */
  readonly attempt: number;
}

/** What came of an attempt. A reason is a class of error ('http-503', 'refused'), never a text of the other side. */
export type Outcome = 'delivered' | { readonly retry: string } | { readonly dead: string };

export type Deliverer = (message: Delivery, signal: AbortSignal) => Promise<Outcome>;

/** The events of this room, as the audit trail takes them. */
export type OutboxEvent =
  | {
      readonly type: 'outbox.delivered' | 'outbox.dead';
      readonly outcome: 'success' | 'refused';
      readonly client?: string;
      readonly detail: { message: string; kind: string; tries: number; ms?: number; reason?: string };
    }
  | {
      readonly type: 'outbox.retried';
      readonly outcome: 'success';
      /** Who asked for it, as the audit trail names them. */
      readonly actor?: Uint8Array;
      readonly client?: string;
      readonly detail: { message: string; kind: string; by?: string };
    };

export interface DeliveryOptions {
  readonly database: Database;
  readonly vault: Sealer;
  readonly clock: Clock;
  readonly record: (tx: TransactionSql, event: OutboxEvent) => Promise<void>;
  /** Of one attempt, in milliseconds. */
  readonly deadline: number;
  /** Attempts at once, of each kind; and of these, to one target. */
  readonly parallel: number;
  readonly perTarget: number;
  /** Uniform in [0, 1). */
  readonly chance: () => number;
  readonly onTrouble: (error: unknown) => void;
  /** A message has come to its end, here. */
  readonly onSettled: (id: string) => void;
  /** There is room again for what had to wait for it. */
  readonly onRoom: () => void;
}

/** Beyond its deadline an attempt may still be writing down what came of it. */
const leaseMargin = 10_000;
const firstPause = 2_000;
const longestPause = 15 * 60_000;
const day = 86_400_000;
/** What died may be tried again by hand this long, where it holds nothing personal; then its content goes too. */
const redrivable = 7 * day;
const forgotten = 30 * day;

/** Where messages are read: the address and the body are sealed together, in this row's name. */
export const place = (id: string) => `outbox.message:${id}`;

/** Doubling from 2 s to 15 min, and anything from half of it to all of it, so that those who failed together part. */
export const pause = (tries: number, chance: number): number =>
  Math.round(Math.min(firstPause * 2 ** Math.min(tries - 1, 20), longestPause) * (0.5 + chance / 2));

export function createDelivery(options: DeliveryOptions) {
  const { database, vault, clock, record, deadline, parallel, perTarget } = options;
  const counters = { attempts: 0, delivered: 0, retried: 0, dead: 0, inFlight: 0 };
  const running = new Map<string, { target: string | null; done: Promise<void> }>();
  let swept = clock.monotonic();
  let crowded = false;

  async function attempt(message: Claimed, deliver: Deliverer): Promise<Outcome> {
    let content: { to: string; body: unknown };
    try {
      content = JSON.parse(vault.open(message.sealed, place(message.id)));
    } catch (error) {
      options.onTrouble(error);
      return { dead: 'unreadable' };
    }
    counters.attempts += 1;
    const controller = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    // Not left to the deliverer: one that ignores the signal must not hold its place either.
    const late = new Promise<Outcome>((resolve) => {
      timer = setTimeout(() => {
        resolve({ retry: 'timeout' });
        controller.abort();
      }, deadline);
    });
    const delivery: Delivery = { id: message.id, ...content, attempt: message.tries };
    try {
      return await Promise.race([deliver(delivery, controller.signal), late]);
    } catch (error) {
      if (!controller.signal.aborted) options.onTrouble(error);
      return { retry: 'error' };
    } finally {
      clearTimeout(timer);
    }
  }

  async function settle(message: Claimed, state: 'delivered' | 'dead', reason: string | null): Promise<void> {
    const at = clock.now();
    const { id, kind, target, tries } = message;
    const ended = await database.begin(async (tx) => {
      const erase = state === 'delivered' || target === null;
      if (!(await settleMessage(tx, { id, state, at, error: reason, erase }))) return false;
      const about = { message: id, kind, tries, ...(reason === null ? { ms: at - message.createdAt } : { reason }) };
      await record(tx, {
        type: state === 'delivered' ? 'outbox.delivered' : 'outbox.dead',
        outcome: state === 'delivered' ? 'success' : 'refused',
        ...(target !== null && { client: target }),
        detail: about,
      });
      return true;
    });
    if (ended) counters[state] += 1;
    options.onSettled(id);
  }

  async function carry(message: Claimed, deliver: Deliverer): Promise<void> {
    const expired = clock.now() >= message.expiresAt;
    const outcome = expired ? { dead: message.lastError ?? 'expired' } : await attempt(message, deliver);
    if (outcome === 'delivered') return settle(message, 'delivered', null);
    if ('dead' in outcome) return settle(message, 'dead', word(outcome.dead));
    counters.retried += 1;
    const { id, tries, expiresAt } = message;
    const nextAttemptAt = Math.min(clock.now() + pause(tries, options.chance()), expiresAt);
    await postponeMessage(database.sql, { id, tries, nextAttemptAt, error: word(outcome.retry) });
  }

  /** Starts as many as there is room for; returns how many. */
  async function fill(kind: string, deliver: Deliverer): Promise<number> {
    const mine = [...running.entries()].filter(([key]) => key.startsWith(`${kind} `)).map(([, one]) => one);
    const limit = parallel - mine.length;
    crowded ||= limit <= 0;
    if (limit <= 0) return 0;
    const under = new Map<string, number>();
    for (const { target } of mine) if (target !== null) under.set(target, (under.get(target) ?? 0) + 1);
    crowded ||= [...under.values()].some((count) => count >= perTarget);
    const now = clock.now();
    const taken = await claim(database.sql, {
      kind,
      now,
      leaseUntil: now + deadline + leaseMargin,
      limit,
      perTarget,
      under,
    });
    for (const message of taken) {
      const key = `${kind} ${message.id} ${message.tries}`;
      const done = carry(message, deliver)
        .catch(options.onTrouble)
        .finally(() => {
          running.delete(key);
          counters.inFlight = running.size;
          if (!crowded) return;
          crowded = false;
          options.onRoom();
        });
      running.set(key, { target: message.target, done });
    }
    counters.inFlight = running.size;
    return taken.length;
  }

  return {
    counters,
    fill,
    /** All that is under way here. */
    idle: async () => void (await Promise.all([...running.values()].map(({ done }) => done))),
    /** Every ten minutes: what is over is forgotten. */
    async sweep(): Promise<void> {
      if (clock.monotonic() - swept < 600_000) return;
      swept = clock.monotonic();
      await sweepMessages(database.sql, { answered: clock.now() - forgotten, dead: clock.now() - redrivable });
    },
  };
}

/** A deliverer's reason goes to lists and the audit trail: only a word of ours gets there. */
const word = (reason: string) => (/^[a-z0-9][a-z0-9-]{0,59}$/i.test(reason) ? reason : 'other');
