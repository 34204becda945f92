import { sm2 } from 'sm-crypto-v2';

/**
 * SM2 (GB/T 32918) through sm-crypto-v2, for signing as well as for encrypting: the gateway signs natively, and two
 * ways that agree on the wire prove more than one way used twice. User id, DER and the order C1C3C2 are always said,
 * never left to a default. Keys and points are hex, public ones uncompressed.
 */

export interface KeyPair {
  readonly publicKey: string;
  readonly privateKey: string;
}

const form = { hash: true, der: true, userId: '1234567812345678' } as const;
const C1C3C2 = 1;

export const newKeyPair = (): KeyPair => sm2.generateKeyPairHex();

/** An uncompressed point of the curve, in hex. */
export function isPublicKey(hex: unknown): hex is string {
  if (typeof hex !== 'string' || !/^04[0-9a-f]{128}$/i.test(hex)) return false;
  try {
    return sm2.verifyPublicKey(hex);
  } catch {
    return false; // it says so by throwing
  }
}

/** DER, with SM3 and the standard user id. */
export function sign(message: string, key: KeyPair): Buffer {
  const bytes = Buffer.from(message, 'utf8');
  return Buffer.from(sm2.doSignature(bytes, key.privateKey, { ...form, publicKey: key.publicKey }), 'hex');
}

// Multiples of a caller's point, worked out once: a check takes 1 ms instead of 4. Bounded by what is registered.
const prepared = new Map<string, ReturnType<typeof sm2.precomputePublicKey>>();

function prepare(publicKey: string) {
  let point = prepared.get(publicKey);
  if (!point) {
    if (prepared.size > 100) prepared.clear();
    point = sm2.precomputePublicKey(publicKey);
    prepared.set(publicKey, point);
  }
  return point;
}

/** False too for what is no signature at all. */
export function verify(message: string, signature: Buffer, publicKey: string): boolean {
  // The library overlooks what stands behind the signature.
  if (signature[0] !== 0x30 || signature[1] !== signature.length - 2) return false;
  try {
    return sm2.doVerifySignature(Buffer.from(message, 'utf8'), signature.toString('hex'), prepare(publicKey), form);
  } catch {
    return false;
  }
}

/** C1C3C2 with the leading 04 of C1, which the library leaves out. */
export function encrypt(bytes: Buffer, publicKey: string): Buffer {
  return Buffer.from(`04${sm2.doEncrypt(Uint8Array.from(bytes), publicKey, C1C3C2, { asn1: false })}`, 'hex');
}

/** Undefined when it was not encrypted for this key, or was changed on the way. */
export function decrypt(ciphertext: Buffer, privateKey: string): Buffer | undefined {
  if (ciphertext[0] !== 0x04 || ciphertext.length <= 97) return undefined;
  try {
    const hex = ciphertext.toString('hex', 1);
    const bytes = Buffer.from(sm2.doDecrypt(hex, privateKey, C1C3C2, { output: 'array', asn1: false }));
    return bytes.length ? bytes : undefined;
  } catch {
    return undefined;
  }
}
