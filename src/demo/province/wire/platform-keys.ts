import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { isInForce } from './callers.ts';
import { type KeyPair, newKeyPair } from './sm2.ts';

/** A key of the platform's own; kept with its private halves in the data folder. */
export interface PlatformKey {
  readonly keyId: string;
  readonly sign: KeyPair;
  readonly encrypt: KeyPair;
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface PublicPlatformKey {
  readonly keyId: string;
  readonly signKey: string;
  readonly encKey: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

const day = 86_400_000;
const life = 3 * 365 * day;
// Before this much of its life is left, the next start makes a new one.
const renewal = 30 * day;
const kept = 3;

function newPlatformKey(now: number): PlatformKey {
  // In force since yesterday: a caller whose clock is behind must not refuse what was signed with it.
  const keyId = `FJ${new Date(now).toISOString().slice(0, 10).replaceAll('-', '')}-${randomBytes(4).toString('hex')}`;
  return { keyId, sign: newKeyPair(), encrypt: newKeyPair(), notBefore: now - day, notAfter: now + life };
}

/** The keys to start with: those kept, and a new one where none lasts. */
export function startingKeys(kept: readonly PlatformKey[], clock: Clock): readonly PlatformKey[] {
  const now = clock.now();
  return kept.some((key) => isInForce(key, now + renewal)) ? kept : roll(kept, now);
}

/** A new key signs from now on; the last ones still open what was wrapped for them. */
export function roll(keys: readonly PlatformKey[], now: number): readonly PlatformKey[] {
  return [newPlatformKey(now), ...keys].slice(0, kept);
}

export function publicKeys(keys: readonly PlatformKey[]): PublicPlatformKey[] {
  return keys.map(({ keyId, sign, encrypt, notBefore, notAfter }) => ({
    keyId,
    signKey: sign.publicKey,
    encKey: encrypt.publicKey,
    notBefore,
    notAfter,
  }));
}
