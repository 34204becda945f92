/**
 * Backups of the records: one file of one moment, and that file put back into a database, in one transaction. Whoever
 * restores goes back in time, so nobody stays signed in, and the audit trail says what was done and from when on it
 * knows nothing (docs/operate.md says what else is undone).
 *
 * Protocol state is not in it, and the key-encryption key never. It does not own what the rows mean (their rooms do),
 * nor who may make one. It has no routes; `egret backup` and `egret restore` are its commands.
 */
import { randomBytes } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';
import { keyEncryptionKey } from '../keys/keys.ts';
import type { Database } from '../store/database.ts';
import { type Backup, type Manifest, openBackup as open, writeBackup } from './file.ts';
import {
  appliedMigrations,
  auditEnd,
  copyOut,
  keySet,
  recordTables,
  sequences,
  serverVersion,
  speakPlainly,
} from './records.ts';

export type { Backup, Manifest } from './file.ts';
export type { Found } from './records.ts';
export { lookAtTarget, type Restored, restoreBackup } from './restore.ts';

export interface BackupOptions {
  readonly database: Database;
  readonly clock: Clock;
  readonly audit: Audit;
  /** The key-encryption key, 32 bytes: it seals the file, and is not in it. */
  readonly key: Buffer;
  readonly operator: Buffer;
  readonly by: string;
}

/**
 * Writes every record, as of one moment, to a new file at `path`; gateways may go on meanwhile. EG-1940 when the file
 * cannot be written, EG-1802 when the records are sealed under another key.
 */
export async function makeBackup(
  { database, clock, audit, key, operator, by }: BackupOptions,
  path: string,
): Promise<{ manifest: Manifest; bytes: number }> {
  const kek = keyEncryptionKey(key, randomBytes);
  let made: Manifest | undefined;
  return writeBackup(
    path,
    kek,
    (part) =>
      database.begin(
        async (tx) => {
          await speakPlainly(tx);
          const set = await keySet(tx);
          if (set?.kek !== kek.id)
            throw new EgretError('EG-1802', { log: `the records are sealed under ${set?.kek}, this key is ${kek.id}` });
          const parts = [];
          const head = {
            made: clock.now(),
            server: await serverVersion(tx),
            migrations: await appliedMigrations(tx),
            keyEpoch: set.epoch,
            keyEncryptionKey: kek.id,
            audit: await auditEnd(tx),
            sequences: await sequences(tx),
          };
          for (const table of await recordTables(tx))
            parts.push({ table: table.name, columns: table.columns, ...(await part(await copyOut(tx, table))) });
          made = { ...head, parts };
          return made;
        },
        { unhurried: true, mode: 'isolation level repeatable read, read only' },
      ),
    (manifest, place) =>
      database.begin(
        async (tx) => {
          const rows = manifest.parts.reduce((sum, one) => sum + one.rows, 0);
          const { made, keyEpoch: epoch, audit: end } = manifest;
          const detail = { made, rows, number: end.number, epoch, by };
          await audit.record(tx, { type: 'records.backed-up', outcome: 'success', actor: operator, detail });
          await place();
        },
        { unhurried: true },
      ),
  );
}

/**
 * Opens a backup and checks every byte of it, before anything is done with it. EG-1941 for what is none or is not
 * whole, EG-1721 for one of a later version, EG-1802 for another key-encryption key.
 */
export const openBackup = (path: string, key: Buffer): Promise<Backup> =>
  open(path, keyEncryptionKey(key, randomBytes));
