import { createHash, randomBytes } from 'node:crypto';
import { dirname } from 'node:path';
import type { Test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { type Database, type DatabaseOptions, openDatabase } from '../../src/store/database.ts';
import { migrate, readMigrations } from '../../src/store/migrate.ts';
import { type Engine, serverSocket } from './servers.ts';

/** A database of one test, and its address for programs that the test starts. */
export interface TestDatabase extends Database {
  readonly url: string;
}

export interface TestDatabaseOptions {
  /** `debian`: the system's PostgreSQL; ask `wants('postgresql')` first. */
  engine?: Engine;
  /** Other settings of the pool. */
  pool?: Omit<DatabaseOptions, 'url' | 'socket' | 'database'>;
  /** An empty database, without the migrations. */
  empty?: boolean;
}

/** A fresh, migrated database, cloned from a template; closed and dropped when the test ends. */
export async function database(t: Test, options: TestDatabaseOptions = {}): Promise<TestDatabase> {
  const socket = await serverSocket(options.engine ?? 'embedded');
  const name = `test_${process.pid}_${randomBytes(4).toString('hex')}`;
  if (options.empty) await administer(socket, (sql) => sql.unsafe(`create database ${name}`));
  else await clone(socket, name);
  const opened = openDatabase({ socket, database: name, ...options.pool });
  t.teardown(async () => {
    await opened.close();
    await administer(socket, (sql) => sql.unsafe(`drop database if exists ${name} with (force)`));
  });
  return { ...opened, url: `postgres://egret@localhost/${name}?host=${encodeURIComponent(dirname(socket))}` };
}

async function administer<T>(socket: string, work: (sql: Database['sql']) => Promise<T>): Promise<T> {
  const admin = openDatabase({
    socket,
    database: 'postgres',
    max: 1,
    statementTimeout: 60_000,
    connectTimeout: 20_000,
  });
  try {
    return await work(admin.sql);
  } finally {
    await admin.close();
  }
}

/** Clones the template of these very migrations; the first one to need it makes it. */
async function clone(socket: string, name: string) {
  const migrations = await readMigrations();
  const digest = createHash('sha256').update(JSON.stringify(migrations.map((one) => [one.name, one.digest])));
  const template = `template_${digest.digest('hex').slice(0, 16)}`;
  await administer(socket, async (sql) => {
    const exists = async () => (await sql`select from pg_database where datname = ${template}`).length > 0;
    // Shared among those who clone, alone for the one who makes a template and sweeps.
    await sql`select pg_advisory_lock_shared(1)`;
    if (!(await exists())) {
      await sql`select pg_advisory_unlock_shared(1)`;
      await sql`select pg_advisory_lock(1)`;
      await sweep(sql);
      if (!(await exists())) await makeTemplate(socket, sql, template);
    }
    await sql.unsafe(`create database ${name} template ${template}`);
  });
}

async function makeTemplate(socket: string, sql: Database['sql'], template: string) {
  const making = `making_${process.pid}`;
  await sql.unsafe(`drop database if exists ${making} with (force)`);
  await sql.unsafe(`create database ${making}`);
  const fresh = openDatabase({ socket, database: making, max: 1 });
  try {
    await migrate(fresh, { clock: systemClock });
  } finally {
    await fresh.close();
  }
  await sql.unsafe(`alter database ${making} rename to ${template}`);
}

/** Drops what killed tests left, and the templates of other migrations: the folder must not grow with use. */
async function sweep(sql: Database['sql']) {
  const rows = await sql<{ datname: string }[]>`
    select datname from pg_database where datname ~ '^(test|making)_[0-9]+' or datname like 'template\\_%'`;
  for (const { datname } of rows) {
    const pid = Number(/^(?:test|making)_(\d+)/.exec(datname)?.[1]);
    if (!pid || !alive(pid)) await sql.unsafe(`drop database ${datname}`).catch(() => {});
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
