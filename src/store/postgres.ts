import { once } from 'node:events';
import net from 'node:net';
import { Duplex } from 'node:stream';
import postgres, { type Options, type Sql } from 'postgres';
import { teachArrays } from './arrays.ts';
import { exhausted, timedOut } from './query.ts';

/** How the driver is set up; times in milliseconds. */
export interface PostgresOptions {
  /**
   * `postgres://user:password@host:port/database?sslmode=verify-full`; for a unix socket the form of libpq,
   * `postgres://user@/database?host=/folder`; a name before the path (`@localhost/`) is then passed over.
   */
  url?: string;
  /** Or the socket of the embedded server (embedded.ts). */
  socket?: string;
  /** Brings the server behind `socket` back; asked when nobody listens there. */
  up?: () => Promise<void>;
  /** Default: what the URL says, `egret` behind a socket. */
  database?: string;
  /** Connections of this pool at most. */
  max?: number;
  connectTimeout?: number;
  statementTimeout?: number;
  /** A transaction that waits for us this long is rolled back by the server. */
  idleInTransactionTimeout?: number;
  /** false behind PgBouncer in transaction mode. */
  prepare?: boolean;
  applicationName?: string;
  /** false: a commit does not wait for the disk. Only for what may be lost (a session's last visit). */
  durable?: boolean;
}

/** The driver, silent and bounded. It connects when first used; `onclose` hears of every connection that closes. */
export function connect(options: PostgresOptions, onclose?: () => void): Sql {
  const target = parse(options);
  const settings: Options<Record<string, never>> = {
    max: options.max ?? 10,
    connect_timeout: (options.connectTimeout ?? 3_000) / 1000,
    idle_timeout: 60,
    prepare: options.prepare ?? true,
    // The driver's own back-off grows to 20 s, for the whole pool: a store that is back must be noticed at once.
    backoff: (attempt: number) => Math.min(0.05 * 2 ** attempt, 1) * (0.5 + Math.random() / 2),
    onnotice: () => {},
    fetch_types: false,
    ...(onclose ? { onclose } : {}),
    ...(target.database ? { database: target.database } : {}),
    connection: {
      application_name: options.applicationName ?? 'egret',
      statement_timeout: options.statementTimeout ?? 5_000,
      idle_in_transaction_session_timeout: options.idleInTransactionTimeout ?? 5_000,
      // Values come and go as ISO 8601 in UTC, whatever the server's zone is.
      TimeZone: 'UTC',
      ...(options.durable === false ? { synchronous_commit: 'off' } : {}),
    },
  };
  if (!('socket' in target)) return teachArrays(postgres(target.url, settings));
  const { socket } = target;
  const local = {
    ...settings,
    user: target.user,
    path: socket,
    // Neither PGHOST nor TLS of the surroundings may touch a connection that never leaves the machine.
    host: 'localhost',
    ssl: false,
    ...(options.up ? { socket: () => reach(socket, options.up as () => Promise<void>) } : {}),
  };
  return teachArrays(postgres(local as Options<Record<string, never>>));
}

type Target = { url: string; database?: string } | { socket: string; user: string; database: string };

function parse(options: PostgresOptions): Target {
  if (options.socket) return { socket: options.socket, user: 'egret', database: options.database ?? 'egret' };
  if (!options.url) throw new TypeError('a url or a socket');
  const folder = /[?&]host=((?:\/|%2f)[^&]*)/i.exec(options.url)?.[1];
  if (!folder) return { url: options.url, database: options.database };
  // The driver does not read this form: it would hand `host` to the server as a setting.
  const url = new URL(options.url.replace(/^(\w+:\/\/(?:[^/@]*@)?)\//, '$1localhost/'));
  const user = decodeURIComponent(url.username) || 'egret';
  const database = options.database ?? (decodeURIComponent(url.pathname.slice(1)) || user);
  return { socket: `${decodeURIComponent(folder)}/.s.PGSQL.5432`, user, database };
}

/**
 * A connection to `path`; where nobody listens, the server is brought back first. It never rejects, because the driver
 * then loses a connection of its pool for good; nor does it hand over a socket that fails before anything is written
 * to it, because what the driver wanted to write stays in the way of every later try.
 */
async function reach(path: string, up: () => Promise<void>): Promise<Duplex> {
  try {
    return await dial(path);
  } catch {
    await up().catch(() => {});
  }
  return dial(path).catch((error) => new Duplex({ read() {}, write: (_chunk, _encoding, done) => done(error) }));
}

async function dial(path: string): Promise<Duplex> {
  const socket = net.connect(path);
  await once(socket, 'connect');
  return socket;
}

/**
 * Whether an error of the driver means "the records cannot be reached now": gone, starting, stopping, read-only, out
 * of connections, out of time, out of disk. Answer EG-1702; nothing is known of the transaction, so nothing may be
 * claimed of it.
 */
export function isUnreachable(error: unknown): boolean {
  const code = (error as { code?: unknown } | null)?.code;
  if (typeof code !== 'string') return false;
  return unreachable.has(code) || /^(08|53|57P0)/.test(code);
}

const unreachable = new Set([
  // ours, see pool.ts
  exhausted,
  timedOut,
  // the driver
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'CONNECTION_ENDED',
  'CONNECT_TIMEOUT',
  // the operating system
  'ECONNREFUSED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ENOENT',
  'ENOTFOUND',
  'EAI_AGAIN',
  'ETIMEDOUT',
  'EHOSTUNREACH',
  'ENETUNREACH',
  'EHOSTDOWN',
  // the server: read_only_sql_transaction, query_canceled (statement_timeout), idle_in_transaction_session_timeout,
  // and an I/O error
  '25006',
  '57014',
  '25P03',
  '58030',
]);
