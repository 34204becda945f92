import type { Sql, TransactionSql } from 'postgres';
import { type BeginOptions, boundedPool } from './pool.ts';
import { connect, type PostgresOptions } from './postgres.ts';

export { isUnreachable } from './postgres.ts';

/** The records: one pool of connections to PostgreSQL. */
export interface Database {
  /** Tagged SQL on any connection of the pool. */
  readonly sql: Sql;
  /** One transaction: committed when `work` resolves, rolled back when it rejects. */
  begin<T>(work: (tx: TransactionSql) => Promise<T>, options?: BeginOptions): Promise<T>;
  /** Waits for what runs (5 s at most), then closes every connection. */
  close(): Promise<void>;
}

export interface DatabaseOptions extends PostgresOptions {
  /** Queries and transactions that may wait for a connection; one more is refused at once. */
  waiting?: number;
  /** Milliseconds a transaction waits for a connection. */
  acquireTimeout?: number;
}

/**
 * Opens the pool of a server by its URL, or of the embedded one by its socket. Nothing is sent before the first use.
 * Whatever cannot be served in time rejects with an error of which `isUnreachable` is true.
 */
export function openDatabase(options: DatabaseOptions): Database {
  return boundedPool((onclose) => connect(options, onclose), {
    max: options.max ?? 10,
    waiting: options.waiting ?? 200,
    acquire: options.acquireTimeout ?? 4_000,
    // The server's own limit comes first, so that silence beyond it means that nobody is there.
    deadline: options.statementTimeout === 0 ? Number.POSITIVE_INFINITY : (options.statementTimeout ?? 5_000) + 1_000,
  });
}

/** Whether the records answer now, and accept writes: for readiness. Never rejects, never takes longer than said. */
export async function isReachable(database: Database, patience = 1_000): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((resolve) => {
    timer = setTimeout(resolve, patience, false);
  });
  const asked = database.sql<{ standby: boolean }[]>`select pg_is_in_recovery() as standby`.then(
    ([row]) => row?.standby === false,
    () => false,
  );
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}
