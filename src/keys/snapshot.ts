import { createPrivateKey, createPublicKey, createSecretKey, type JsonWebKey, type KeyObject, sign } from 'node:crypto';
import { EgretError } from '../errors.ts';
import { type KeySet, type OpenKey, ofKind } from './keystore.ts';
import { type Kind, kinds, type Sm2Secret } from './kinds.ts';
import type { KeyRow } from './records.ts';
import { type VaultKeys, vaultKeys } from './vault.ts';

/** A token-signing key that stands in the JWKS. */
export interface SigningKey {
  readonly kid: string;
  readonly alg: 'ES256';
  readonly state: 'current' | 'next' | 'retiring';
  readonly publicKey: KeyObject;
  /** With kid, alg and use. */
  readonly publicJwk: JsonWebKey & { readonly kid: string };
  /** ES256 as JOSE writes it (r ‖ s, 64 bytes). EG-1806 for a key that is published but does not sign. */
  sign(data: Uint8Array): Buffer;
}

/** A pair of SM2 keys of ours at the province, hex: uncompressed public points, private scalars. */
export interface BridgeKeys {
  readonly keyId: string;
  readonly state: 'current' | 'next' | 'retiring';
  readonly sign: { readonly publicKey: string; readonly privateKey: string };
  readonly encrypt: { readonly publicKey: string; readonly privateKey: string };
  /** Milliseconds since the epoch. */
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The keys of one epoch, ready to use; never changed, only replaced. */
export interface Snapshot {
  readonly set: KeySet;
  readonly signing: { readonly epoch: number; readonly keys: readonly SigningKey[] };
  readonly jwks: { readonly keys: readonly SigningKey['publicJwk'][] };
  readonly bridge: readonly BridgeKeys[];
  readonly vault: VaultKeys;
  readonly auditMac: { readonly current: string; readonly byId: ReadonlyMap<string, KeyObject> };
}

export function snapshotOf(set: KeySet): Snapshot {
  const signing = published(set, 'token-signing').map(signingKey);
  const auditMac = ofKind(set, 'audit-mac');
  return {
    set,
    signing: { epoch: set.epoch, keys: signing },
    jwks: { keys: signing.map((key) => key.publicJwk) },
    bridge: published(set, 'bridge').map(bridgeKeys),
    vault: vaultKeys(set),
    auditMac: {
      current: auditMac.find((key) => key.state === 'current')?.kid ?? '',
      byId: new Map(auditMac.map((key) => [key.kid, createSecretKey(key.secret)])),
    },
  };
}

const order = ['current', 'next', 'retiring', 'retired', 'revoked'];
const kindOrder = Object.keys(kinds);

/** By kind; current first, then next, then retiring with the latest first: the same on every node, to the byte. */
export const inOrder = <K extends KeyRow>(keys: readonly K[]): K[] =>
  [...keys].sort(
    (one, other) =>
      kindOrder.indexOf(one.kind) - kindOrder.indexOf(other.kind) ||
      order.indexOf(one.state) - order.indexOf(other.state) ||
      (other.activatedAt ?? 0) - (one.activatedAt ?? 0) ||
      (one.kid < other.kid ? -1 : 1),
  );

type Published = OpenKey & { readonly state: SigningKey['state'] };

const published = (set: KeySet, kind: Kind): Published[] =>
  inOrder(ofKind(set, kind)).filter((key): key is Published => order.indexOf(key.state) < 3);

function signingKey(key: Published): SigningKey {
  const { kid, state } = key;
  const privateKey = createPrivateKey({ key: key.secret, format: 'der', type: 'pkcs8' });
  return {
    kid,
    alg: 'ES256',
    state,
    publicKey: createPublicKey(privateKey),
    publicJwk: { ...key.public, kid, alg: 'ES256', use: 'sig' },
    sign(data) {
      if (state !== 'current') throw new EgretError('EG-1806', { log: `key ${kid} is ${state}: it does not sign` });
      return joined(sign('sha256', data, privateKey));
    },
  };
}

/**
 * ECDSA-Sig-Value (RFC 3279, 2.2.3), two DER integers, as the 64 bytes that a JWT carries (RFC 7518, 3.4). Node does it
 * too when asked in an object beside the key, at the price of another signature.
 */
function joined(der: Buffer): Buffer {
  const both = Buffer.alloc(64);
  let at = 3;
  for (const end of [32, 64]) {
    const length = der[at] as number;
    const next = at + 1 + length;
    // an integer has a zero in front where its first bit is set, and none of its own zeros
    const value = der.subarray(next - Math.min(length, 32), next);
    both.set(value, end - value.length);
    at = next + 1;
  }
  return both;
}

// What the province's papers ask for: a key of ours holds for three years.
const bridgeLife = 3 * 365 * 86_400_000;

function bridgeKeys(key: Published): BridgeKeys {
  const secret = JSON.parse(key.secret.toString()) as Sm2Secret;
  const { signKey = '', encryptKey = '' } = key.public ?? {};
  return {
    keyId: key.kid,
    state: key.state,
    sign: { publicKey: signKey, privateKey: secret.sign },
    encrypt: { publicKey: encryptKey, privateKey: secret.encrypt },
    notBefore: key.createdAt,
    notAfter: key.createdAt + bridgeLife,
  };
}
