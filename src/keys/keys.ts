import type { JsonWebKey, KeyObject } from 'node:crypto';

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

export type KeyState = 'next' | 'current' | 'retiring' | 'retired' | 'revoked';

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
