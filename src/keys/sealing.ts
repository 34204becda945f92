import { createCipheriv, createDecipheriv, createHash, createHmac, type KeyObject } from 'node:crypto';

const ivLength = 12;
const tagLength = 16;

/** AES-256-GCM: IV (12 bytes), ciphertext, tag (16). A random IV is safe for 2^32 messages under one key. */
export function encrypt(key: KeyObject | Buffer, iv: Buffer, plaintext: Buffer, associated: Buffer): Buffer {
  const cipher = createCipheriv('aes-256-gcm', key, iv);
  cipher.setAAD(associated);
  return Buffer.concat([iv, cipher.update(plaintext), cipher.final(), cipher.getAuthTag()]);
}

/** undefined when it was not sealed under this key and with this associated data. */
export function decrypt(key: KeyObject | Buffer, sealed: Uint8Array, associated: Buffer): Buffer | undefined {
  if (sealed.length < ivLength + tagLength) return undefined;
  const end = sealed.length - tagLength;
  // A shorter tag would be easier to forge: its length is ours, never the message's.
  const decipher = createDecipheriv('aes-256-gcm', key, sealed.subarray(0, ivLength), { authTagLength: tagLength });
  decipher.setAAD(associated);
  decipher.setAuthTag(sealed.subarray(end));
  try {
    return Buffer.concat([decipher.update(sealed.subarray(ivLength, end)), decipher.final()]);
  } catch {
    return undefined;
  }
}

/** What guards the keys: in a file or the environment today, in a PKCS#11 token it would seal and open there. */
export interface KeyEncryptionKey {
  /** Names the key without telling it: a wrong one is recognised, not taken for damage. */
  readonly id: string;
  seal(plaintext: Buffer, associated: string): Buffer;
  open(sealed: Uint8Array, associated: string): Buffer | undefined;
}

/** @param bytes 32 bytes */
export function keyEncryptionKey(bytes: Buffer, random: (size: number) => Buffer): KeyEncryptionKey {
  if (bytes.length !== 32) throw new RangeError('a key-encryption key has 32 bytes');
  return {
    id: createHmac('sha256', bytes).update('egret key-encryption key id').digest().subarray(0, 8).toString('hex'),
    seal: (plaintext, associated) => encrypt(bytes, random(ivLength), plaintext, Buffer.from(associated)),
    open: (sealed, associated) => decrypt(bytes, sealed, Buffer.from(associated)),
  };
}

export const sha256 = (data: string | Uint8Array): Buffer => createHash('sha256').update(data).digest();
