import { EgretError } from '../errors.ts';
import { type Kind, kindOf, kinds, type Made } from './kinds.ts';
import type { KeyRow, StoredSet } from './records.ts';
import { type KeyEncryptionKey, sha256 } from './sealing.ts';

/** A key with its private part open, in memory only. */
export interface OpenKey extends KeyRow {
  readonly secret: Buffer;
}

/** Every key there is, opened and checked, of one moment. */
export interface KeySet {
  readonly epoch: number;
  readonly keys: readonly OpenKey[];
}

/** Where a key is at home. The public part is in it too, so that no other one can be put before a private key. */
const place = (key: Pick<KeyRow, 'kind' | 'kid' | 'algorithm' | 'epoch' | 'public'>) =>
  JSON.stringify(['egret key', key.kind, key.kid, key.algorithm, key.epoch, sorted(key.public)]);

// The database gives back objects with their fields in another order.
const sorted = (fields: KeyRow['public']) =>
  fields && Object.entries(fields).sort(([one], [other]) => (one < other ? -1 : 1));

/** A made key as a row, sealed in its place. */
export function sealKey(
  kek: KeyEncryptionKey,
  made: Made,
  row: Omit<KeyRow, 'kid' | 'public' | 'sealed' | 'kek' | 'algorithm'>,
): OpenKey {
  const named = { ...row, kid: made.kid, algorithm: kindOf(row.kind).algorithm, public: made.public };
  return { ...named, kek: kek.id, sealed: kek.seal(made.secret, place(named)), secret: made.secret };
}

/** The seal over a set: nothing in it can be removed, added or put into another state without the key. */
export function sealSet(kek: KeyEncryptionKey, set: KeySet): Buffer {
  return kek.seal(digest(set.epoch, set.keys), setPlace(set.epoch));
}

const setPlace = (epoch: number) => JSON.stringify(['egret key set', epoch]);

function digest(epoch: number, keys: readonly KeyRow[]): Buffer {
  const rows = [...keys]
    .sort((one, other) => (one.kid < other.kid ? -1 : 1))
    .map((key) => [
      place(key),
      key.state,
      key.kek,
      sha256(key.sealed).toString('hex'),
      [key.createdAt, key.publishedAt, key.ripeAt, key.activatedAt, key.retireAt, key.endedAt],
    ]);
  return sha256(JSON.stringify([epoch, rows]));
}

/**
 * Opens a stored set, or refuses it with the cause: EG-1802 another key-encryption key, EG-1804 a key that does not
 * open in its place, EG-1805 a set that is not the one that was sealed. Never makes a key.
 */
export function openSet(kek: KeyEncryptionKey, stored: StoredSet): KeySet {
  const foreign = [stored.kek, ...stored.keys.map((key) => key.kek)].find((id) => id !== kek.id);
  if (foreign !== undefined)
    throw new EgretError('EG-1802', {
      log:
        `the keys are sealed under the key-encryption key ${foreign}, this one is ${kek.id}: give the one that ` +
        'belongs to this database (its backup, if the file was replaced); without it no key and no sealed field opens',
    });
  const keys = stored.keys.map((row): OpenKey => {
    if (!(row.kind in kinds))
      throw new EgretError('EG-1805', { log: `key ${row.kid} is of the kind ${row.kind}, unknown to this version` });
    const secret = kek.open(row.sealed, place(row));
    if (!secret)
      throw new EgretError('EG-1804', {
        log:
          `key ${row.kid} (${row.kind}, ${row.algorithm}, epoch ${row.epoch}) does not open: its row was changed, or ` +
          'copied there from another place; restore it from a backup',
      });
    return { ...row, secret };
  });
  const sealed = kek.open(stored.seal, setPlace(stored.epoch));
  if (!sealed?.equals(digest(stored.epoch, stored.keys)))
    throw new EgretError('EG-1805', {
      log:
        `the ${keys.length} keys of epoch ${stored.epoch} are not those that were sealed: one was removed, added, or ` +
        'put into another state by someone else; restore the tables keys and key_set from one backup',
    });
  return { epoch: stored.epoch, keys };
}

export const ofKind = (set: KeySet, kind: Kind): OpenKey[] => set.keys.filter((key) => key.kind === kind);

/** The one key of a kind in force. */
export function currentOf(set: KeySet, kind: Kind): OpenKey {
  const key = set.keys.find((one) => one.kind === kind && one.state === 'current');
  if (!key) throw new EgretError('EG-1805', { log: `no key of the kind ${kind} is current` });
  return key;
}
