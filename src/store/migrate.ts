/**
 * Migrations: the numbered SQL files of `migrations/`, each in a transaction of its own, once, in order, by one node
 * at a time. What was applied is kept with the SHA-256 of its file: a file is history once it is out, and a changed
 * one is refused, because no two databases would be alike any more.
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';
import type { Database } from './database.ts';

export interface Migration {
  readonly number: number;
  /** The file's name: `001_audit_outbox_keys.sql`. */
  readonly name: string;
  readonly text: string;
  /** SHA-256 of the file, hex. */
  readonly digest: string;
}

/** The migrations that come with this version. */
const ownMigrations = join(import.meta.dirname, 'migrations');

// 'egret' in ASCII: any number, as long as nothing else in this database takes the same lock.
const lock = 0x6567726574;

/** Reads the numbered files of a folder, in order. Two files of one number are a mistake: EG-1722. */
export async function readMigrations(folder = ownMigrations): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(folder, name));
      const number = Number(/^(\d{3})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
      if (!number) throw new EgretError('EG-1722', { log: `${name}: a migration is named NNN_what.sql` });
      return { number, name, text: bytes.toString('utf8'), digest: createHash('sha256').update(bytes).digest('hex') };
    }),
  );
  for (const [index, { name, number }] of found.entries())
    if (found[index + 1]?.number === number)
      throw new EgretError('EG-1722', { log: `${name} and ${found[index + 1]?.name} have the same number` });
  return found;
}

/**
 * Brings the database to this version and returns the names of what was applied now (none: it was there already).
 * Safe on many nodes at once; `last` is the number after which it stops, for the backup of an older version. Refuses with EG-1720 (a file differs from what was applied), EG-1721 (the database is
 * newer than this version), EG-1722 (a file fails; nothing of it remains).
 */
export async function migrate(
  database: Database,
  options: { clock: Clock; folder?: string; last?: number },
): Promise<string[]> {
  const { folder, last = Number.POSITIVE_INFINITY } = options;
  const migrations = (await readMigrations(folder)).filter(({ number }) => number <= last);
  const applied: string[] = [];
  // Another node may be at work for longer than a statement may take.
  const unhurried = { unhurried: true };
  // Each turn takes the lock for one file: the next one may be applied by another node.
  for (;;) {
    const name = await database.begin(async (tx) => {
      await tx`select pg_advisory_xact_lock(${lock})`;
      await tx`create table if not exists migrations (
        number integer primary key, name text not null, digest text not null, applied_at timestamptz not null)`;
      const before = await tx<
        { number: number; name: string; digest: string }[]
      >`select number, name, digest from migrations order by number`;
      const next = nextMigration(migrations, before);
      if (!next) return undefined;
      try {
        await tx.unsafe(next.text).simple();
      } catch (cause) {
        const { message, position } = cause as { message: string; position?: string };
        const line = position ? `, line ${next.text.slice(0, Number(position)).split('\n').length}` : '';
        throw new EgretError('EG-1722', { cause, log: `${next.name}${line}: ${message}` });
      }
      const at = new Date(options.clock.now());
      await tx`insert into migrations ${tx({ number: next.number, name: next.name, digest: next.digest, applied_at: at })}`;
      return next.name;
    }, unhurried);
    if (name === undefined) return applied;
    applied.push(name);
  }
}

/** Whether the database is exactly at this version; the refusals are those of `migrate`. */
export async function pendingMigrations(database: Database, folder?: string): Promise<string[]> {
  const migrations = await readMigrations(folder);
  const [found] = await database.sql<{ there: boolean }[]>`select to_regclass('migrations') is not null as there`;
  const before = found?.there
    ? await database.sql<
        { number: number; name: string; digest: string }[]
      >`select number, name, digest from migrations order by number`
    : [];
  nextMigration(migrations, before);
  return migrations.filter(({ number }) => !before.some((row) => row.number === number)).map(({ name }) => name);
}

function nextMigration(
  migrations: readonly Migration[],
  applied: readonly { number: number; name: string; digest: string }[],
): Migration | undefined {
  const byNumber = new Map(migrations.map((migration) => [migration.number, migration]));
  for (const row of applied) {
    const file = byNumber.get(row.number);
    if (!file)
      throw new EgretError('EG-1721', { log: `the database has ${row.name}, which this version does not know` });
    if (file.digest !== row.digest)
      throw new EgretError('EG-1720', {
        log: `${file.name} was changed after it was applied (as ${row.name}): restore it and add a new file instead`,
      });
  }
  return migrations.find(({ number }) => !applied.some((row) => row.number === number));
}
