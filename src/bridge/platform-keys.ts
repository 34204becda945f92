import { readFile } from 'node:fs/promises';
import type { Clock } from '../clock.ts';
import { isPublicKey, type VerifyingKey, verifyingKey } from './sm2.ts';
import { isFields, readJsonObject } from './strict-json.ts';

/** A key of the platform; it holds from `notBefore` to `notAfter`, milliseconds. */
export interface PlatformKey {
  readonly keyId: string;
  readonly signKey: VerifyingKey;
  /** Hex, an uncompressed point. */
  readonly encKey: string;
  readonly notBefore: number;
  readonly notAfter: number;
}

/** The keys of the platform, from a file that came out of band: what the wire says about keys is never believed. */
export interface PlatformKeys {
  /** The youngest key in force at that time, to wrap message keys for. */
  toWrap(at: number): Promise<PlatformKey | undefined>;
  /** Reads the file again, once, where the id is not known: the platform may have rolled its keys since. */
  find(keyId: string): Promise<PlatformKey | undefined>;
  /** The platform does not know the key we wrapped for: the next question reads the file again. */
  forget(): void;
}

// A key that was taken out of the file (it leaked) is believed no longer than this.
const maxAge = 60_000;

export function platformKeys(file: string, clock: Clock): PlatformKeys {
  let known: readonly PlatformKey[] = [];
  let readAt = Number.NEGATIVE_INFINITY;
  let reading: Promise<readonly PlatformKey[]> | undefined;

  // Who comes while it is being read shares that reading.
  function read(): Promise<readonly PlatformKey[]> {
    const began = clock.monotonic();
    reading ??= readPlatformKeys(file)
      .then((keys) => {
        known = keys;
        readAt = began;
        return keys;
      })
      .finally(() => {
        reading = undefined;
      });
    return reading;
  }

  const youngest = (keys: readonly PlatformKey[], at: number) =>
    keys.filter((key) => holds(key, at)).sort((one, other) => other.notBefore - one.notBefore)[0];

  return {
    async toWrap(at) {
      if (clock.monotonic() - readAt > maxAge) await read();
      return youngest(known, at) ?? youngest(await read(), at);
    },
    async find(keyId) {
      const same = (key: PlatformKey) => key.keyId === keyId;
      return known.find(same) ?? (await read()).find(same);
    },
    forget() {
      known = [];
    },
  };
}

export function holds(key: PlatformKey, at: number): boolean {
  return key.notBefore <= at && at <= key.notAfter;
}

/** The pinned file cannot be used; the message is for the operator and has nothing of the file but key ids. */
export class PlatformKeysError extends Error {
  override readonly name = 'PlatformKeysError';
}

/** Rejects when the file cannot be read or one of its keys is no key: half a set of pinned keys is none. */
async function readPlatformKeys(file: string): Promise<PlatformKey[]> {
  const bytes = await readFile(file).catch((cause: NodeJS.ErrnoException) => {
    throw new PlatformKeysError(`platform keys: ${cause.code}`, { cause });
  });
  const keys = readJsonObject(bytes)?.keys;
  if (!Array.isArray(keys)) throw new PlatformKeysError('platform keys: no JSON object with a list "keys"');
  return keys.map((key: unknown) => {
    const { keyId, signKey, encKey, notBefore, notAfter } = isFields(key) ? key : {};
    if (typeof keyId !== 'string' || !keyId) throw new PlatformKeysError('platform keys: one has no keyId');
    const isKey = (hex: unknown): hex is string => typeof hex === 'string' && isPublicKey(hex);
    if (!isKey(signKey) || !isKey(encKey))
      throw new PlatformKeysError(`platform keys: ${keyId} is no pair of SM2 points in hex`);
    if (typeof notBefore !== 'number' || typeof notAfter !== 'number')
      throw new PlatformKeysError(`platform keys: notBefore and notAfter of ${keyId} are milliseconds`);
    return { keyId, signKey: verifyingKey(signKey), encKey, notBefore, notAfter };
  });
}
