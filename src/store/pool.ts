import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import type { Sql, TransactionSql } from 'postgres';
import { exhausted, failure, govern, isLost, ofRecords, timedOut } from './query.ts';

/**
 * What the driver leaves open. Its queue has no end, and a query whose server has vanished (a pulled cable, a stopped
 * machine) waits until TCP gives up, a quarter of an hour later: here nobody waits longer than said, nor behind more
 * than said. And it does not notice, inside a transaction, that the connection is gone: it writes to a socket that is
 * no more, which ends the process, or to the next transaction on that connection, which commits half of another's
 * work. So a transaction that lost its connection is never given back to the driver, and a pool that lost one is
 * replaced, because a connection lost with something unwritten never connects again. (test/store/database.test.ts
 * has each of them.)
 */
export interface Bounds {
  /** Connections of the pool. */
  max: number;
  /** How many may wait for one. */
  waiting: number;
  /** Milliseconds a transaction waits for its connection. */
  acquire: number;
  /** Milliseconds after which an answer is given up: more than the server's own statement timeout. */
  deadline: number;
}

export interface BeginOptions {
  /** Takes the limits of time off: for migrations and backups, never for a request. */
  unhurried?: boolean;
  /** `isolation level serializable`, `read only`. */
  mode?: string;
}

export interface Pool {
  readonly sql: Sql;
  begin<T>(work: (tx: TransactionSql) => Promise<T>, options?: BeginOptions): Promise<T>;
  close(): Promise<void>;
}

/** One transaction: whether its connection is still its own. */
interface Transaction {
  over: boolean;
  /** For each of its queries. */
  readonly deadline: number;
  /** `closings` when we last looked. */
  seen: number;
  lose(error: unknown): void;
}

/** A pool over `connect`, which makes the driver's own and reports every connection that closes, as it closes. */
export function boundedPool(connect: (onclose: () => void) => Sql, bounds: Bounds): Pool {
  let closings = 0;
  let closed = false;
  let used = 0;
  // Transactions that have their connection.
  let held = 0;
  let lastAnswer = 0;
  const open = () =>
    connect(() => {
      closings += 1;
    });
  let current = open();
  // Notifications have a connection of their own in the driver, which must survive a change of pools.
  let listener: Sql | undefined;

  /** What runs on healthy connections of the old pool may end there. */
  function startOver(pool: Sql) {
    if (closed || pool !== current) return;
    current = open();
    pool.end({ timeout: 5 }).catch(() => {});
  }

  function admit(): Error | undefined {
    if (used < bounds.max + bounds.waiting) return undefined;
    return failure(exhausted, `${used} queries are at work or waiting`);
  }

  /** A query on any connection. */
  function alone(made: unknown): unknown {
    const pool = current;
    return govern(made, {
      deadline: bounds.deadline,
      before() {
        const refused = admit();
        if (!refused) used += 1;
        return refused;
      },
      after(error, query, asked) {
        used -= 1;
        if (!isLost(error)) lastAnswer = performance.now();
        // Silence is no loss while others are answered: it may wait behind a slow one.
        else if (!isTimeout(error) || lastAnswer < asked) startOver(pool);
        if (isTimeout(error) && query.state === null) query.canceller?.(query)?.catch(() => {});
      },
    });
  }

  const refusal = (transaction: Transaction) =>
    transaction.over ? failure('CONNECTION_CLOSED', 'this transaction is over, or its connection is gone') : undefined;

  /** A query of a transaction. */
  function inside(made: unknown, transaction: Transaction): unknown {
    const check = () => refusal(transaction);
    return govern(made, {
      deadline: transaction.deadline,
      before: () => (transaction.seen === closings ? check() : settled(transaction).then(check)),
      after(error) {
        if (isLost(error)) transaction.lose(error);
        else lastAnswer = performance.now();
      },
    });
  }

  /** A connection has closed somewhere: a turn for the driver to say whether it was this one's. */
  async function settled(transaction: Transaction) {
    if (transaction.seen === closings) return;
    transaction.seen = closings;
    await turn();
  }

  const sql = new Proxy(current, {
    apply: (_, __, args) => alone(Reflect.apply(current, undefined, args)),
    get(_, name) {
      if (name === 'begin')
        return (...args: unknown[]) => {
          const work = args.pop() as (tx: TransactionSql) => Promise<unknown>;
          return begin(work, { mode: args[0] as string | undefined });
        };
      if (name === 'listen') {
        listener ??= open();
        const { listen } = listener;
        return async (...args: Parameters<Sql['listen']>) => {
          const listening = await listen(...args);
          // The connection ends with the pool: whoever is about to end does not wait for a server that is silent.
          const unlisten = async () => Promise.race([listening.unlisten(), sleep(1_000, undefined, { ref: false })]);
          return { ...listening, unlisten };
        };
      }
      const value = Reflect.get(current, name);
      if (name !== 'unsafe' && name !== 'file') return value;
      return (...args: unknown[]) => alone(Reflect.apply(value, current, args));
    },
  });

  /** The driver's transaction with our eyes on it. */
  function watched(tx: TransactionSql, transaction: Transaction): TransactionSql {
    return new Proxy(tx, {
      apply: (target, _, args) => inside(Reflect.apply(target, undefined, args), transaction),
      get(target, name) {
        const value = Reflect.get(target, name);
        if (name === 'savepoint')
          return async (...args: unknown[]) => {
            const work = args.pop() as (tx: TransactionSql) => Promise<unknown>;
            await settled(transaction);
            const gone = refusal(transaction);
            if (gone) throw gone;
            return Reflect.apply(value, target, [...args, guarded(work, transaction)]);
          };
        if (name !== 'unsafe' && name !== 'file') return value;
        return (...args: unknown[]) => inside(Reflect.apply(value, target, args), transaction);
      },
    });
  }

  /** Work whose end the driver does not hear of once the connection is gone: it would commit, or roll back, there. */
  function guarded<T>(work: (tx: TransactionSql) => Promise<T>, transaction: Transaction) {
    return async (tx: TransactionSql): Promise<T> => {
      const outcome = await Promise.resolve(work(watched(tx, transaction))).then(
        (value) => ({ value }),
        (error: unknown) => ({ error }),
      );
      await settled(transaction);
      if (transaction.over) return new Promise<never>(() => {});
      if ('error' in outcome) throw outcome.error;
      return outcome.value;
    };
  }

  function begin<T>(work: (tx: TransactionSql) => Promise<T>, options: BeginOptions = {}): Promise<T> {
    const refused = admit();
    if (refused) return Promise.reject(refused);
    const pool = current;
    const asked = performance.now();
    used += 1;
    return new Promise<T>((resolve, reject) => {
      let tooLate: Error | undefined;
      const timer = setTimeout(() => {
        tooLate = ofRecords(failure(exhausted, `no connection within ${bounds.acquire} ms`));
        // Nobody holds one, and nobody was answered: it is the server that is not there.
        if (held === 0 && lastAnswer < asked) startOver(pool);
        reject(tooLate);
      }, bounds.acquire);
      let holds = false;
      const end = () => {
        clearTimeout(timer);
        if (transaction.over) return;
        transaction.over = true;
        used -= 1;
        if (holds) held -= 1;
      };
      const transaction: Transaction = {
        over: false,
        deadline: options.unhurried ? Number.POSITIVE_INFINITY : bounds.deadline,
        seen: closings,
        lose(error) {
          end();
          startOver(pool);
          reject(error);
        },
      };
      const whole = guarded(async (tx) => {
        if (options.unhurried)
          await tx`select set_config('statement_timeout', '0', true),
            set_config('idle_in_transaction_session_timeout', '0', true)`;
        return work(tx);
      }, transaction);
      const running = pool.begin(options.mode ?? '', async (tx) => {
        // Nobody waits for this one any more: it must do nothing.
        if (tooLate) throw tooLate;
        clearTimeout(timer);
        holds = true;
        held += 1;
        return whole(tx);
      }) as Promise<T>;
      running.then(
        (value) => {
          end();
          resolve(value);
        },
        (error) => {
          if (!holds) ofRecords(error);
          if (isLost(error)) return transaction.lose(error);
          end();
          reject(error);
        },
      );
    });
  }

  return {
    sql: sql as Sql,
    begin,
    async close() {
      closed = true;
      await Promise.all([current.end({ timeout: 5 }), listener?.end({ timeout: 1 })]);
    },
  };
}

const isTimeout = (error: unknown) => (error as { code?: string } | undefined)?.code === timedOut;
