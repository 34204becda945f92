/**
 * Migrations: the numbered SQL files of `migrations/`, each in a transaction of its own, once, in order, by one node
 * at a time. What was applied is kept with the SHA-256 of its file: a file is history once it is out, and a changed
 * one is refused, because no two databases would be alike any more.
 *
 * Versions run together: the tables change first in what is added, and only when nobody needs the old any more in what
 * is taken away (expand, then contract). Which versions may run beside a migration is said in its file and kept with it,
 * because the versions before it do not have the file: `-- needs: 011` is for gateways that have 011 or later
 * (docs/decisions/0012-versions-run-together.md).
 */
import { createHash } from 'node:crypto';
import { readdir, readFile } from 'node:fs/promises';
import { join } from 'node:path';
import type { Sql, TransactionSql } from 'postgres';
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
  /** The last migration that a version must have to run on a database with this one. */
  readonly needs: number | undefined;
}

interface Applied {
  readonly number: number;
  readonly name: string;
  readonly digest: string;
  readonly needs: number | null;
}

/** No version before this migration could start beside a later one. */
const firstToSay = 12;

/** The migrations that come with this version. */
const ownMigrations = join(import.meta.dirname, 'migrations');

// 'egret' in ASCII: any number, as long as nothing else in this database takes the same lock.
const lock = 0x6567726574;

/** Reads the numbered files of a folder, in order. EG-1722: two of one number, or one that does not say what it needs. */
export async function readMigrations(folder = ownMigrations): Promise<Migration[]> {
  const names = (await readdir(folder)).filter((name) => name.endsWith('.sql')).sort();
  const found = await Promise.all(
    names.map(async (name) => {
      const bytes = await readFile(join(folder, name));
      const number = Number(/^(\d{3})_[a-z0-9_]+\.sql$/.exec(name)?.[1]);
      if (!number) throw new EgretError('EG-1722', { log: `${name}: a migration is named NNN_what.sql` });
      const text = bytes.toString('utf8');
      const said = /^-- needs: (\d{3})$/m.exec(text)?.[1];
      const needs = said === undefined ? undefined : Number(said);
      if (needs === undefined ? number >= firstToSay : needs > number)
        throw new EgretError('EG-1722', {
          log: `${name}: a line "-- needs: NNN" says which versions may run beside it`,
        });
      return { number, name, text, digest: createHash('sha256').update(bytes).digest('hex'), needs };
    }),
  );
  for (const [index, { name, number }] of found.entries())
    if (found[index + 1]?.number === number)
      throw new EgretError('EG-1722', { log: `${name} and ${found[index + 1]?.name} have the same number` });
  return found;
}

/**
 * Brings the database to this version and returns the names of what was applied now (none: it was there already).
 * Safe on many nodes at once; `last` is the number after which it stops, for the backup of an older version.
 * What a later version applied stays, and is passed over where it was made to run beside this one. Refuses with EG-1720
 * (a file differs from what was applied), EG-1721 (the database is too new for this version), EG-1722 (a file fails;
 * nothing of it remains).
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
      const before = await appliedTo(tx);
      const next = nextMigration(migrations, before);
      if (!next) return undefined;
      try {
        await tx.unsafe(next.text).simple();
      } catch (cause) {
        const { message, position } = cause as { message: string; position?: string };
        const line = position ? `, line ${next.text.slice(0, Number(position)).split('\n').length}` : '';
        throw new EgretError('EG-1722', { cause, log: `${next.name}${line}: ${message}` });
      }
      const { number, name, digest, needs } = next;
      if (needs !== undefined) await tx`alter table migrations add column if not exists needs integer`;
      const row = { number, name, digest, applied_at: new Date(options.clock.now()) };
      await tx`insert into migrations ${tx(needs === undefined ? row : { ...row, needs })}`;
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
  const before = found?.there ? await appliedTo(database.sql) : [];
  nextMigration(migrations, before);
  return migrations.filter(({ number }) => !before.some((row) => row.number === number)).map(({ name }) => name);
}

/** The column `needs` comes with the first migration that says it. */
const appliedTo = (run: Sql | TransactionSql) =>
  run<Applied[]>`
    select number, name, digest, (to_jsonb(m) ->> 'needs')::integer as needs from migrations m order by number`;

function nextMigration(migrations: readonly Migration[], applied: readonly Applied[]): Migration | undefined {
  const byNumber = new Map(migrations.map((migration) => [migration.number, migration]));
  const last = migrations.at(-1)?.number ?? 0;
  for (const row of applied) {
    const file = byNumber.get(row.number);
    if (!file && row.number > last && row.needs !== null && row.needs <= last) continue;
    if (!file)
      throw new EgretError('EG-1721', {
        log: `the database has ${row.name}, which this version does not know and cannot run beside${row.needs ? ` (it needs ${row.needs}, and ${last} is the last one here)` : ''}`,
      });
    if (file.digest !== row.digest)
      throw new EgretError('EG-1720', {
        log: `${file.name} was changed after it was applied (as ${row.name}): restore it and add a new file instead`,
      });
  }
  return migrations.find(({ number }) => !applied.some((row) => row.number === number));
}
