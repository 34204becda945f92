/**
 * The outbox: messages to the outside (SMS, logout tokens), written in the transaction of the act that causes them,
 * and delivered by any node, retried with growing pauses for a day. What is answered, what waits and what is dead can
 * be listed, and tried again by hand.
 *
 * It does not own what a message says nor how one is sent: deliverers are given to it by kind. It delivers at least
 * once; a deliverer hands the message's id on, so that the other side can tell a repetition. It has no routes;
 * `egret outbox` is its command.
 */
import { randomInt, randomUUID } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/database.ts';
import { createDelivery, type Deliverer, type OutboxEvent, place, type Sealer } from './delivery.ts';
import {
  backlog,
  insertMessage,
  type ListOptions,
  listMessages,
  type MessageRow,
  readMessages,
  redriveMessage,
} from './records.ts';
import { createWaiting } from './waiting.ts';

export type { Deliverer, Delivery, OutboxEvent, Outcome, Sealer } from './delivery.ts';
export type { ListOptions, MessageRow, MessageState } from './records.ts';

export interface Message {
  readonly kind: 'sms' | 'logout';
  /** A mobile for 'sms', a client id for 'logout'. */
  readonly to: string;
  /** Sealed at rest; erased once it has nothing left to do. */
  readonly body: object;
  /** Two messages of one kind and key are one. */
  readonly key?: string;
  /** Milliseconds since the epoch: not sent after it. A message lives a day at most. */
  readonly expiresAt: number;
}

/** What a room needs that sends. */
export interface Outbox {
  /** Writes the message in the caller's transaction, and returns its id (of the first, where the key was used). */
  enqueue(tx: TransactionSql, message: Message): Promise<string>;
  /** Delivers what is due, now: call it when the transaction has committed. */
  kick(): void;
  /** The same within a fifth of a second, at a moment that tells nothing about the request that called it. */
  kickSoon(): void;
}

export interface OutboxOptions {
  readonly database: Database;
  readonly vault: Sealer;
  readonly audit: { record(tx: TransactionSql, event: OutboxEvent): Promise<void> };
  readonly clock: Clock;
  /** Of one attempt, in milliseconds; default 5000. */
  readonly deadline?: number;
  /** Attempts at once in this process, of each kind; default 16. */
  readonly parallel?: number;
  /** Of these, to one target; default 4. */
  readonly perTarget?: number;
  /** Uniform in [0, 1), for the pauses between attempts. */
  readonly chance?: () => number;
  /** Something did not work that no message can tell of. */
  readonly onTrouble?: (error: unknown) => void;
}

export type Retried = { readonly ok: true } | { readonly ok: false; readonly reason: 'unknown' | 'nothing-left' };

export interface OutboxService extends Outbox {
  /** Begins to deliver; a process without it (the command line) only writes and lists. */
  start(deliverers: Readonly<Record<Message['kind'], Deliverer>>): void;
  /** Begins nothing more, and waits for what is under way. */
  stop(): Promise<void>;
  /** Resolves with the messages as they stand when all are answered or dead, or after `milliseconds`. */
  awaitResult(ids: readonly string[], milliseconds: number): Promise<MessageRow[]>;
  /** The messages as they stand, for a page that is loaded again. */
  results(ids: readonly string[]): Promise<MessageRow[]>;
  list(options?: ListOptions): Promise<MessageRow[]>;
  /**
   * Makes a message due now: one that waits, or one that is dead and whose content still rests here ('nothing-left':
   * delivered, an SMS that is dead, or dead for more than a week).
   */
  retry(id: string, options?: { readonly by?: string; readonly actor?: Uint8Array }): Promise<Retried>;
  backlog(): Promise<{ readonly waiting: number; readonly oldest: number | undefined }>;
  /** Of this process, since it started. */
  readonly counters: Readonly<{ attempts: number; delivered: number; retried: number; dead: number; inFlight: number }>;
}

const day = 86_400_000;
const interval = 1_000;

export function createOutbox(options: OutboxOptions): OutboxService {
  const { database, vault, audit, clock, onTrouble = () => {} } = options;
  const read = (ids: readonly string[]) => readMessages(database.sql, ids);
  const waiting = createWaiting(async (ids) => {
    const rows = await read(ids);
    return new Set(rows.filter(({ state }) => state === 'waiting').map(({ id }) => id));
  });
  const delivery = createDelivery({
    database,
    vault,
    clock,
    record: (tx, event) => audit.record(tx, event),
    deadline: options.deadline ?? 5_000,
    parallel: options.parallel ?? 16,
    perTarget: options.perTarget ?? 4,
    chance: options.chance ?? (() => randomInt(1_000_000) / 1_000_000),
    onTrouble,
    onSettled: waiting.settled,
    onRoom: () => kick(),
  });

  let deliverers: Readonly<Record<string, Deliverer>> | undefined;
  let timer: NodeJS.Timeout | undefined;
  let pumping: Promise<void> | undefined;
  let again = false;

  const pump = async (): Promise<void> => {
    do {
      again = false;
      try {
        for (const [kind, deliver] of Object.entries(deliverers ?? {}))
          while (deliverers && (await delivery.fill(kind, deliver)) > 0);
        await delivery.sweep();
      } catch (error) {
        // The records are away; the timer asks again.
        onTrouble(error);
      }
    } while (again);
  };
  const kick = (): void => {
    again = true;
    if (!deliverers) return;
    pumping ??= pump().finally(() => {
      pumping = undefined;
    });
  };

  return {
    enqueue(tx, message) {
      const id = randomUUID();
      const now = clock.now();
      return insertMessage(tx, {
        id,
        kind: message.kind,
        // A mobile stands inside the seal only.
        target: message.kind === 'sms' ? null : message.to,
        sealed: vault.seal(JSON.stringify({ to: message.to, body: message.body }), place(id)),
        key: message.key ?? null,
        now,
        expiresAt: Math.min(message.expiresAt, now + day),
      });
    },
    kick,
    kickSoon() {
      setTimeout(kick, randomInt(20, 200)).unref();
    },
    start(given) {
      deliverers = given;
      timer ??= setInterval(kick, interval).unref();
      kick();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      deliverers = undefined;
      await pumping;
      await delivery.idle();
    },
    async awaitResult(ids, milliseconds) {
      await waiting.wait(ids, milliseconds);
      return read(ids);
    },
    results: read,
    list: (asked = {}) => listMessages(database.sql, asked),
    async retry(id, { by, actor } = {}) {
      const found = await database.begin(async (tx) => {
        const now = clock.now();
        const message = await redriveMessage(tx, { id, now, expiresAt: now + day });
        if (message)
          await audit.record(tx, {
            type: 'outbox.retried',
            outcome: 'success',
            ...(actor && { actor }),
            ...(message.target !== null && { client: message.target }),
            detail: { message: id, kind: message.kind, ...(by && { by }) },
          });
        return message;
      });
      if (found) {
        kick();
        return { ok: true };
      }
      return { ok: false, reason: (await read([id])).length > 0 ? 'nothing-left' : 'unknown' };
    },
    backlog: () => backlog(database.sql),
    counters: delivery.counters,
  };
}
