import { createCipheriv, createDecipheriv, createHash } from 'node:crypto';

/** The strict envelope of PROVINCE.md section 2: what is signed, and how data is wrapped. */

export type Json = { readonly [name: string]: unknown };

export function isJson(value: unknown): value is Json {
  return typeof value === 'object' && value !== null && !Array.isArray(value);
}

const leftOut = ['signData', 'encData', 'encKey', 'extra'];

/**
 * All fields of the message but the four, with `data` in the clear; names in ASCII order, `k=v` joined with `&`; what
 * is nested as JSON, its names sorted too. What is empty ('' null undefined {} []) is dropped, inside objects as well;
 * the places of an array are kept.
 */
export function stringToSign(message: Json): string {
  const parts: string[] = [];
  for (const [name, value] of sorted(message)) {
    if (leftOut.includes(name)) continue;
    const text = typeof value === 'object' ? canonical(value) : isEmpty(value) ? undefined : String(value);
    if (text !== undefined) parts.push(`${name}=${text}`);
  }
  return parts.join('&');
}

const sorted = (object: Json) => Object.entries(object).sort(([one], [other]) => (one < other ? -1 : 1));
const isEmpty = (value: unknown) => value === '' || value === null || value === undefined;

function canonical(value: unknown): string | undefined {
  if (Array.isArray(value)) {
    if (value.length === 0) return undefined;
    return `[${value.map((item) => canonical(item) ?? JSON.stringify(item ?? null)).join(',')}]`;
  }
  if (!isJson(value)) return isEmpty(value) ? undefined : JSON.stringify(value);
  const members: string[] = [];
  for (const [name, member] of sorted(value)) {
    const text = canonical(member);
    if (text !== undefined) members.push(`${JSON.stringify(name)}:${text}`);
  }
  return members.length ? `{${members.join(',')}}` : undefined;
}

/** IV ‖ SM4-CBC with PKCS#7. */
export function sm4Encrypt(text: string, key: Buffer, iv: Buffer): Buffer {
  const cipher = createCipheriv('sm4-cbc', key, iv);
  return Buffer.concat([iv, cipher.update(text, 'utf8'), cipher.final()]);
}

/** Undefined when the key is not the right one, or the text is no UTF-8. */
export function sm4Decrypt(bytes: Buffer, key: Buffer): string | undefined {
  try {
    const decipher = createDecipheriv('sm4-cbc', key, bytes.subarray(0, 16));
    const plain = Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]);
    return new TextDecoder('utf-8', { fatal: true }).decode(plain);
  } catch {
    return undefined;
  }
}

export function sm3(text: string): string {
  return createHash('sm3').update(text, 'utf8').digest('hex');
}

/** Undefined for what is not Base64 as it is written canonically. */
export function fromBase64(text: unknown): Buffer | undefined {
  if (typeof text !== 'string' || text === '') return undefined;
  const bytes = Buffer.from(text, 'base64');
  return bytes.toString('base64') === text ? bytes : undefined;
}
