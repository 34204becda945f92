import { createHmac, createSecretKey, type KeyObject } from 'node:crypto';
import { EgretError } from '../errors.ts';
import { currentOf, type KeySet, ofKind } from './keystore.ts';
import type { Random } from './kinds.ts';
import { decrypt, encrypt } from './sealing.ts';

/** What other rooms need of the keys: sealing, finding again, and keyed references. No SQL and no waiting in any of it. */
export interface Vault {
  /**
   * AES-256-GCM under the current data key, its id in front. `context` says where it rests ('account.name:<accountId>')
   * and is needed to open it: a sealed field copied to another row does not open.
   */
  seal(plaintext: string, context: string): Buffer;
  /** EG-1801 when it was changed, moved, or sealed under a key that is not here. */
  open(sealed: Uint8Array, context: string): string;
  /** HMAC-SHA-256, 32 bytes: finds equal values without knowing them. */
  blindIndex(kind: 'mobile' | 'id-number' | 'province-user', value: string): Buffer;
  /** HMAC-SHA-256 under a key of that purpose alone, 32 bytes. */
  mac(purpose: MacPurpose, value: string): Buffer;
}

export type MacPurpose = 'otp' | 'client-secret' | 'browser' | 'refresh' | 'audit-ref' | 'pairwise';

/** The keys of a vault, ready to use. */
export interface VaultKeys {
  readonly data: { readonly id: string; readonly key: KeyObject };
  /** Every data key that may have sealed a field, by its id. */
  readonly dataById: ReadonlyMap<string, KeyObject>;
  readonly blind: KeyObject;
  readonly mac: Readonly<Record<MacPurpose, KeyObject>>;
}

export function vaultKeys(set: KeySet): VaultKeys {
  const data = currentOf(set, 'field-data');
  const key = (kind: Parameters<typeof currentOf>[1]) => createSecretKey(currentOf(set, kind).secret);
  return {
    data: { id: data.kid, key: createSecretKey(data.secret) },
    dataById: new Map(ofKind(set, 'field-data').map((one) => [one.kid, createSecretKey(one.secret)])),
    blind: key('blind-index'),
    mac: {
      otp: key('mac-otp'),
      'client-secret': key('mac-client-secret'),
      browser: key('mac-browser'),
      refresh: key('mac-refresh'),
      'audit-ref': key('mac-audit-ref'),
      pairwise: key('pairwise-salt'),
    },
  };
}

// Version of the format, then the key's id (8 bytes), then IV, ciphertext and tag.
const version = 1;
const head = 9;

const place = (id: string, context: string) => Buffer.from(`egret field ${version} ${id} ${context}`);

const hmac = (key: KeyObject, value: string) => createHmac('sha256', key).update(value).digest();

/** Pseudonyms: asked for the same people over and over. Kept with the key they were made with, as many as a busy hour has. */
const pseudonyms = new WeakMap<KeyObject, Map<string, Buffer>>();
const kept = 10_000;

function pseudonym(key: KeyObject, value: string): Buffer {
  let known = pseudonyms.get(key);
  if (!known || known.size >= kept) {
    known = new Map();
    pseudonyms.set(key, known);
  }
  const before = known.get(value);
  if (before) return before;
  const made = hmac(key, value);
  known.set(value, made);
  return made;
}

/** @param keys those in force at the moment of the call */
export function createVault(keys: () => VaultKeys, random: Random): Vault {
  return {
    seal(plaintext, context) {
      const { id, key } = keys().data;
      const sealed = encrypt(key, random(12), Buffer.from(plaintext), place(id, context));
      return Buffer.concat([Buffer.of(version), Buffer.from(id, 'hex'), sealed]);
    },
    open(sealed, context) {
      const id = Buffer.from(sealed.subarray(1, head)).toString('hex');
      const key = sealed[0] === version ? keys().dataById.get(id) : undefined;
      const plaintext = key && decrypt(key, sealed.subarray(head), place(id, context));
      // Neither the context nor the bytes: both may point to a person.
      if (!plaintext) throw new EgretError('EG-1801', { log: `a sealed field does not open (data key ${id})` });
      return plaintext.toString();
    },
    // The kind is part of what is hashed: a mobile never equals a number of another kind.
    blindIndex: (kind, value) => hmac(keys().blind, `${kind}\0${value}`),
    mac: (purpose, value) => {
      const key = keys().mac[purpose];
      return purpose === 'audit-ref' || purpose === 'pairwise' ? pseudonym(key, value) : hmac(key, value);
    },
  };
}
