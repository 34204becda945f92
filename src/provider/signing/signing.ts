import type { KeyObject } from 'node:crypto';
import { ExternalSigningKey } from 'oidc-provider';
import type { SigningKey } from '../../keys/keys.ts';

/**
 * A key of the epoch as the library wants it: signed natively, the private part never leaves the keys room. Keys that
 * are published but do not sign (`next`, `retiring`) say so by `key_ops`.
 */
class EpochKey extends ExternalSigningKey {
  readonly #key: SigningKey;

  constructor(key: SigningKey) {
    super();
    this.#key = key;
  }

  override get kid(): string {
    return this.#key.kid;
  }

  override get alg(): string {
    return this.#key.alg;
  }

  override get key_ops(): string[] | undefined {
    return this.#key.state === 'current' ? undefined : ['verify'];
  }

  override keyObject(): KeyObject {
    return this.#key.publicKey;
  }

  override sign(data: Uint8Array): Uint8Array {
    if (this.#key.state !== 'current') throw new Error('a key that is not current was asked to sign');
    return this.#key.sign(data);
  }
}

export const signingKey = (key: SigningKey): EpochKey => new EpochKey(key);
