import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';
import type { PlatformKey } from './platform-keys.ts';
import { type SigningKey, signingKey, sm2Decrypt, sm2Encrypt, sm2Sign, sm2Verify } from './sm2.ts';
import { type Fields, isFields, readJsonObject } from './strict-json.ts';

/** Our keys at the province, hex: uncompressed public points, private scalars. What `keys` hands out has this shape. */
export interface CallerKeys {
  readonly keyId: string;
  readonly sign: { readonly publicKey: string; readonly privateKey: string };
  readonly encrypt: { readonly publicKey: string; readonly privateKey: string };
}

export type Random = (bytes: number) => Buffer;

export interface Question {
  readonly appId: string;
  readonly serviceCode: string;
  readonly data: Fields;
  /** Milliseconds, by the province's clock. */
  readonly timestamp: number;
  /** At least 16 characters. */
  readonly nonce: string;
}

const outsideTheSignature = new Set(['signData', 'encData', 'encKey', 'extra']);

/**
 * PROVINCE.md section 2, with `data` in the clear in place of `encData`: names sorted, `k=v` joined with `&`, empty
 * values dropped at every depth. Places in an array carry meaning, so an empty value stays there.
 */
export function stringToSign(message: Fields): string {
  return Object.keys(message)
    .filter((name) => !outsideTheSignature.has(name))
    .sort(byCode)
    .flatMap((name) => {
      const value = message[name];
      const printed = isPlain(value) ? plain(value) : sortedJson(value);
      return printed === undefined ? [] : [`${name}=${printed}`];
    })
    .join('&');
}

const byCode = (one: string, other: string) => (one < other ? -1 : one > other ? 1 : 0);
const isPlain = (value: unknown) => typeof value !== 'object' || value === null;
const isEmpty = (value: unknown) => value === '' || value === null || value === undefined;
const plain = (value: unknown) => (isEmpty(value) ? undefined : String(value));

// Written out, not by JSON.stringify of a sorted copy: an object of JavaScript puts names like "10" first.
function sortedJson(value: unknown): string | undefined {
  if (Array.isArray(value))
    return value.length ? `[${value.map((item) => sortedJson(item) ?? emptyJson(item)).join()}]` : undefined;
  if (!isFields(value)) return isEmpty(value) ? undefined : JSON.stringify(value);
  const members = Object.keys(value)
    .sort(byCode)
    .flatMap((name) => {
      const printed = sortedJson(value[name]);
      return printed === undefined ? [] : [`${JSON.stringify(name)}:${printed}`];
    });
  return members.length ? `{${members.join()}}` : undefined;
}

const emptyJson = (value: unknown) => (value === '' ? '""' : Array.isArray(value) ? '[]' : value ? '{}' : 'null');

/** Signs, then encrypts, under a message key of its own. Returns the body of the request. */
export async function sealQuestion(
  question: Question,
  caller: CallerKeys,
  platform: PlatformKey,
  random: Random,
): Promise<string> {
  const { data, ...head } = question;
  const signed = {
    ...head,
    version: '2.0.0',
    signType: 'SM2',
    encType: 'SM4',
    keyId: caller.keyId,
    platformKeyId: platform.keyId,
  };
  const signData = sm2Sign(stringToSign({ ...signed, data }), signingKeyOf(caller)).toString('base64');
  const messageKey = random(16);
  const encKey = (await sm2Encrypt(messageKey, platform.encKey)).toString('base64');
  const encData = sm4Encrypt(JSON.stringify(data), messageKey, random(16)).toString('base64');
  return JSON.stringify({ ...signed, encKey, encData, signData });
}

// A snapshot of keys lives until the next epoch: its keys are imported once.
const imported = new WeakMap<CallerKeys, SigningKey>();

function signingKeyOf(caller: CallerKeys): SigningKey {
  let key = imported.get(caller);
  if (!key) {
    key = signingKey(caller.sign.privateKey, caller.sign.publicKey);
    imported.set(caller, key);
  }
  return key;
}

/** The data of an answer in the clear; undefined when it was not encrypted for this key, or is no strict JSON object. */
export async function openData(encKey: string, encData: string, caller: CallerKeys): Promise<Fields | undefined> {
  const wrapped = fromBase64(encKey);
  const ciphertext = fromBase64(encData);
  if (!wrapped || !ciphertext) return undefined;
  const messageKey = await sm2Decrypt(wrapped, caller.encrypt.privateKey);
  if (messageKey?.length !== 16) return undefined;
  const plaintext = sm4Decrypt(ciphertext, messageKey);
  return plaintext && readJsonObject(plaintext);
}

/** Whether the platform signed this answer, given its data in the clear (undefined where it has none). */
export function isSignedBy(platform: PlatformKey, answer: Fields, data: Fields | undefined): boolean {
  const signature = typeof answer.signData === 'string' ? fromBase64(answer.signData) : undefined;
  if (!signature) return false;
  return sm2Verify(stringToSign({ ...answer, data }), signature, platform.signKey);
}

/** IV ‖ SM4-CBC (GB/T 32907) with PKCS#7. */
export function sm4Encrypt(plaintext: string, key: Uint8Array, iv: Uint8Array): Buffer {
  const cipher = createCipheriv('sm4-cbc', key, iv);
  return Buffer.concat([iv, cipher.update(plaintext, 'utf8'), cipher.final()]);
}

export function sm4Decrypt(ciphertext: Uint8Array, key: Uint8Array): Buffer | undefined {
  if (ciphertext.length < 32 || ciphertext.length % 16) return undefined;
  const decipher = createDecipheriv('sm4-cbc', key, ciphertext.subarray(0, 16));
  try {
    return Buffer.concat([decipher.update(ciphertext.subarray(16)), decipher.final()]);
  } catch {
    return undefined; // the padding is wrong
  }
}

/** SM3 (GB/T 32905) of a text, hex. */
export function sm3Hex(text: string): string {
  return createHash('sm3').update(text, 'utf8').digest('hex');
}

/** Only as it is written canonically, so that one answer has one form. */
function fromBase64(text: string): Buffer | undefined {
  const bytes = Buffer.from(text, 'base64');
  return bytes.length && bytes.toString('base64') === text ? bytes : undefined;
}
