import { randomBytes } from 'node:crypto';
import { type Code, codes } from '../codes.ts';
import { type CallerKey, isInForce } from './callers.ts';
import { type Json, sm4Encrypt, stringToSign } from './envelope.ts';
import type { PlatformKey } from './platform-keys.ts';
import { encrypt, newKeyPair, sign } from './sm2.ts';

/** What is said around any answer. */
export interface Head {
  readonly code: Code;
  readonly msg?: string;
  readonly traceId: string;
  readonly timestamp: number;
  readonly data?: Json;
}

/** Of the first key in force; where the clock was moved past all of them, the youngest. */
export function signingKey(keys: readonly PlatformKey[], now: number): PlatformKey {
  return (keys.find((key) => isInForce(key, now)) ?? keys[0]) as PlatformKey;
}

/** The fields of an answer before it is signed, `data` in the clear. */
export function unsealed({ code, msg = codes[code], traceId, timestamp, data }: Head, key: PlatformKey): Json {
  return { success: code === '0000', code, msg, traceId, timestamp, keyId: key.keyId, ...(data && { data }) };
}

/** Signs, then encrypts for the caller's key. `forge` signs with a key that nobody knows. */
export function seal(answer: Json, to: CallerKey | undefined, key: PlatformKey, forge = false): Json {
  const { data, ...head } = answer;
  const around = data && to ? { ...head, callerKeyId: to.keyId } : head;
  const signData = sign(stringToSign({ ...around, data }), forge ? newKeyPair() : key.sign).toString('base64');
  if (!data || !to) return { ...around, signData };
  const messageKey = randomBytes(16);
  const encKey = encrypt(messageKey, to.encKey).toString('base64');
  const encData = sm4Encrypt(JSON.stringify(data), messageKey, randomBytes(16)).toString('base64');
  return { ...around, encKey, encData, signData };
}
