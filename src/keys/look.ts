import { randomBytes } from 'node:crypto';
import { EgretError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import { openSet } from './keystore.ts';
import { everUsed, readSet } from './records.ts';
import { keyEncryptionKey } from './sealing.ts';
import { type BridgeKeys, snapshotOf } from './snapshot.ts';
import { createVault, type Vault } from './vault.ts';

/**
 * The keys of this database as they are, opened and checked; nothing is made or changed. Undefined where none was ever
 * made; EG-1802, EG-1804, EG-1805 when they do not open, EG-1803 when there are keys and nothing to open them with.
 */
export async function lookAtKeys(
  database: Database,
  bytes: Buffer | undefined,
): Promise<{ readonly vault: Vault; readonly bridge: readonly BridgeKeys[] } | undefined> {
  const stored = await readSet(database.sql);
  if (!stored) {
    if (!(await everUsed(database.sql))) return undefined;
    throw new EgretError('EG-1805', {
      log: 'this database was in use, and its keys are gone: restore the tables keys and key_set from a backup',
    });
  }
  if (!bytes)
    throw new EgretError('EG-1803', {
      log: 'this database holds keys, and their key-encryption key is missing: put its file back from its backup',
    });
  const { vault, bridge } = snapshotOf(openSet(keyEncryptionKey(bytes, randomBytes), stored));
  return { vault: createVault(() => vault, randomBytes), bridge };
}
