import type { Sql, TransactionSql } from 'postgres';
import { connect, type PostgresOptions } from './postgres.ts';

export { isUnreachable } from './postgres.ts';

/** The records: one pool of connections to PostgreSQL. */
export interface Database {
  /** Tagged SQL on any connection of the pool. */
  readonly sql: Sql;
  /** One transaction: committed when `work` resolves, rolled back when it rejects. */
  begin<T>(work: (tx: TransactionSql) => Promise<T>): Promise<T>;
  /** Waits for what runs (5 s at most), then closes every connection. */
  close(): Promise<void>;
}

export interface DatabaseOptions extends PostgresOptions {}

/** Opens the pool of a server by its URL, or of the embedded one by its socket. Nothing is sent before the first use. */
export function openDatabase(options: DatabaseOptions): Database {
  const sql = connect(options);
  return {
    sql,
    begin: <T>(work: (tx: TransactionSql) => Promise<T>) => sql.begin(work) as Promise<T>,
    close: () => sql.end({ timeout: 5 }),
  };
}
