import type { TransactionSql } from 'postgres';
import { createAudit } from '../audit/audit.ts';
import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';
import { createKeys, type Vault } from '../keys/keys.ts';
import { createSessions } from '../sessions/sessions.ts';
import type { Database } from '../store/database.ts';
import { migrate, readMigrations } from '../store/migrate.ts';
import type { Backup, Manifest } from './file.ts';
import {
  allTables,
  copyIn,
  dropEverything,
  emptyTables,
  type Found,
  lookAt,
  recordTables,
  renewTransactionNumbers,
  setSequence,
  speakPlainly,
  takeStamps,
} from './records.ts';

export interface RestoreOptions {
  readonly database: Database;
  readonly clock: Clock;
  /** The key-encryption key, 32 bytes. */
  readonly key: Buffer;
  readonly operator: (vault: Vault) => Buffer;
  readonly by: string;
  /** Milliseconds: the longest life of anything that a restore ends. */
  readonly longest: number;
  /** Whether a database that holds something may be replaced. */
  readonly replace: boolean;
}

export interface Restored {
  readonly rows: number;
  /** Sign-ins that stood in the backup. */
  readonly sessions: number;
  /** Migrations that the backup did not have yet. */
  readonly migrations: readonly string[];
  /** What was there before. */
  readonly before: Found;
}

/** What a restore would find: nothing is changed. */
export const lookAtTarget = (database: Database): Promise<Found> =>
  database.begin(lookAt, { unhurried: true, mode: 'read only' });

/**
 * Puts a backup into a database, in one transaction: the schema as it was, the rows, the numbers, then the migrations
 * since, the end of every session, and the event. EG-1942 for a database that is not empty or not ours, EG-1943 while
 * gateways work on it, EG-1720 and EG-1721 for migrations that this version does not have.
 */
export async function restoreBackup(backup: Backup, options: RestoreOptions): Promise<Restored> {
  const { database, clock, key, operator, by, longest } = options;
  const { manifest } = backup;
  await checkMigrations(manifest);
  return database.begin(
    async (tx) => {
      const inside = within(tx);
      const before = await lookAt(tx);
      refuse(before, options.replace);
      await dropEverything(tx);
      await migrate(inside, { clock, last: manifest.migrations.at(-1)?.number ?? 0 });
      await speakPlainly(tx);
      const rows = await load(tx, backup);
      const migrations = await migrate(inside, { clock });

      const keys = await createKeys({
        database: inside,
        keyEncryptionKey: key,
        clock,
        audit: (auditKey) => createAudit({ database: inside, clock, key: auditKey }),
      });
      for (let stamps = await takeStamps(tx, 1_000); stamps.length > 0; stamps = await takeStamps(tx, 1_000))
        await keys.audit.take(tx, stamps);
      const sessions = await createSessions({ database: inside, clock }).endEveryone(tx, 'restore', longest);
      await keys.audit.record(tx, {
        type: 'records.restored',
        outcome: 'success',
        actor: operator(keys.vault),
        detail: {
          made: manifest.made,
          number: manifest.audit.number,
          replaced: before.audit.number + before.audit.waiting,
          rows,
          sessions,
          by,
        },
      });
      return { rows, sessions, migrations, before };
    },
    { unhurried: true },
  );
}

function refuse(found: Found, replace: boolean): void {
  if (found.foreign)
    throw new EgretError('EG-1942', { log: 'the database holds tables that are not ours: name one of its own' });
  if (found.gateways > 0)
    throw new EgretError('EG-1943', {
      log: `gateways are at work on this database (${found.gateways} connections): end every one, then restore`,
    });
  if (!found.empty && !replace)
    throw new EgretError('EG-1942', {
      log:
        `the database is not empty (${found.accounts} accounts, ${found.audit.number} chained events): restore into an ` +
        'empty one, or say --replace',
    });
}

/** Those of the backup must be the first ones of this version, to the byte. */
async function checkMigrations(manifest: Manifest): Promise<void> {
  const ours = new Map((await readMigrations()).map((one) => [one.number, one]));
  for (const { number, name, digest } of manifest.migrations) {
    const own = ours.get(number);
    if (!own)
      throw new EgretError('EG-1721', {
        log: `the backup has ${name}, which this version does not know: restore it with the version that made it`,
      });
    if (own.digest !== digest)
      throw new EgretError('EG-1720', {
        log: `${own.name} is not what it was when the backup was made (as ${name}): restore it with that version`,
      });
  }
}

async function load(tx: TransactionSql, backup: Backup): Promise<number> {
  const { parts, sequences } = backup.manifest;
  const tables = new Map((await recordTables(tx)).map((table) => [table.name, table]));
  const all = await allTables(tx);
  await emptyTables(
    tx,
    all.filter(({ name }) => tables.has(name)),
  );
  let rows = 0;
  for (const part of parts) {
    const table = tables.get(part.table);
    if (!table || part.columns.some((column) => !table.columns.includes(column)))
      throw new EgretError('EG-1941', { log: `the backup's table ${part.table} is not one of its own migrations` });
    const held = await copyIn(tx, { name: table.name, columns: part.columns }, backup.rows(part));
    if (held !== part.rows)
      throw new EgretError('EG-1941', { log: `${held} rows of ${part.rows} arrived in ${part.table}` });
    rows += held;
  }
  for (const one of sequences) await setSequence(tx, one);
  await renewTransactionNumbers(tx);
  return rows;
}

/** The rooms work inside this transaction as they do on a database: what they begin is a savepoint. */
function within(tx: TransactionSql): Database {
  return {
    sql: tx as unknown as Database['sql'],
    begin: <T>(work: (inner: TransactionSql) => Promise<T>) => tx.savepoint(work) as Promise<T>,
    close: async () => {},
  };
}
