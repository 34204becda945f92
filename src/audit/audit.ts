/**
 * The audit trail: one typed event for every act, written in the transaction of the act itself (or stored with the
 * protocol state it changes, and taken over later), chained by one node at a time within a second, and verified from
 * end to end.
 *
 * It does not own the key of its MACs (keys), who may read it, nor the streams that carry stamped events (provider).
 * It has no routes; `egret audit` is its command.
 */
import { randomUUID } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/database.ts';
import { attemptsIn } from './attempts.ts';
import { createChain } from './chain.ts';
import { type AuditKey, type Content, fromStamp, seal, toStamp } from './envelope.ts';
import type { AuditEvent } from './events.ts';
import { createKnown } from './known.ts';
import { createNumbers } from './numbers.ts';
import {
  insertEvent,
  insertOnce,
  insertRejected,
  readBacklog,
  readTail,
  storedEvents,
  transactionFates,
} from './records.ts';
import { type Verification, type VerifyOptions, verify } from './verify.ts';

export { type Attempt, type Attempts, createAttempts } from './attempts.ts';
export type { AuditKey } from './envelope.ts';
export { type AuditEvent, type Detail, type EventType, events, type Reference } from './events.ts';
export type { Problem } from './gaps.ts';
export type { Verification, VerifyOptions } from './verify.ts';

/** What a room needs that acts on records. */
export interface Audit {
  /**
   * Writes the event in the transaction of the act itself: both happen, or neither. EG-1810 for a type or a field
   * that the table does not have.
   */
  record(tx: TransactionSql, event: AuditEvent): Promise<void>;
}

/** What an act needs whose state lives outside PostgreSQL. */
export interface AuditStamp {
  /**
   * The event as a signed envelope (a JSON text), to be stored in the same atomic write as the state it belongs to
   * and handed to `take` later. Nothing waits in it.
   */
  stamp(event: AuditEvent): string;
  /**
   * The write that carried this envelope did not happen ('refused'), or nobody knows ('unknown': no answer came). Its
   * number is then declared void, at once or when it has not arrived in ten minutes, instead of standing as a gap.
   */
  unsent(stamped: string, why: 'refused' | 'unknown'): void;
}

export interface Taken {
  /** New, and now in the inbox. */
  readonly taken: number;
  /** Taken before. */
  readonly known: number;
  /** Without a good MAC; kept apart, and in the way of nothing. */
  readonly rejected: number;
}

/** An event of the chain. */
export interface LoggedEvent extends Content {
  /** Its place in the chain. */
  readonly place: number;
}

export interface AuditTrail extends Audit, AuditStamp {
  /** This process, as its events name it. */
  readonly process: string;
  /** Takes stamped events over from where they were stored, each once however often it comes. */
  take(tx: TransactionSql, stamped: readonly string[]): Promise<Taken>;
  /** Chains what waits, unless another node is at it; returns how many events it moved. EG-1811. */
  chainOnce(): Promise<number>;
  /** Declares void those numbers of this process that came to nothing. Part of `start`. */
  settle(): Promise<void>;
  /** Begins to chain and to settle, every half second. */
  start(): void;
  /** Chains and settles once more. */
  stop(): Promise<void>;
  verify(options?: VerifyOptions): Promise<Verification>;
  /** How much is not chained (100,000 at most are counted), and since when (epoch ms). */
  backlog(): Promise<{ readonly waiting: number; readonly oldest: number | undefined }>;
  /** The latest events of the chain, the oldest of them first. */
  tail(count: number): Promise<LoggedEvent[]>;
  /** Of this process, since it started. */
  readonly counters: Readonly<{ recorded: number; stamped: number; chained: number; rejected: number }>;
}

export interface AuditOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly key: AuditKey;
  /** Told of every event that was sealed, whatever becomes of its transaction; `count`: the attempts it stands for. */
  readonly onEvent?: (event: Pick<AuditEvent, 'type' | 'outcome' | 'code'> & { readonly count: number }) => void;
  /** Chaining or settling failed; told once for each cause, until it works again. */
  readonly onTrouble?: (error: unknown) => void;
}

const interval = 500;

export function createAudit({ database, clock, key, onEvent, onTrouble = () => {} }: AuditOptions): AuditTrail {
  const process = randomUUID();
  const numbers = createNumbers(clock);
  const known = createKnown(key);
  const counters = { recorded: 0, stamped: 0 };

  const enclose = (event: AuditEvent) => {
    const { number, open: before } = numbers.next();
    try {
      const { content, ...envelope } = seal(event, { process, number, open: before }, key, clock);
      known.learn(envelope, content);
      onEvent?.({ ...event, count: attemptsIn(event) });
      return { number, ...envelope };
    } catch (error) {
      numbers.void(number, 'refused');
      throw error;
    }
  };

  const record = async (tx: TransactionSql, event: AuditEvent): Promise<void> => {
    const { number, ...envelope } = enclose(event);
    numbers.flies(number, '');
    try {
      numbers.flies(number, await insertEvent(tx, envelope));
    } catch (error) {
      // The transaction cannot be committed any more.
      numbers.void(number, 'rolled-back');
      throw error;
    }
    counters.recorded += 1;
  };

  const chain = createChain({ database, clock, key, known, record });

  const settle = () =>
    numbers.settle({
      transactions: (xids) => transactionFates(database.sql, xids),
      stored: (ids) => storedEvents(database.sql, ids),
      declare: (ranges, why) =>
        database.begin((tx) =>
          record(tx, { type: 'audit.voided', outcome: 'success', detail: { numbers: ranges, why } }),
        ),
    });

  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let told: string | undefined;
  const work = async () => {
    try {
      await settle();
      await chain.chainOnce();
      told = undefined;
    } catch (error) {
      const { code = '', message } = error as { code?: string; message: string };
      if (`${code} ${message}` !== told) onTrouble(error);
      told = `${code} ${message}`;
    }
  };

  return {
    process,
    record,
    stamp(event) {
      const { number: _, ...envelope } = enclose(event);
      counters.stamped += 1;
      return toStamp(envelope);
    },
    unsent(stamped, why) {
      const envelope = fromStamp(stamped);
      const content = envelope && known.open(envelope);
      if (content?.process !== process) return;
      if (why === 'refused') numbers.void(content.number, 'refused');
      else numbers.doubt(content.number, content.id);
    },
    async take(tx, stamped) {
      const envelopes = stamped.map((text) => fromStamp(text) ?? { text, mac: Buffer.alloc(0) });
      const contents = envelopes.map(known.open);
      const good = envelopes.flatMap((envelope, index) => {
        const id = contents[index]?.id;
        return id === undefined ? [] : [{ ...envelope, id }];
      });
      const bad = envelopes.filter((_, index) => contents[index] === undefined);
      const taken = good.length > 0 ? await insertOnce(tx, good) : 0;
      if (bad.length > 0) {
        await insertRejected(tx, bad, clock.now());
        await record(tx, { type: 'audit.rejected', outcome: 'refused', detail: { count: bad.length } });
      }
      return { taken, known: good.length - taken, rejected: bad.length };
    },
    chainOnce: chain.chainOnce,
    settle,
    start() {
      timer ??= setInterval(() => {
        running ??= work().finally(() => {
          running = undefined;
        });
      }, interval).unref();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      await running;
      await work();
    },
    async backlog() {
      const { waiting, oldest } = await readBacklog(database.sql);
      return { waiting, oldest: oldest === undefined ? undefined : (JSON.parse(oldest) as Content).at };
    },
    verify: (options) => verify({ database, key, clock }, options),
    async tail(count) {
      const rows = await readTail(database.sql, count);
      return rows.map(({ number, text }) => ({ ...(JSON.parse(text) as Content), place: number }));
    },
    get counters() {
      return { ...counters, ...chain.counters };
    },
  };
}
