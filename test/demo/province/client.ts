import {
  createCipheriv,
  createDecipheriv,
  createHash,
  createPrivateKey,
  createPublicKey,
  createSign,
  createVerify,
  randomBytes,
} from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';

/**
 * A caller of the platform, written for the tests from PROVINCE.md alone: it signs and verifies natively, where the
 * simulator does it in JavaScript, and shares nothing with either side.
 */

export interface PublicKeys {
  keyId: string;
  signKey: string;
  encKey: string;
  notBefore: number;
  notAfter: number;
}

export type Answer = Record<string, unknown> & { data?: Record<string, unknown>; isSigned: boolean };

const prefix = {
  public: '3059301306072a8648ce3d020106082a811ccf5501822d034200',
  private: '308187020100301306072a8648ce3d020106082a811ccf5501822d046d306b0201010420',
};
const curve =
  'fffffffeffffffffffffffffffffffffffffffff00000000fffffffffffffffc' +
  '28e9fa9e9d9f5e344d5a9e4bcf6509a7f39789f515ab8f92ddbcbd414d940e93' +
  '32c4ae2c1f1981195f9904466a39c9948fe30bbff2660be1715a4589334c74c7' +
  'bc3736a2f4f6779c59bdcee36b692153d0a9877cc62a474002df32e52139f0a0';

const zOf = (publicKey: string) =>
  createHash('sm3')
    .update(`0080${Buffer.from('1234567812345678').toString('hex')}${curve}${publicKey.slice(2)}`, 'hex')
    .digest();

export function nativeSign(text: string, keys: { publicKey: string; privateKey: string }): Buffer {
  const der = Buffer.from(`${prefix.private}${keys.privateKey}a144034200${keys.publicKey}`, 'hex');
  const key = createPrivateKey({ key: der, format: 'der', type: 'pkcs8' });
  return createSign('sm3').update(zOf(keys.publicKey)).update(text).sign(key);
}

export function nativeVerify(text: string, signature: Buffer, publicKey: string): boolean {
  const key = createPublicKey({ key: Buffer.from(prefix.public + publicKey, 'hex'), format: 'der', type: 'spki' });
  return createVerify('sm3').update(zOf(publicKey)).update(text).verify(key, signature);
}

export const sm3 = (text: string) => createHash('sm3').update(text).digest('hex');

/** Only what the services here need: no numbers as names, no empty values in lists. */
export function toSign(message: Record<string, unknown>): string {
  const isEmpty = (value: unknown) => value === '' || value == null || ['{}', '[]'].includes(JSON.stringify(value));
  const tidy = (value: unknown): unknown => {
    if (Array.isArray(value)) return value.map(tidy);
    if (typeof value !== 'object' || value === null) return value;
    const members = Object.entries(value).map(([name, member]) => [name, tidy(member)] as const);
    return Object.fromEntries(members.filter(([, member]) => !isEmpty(member)).sort(([a], [b]) => (a < b ? -1 : 1)));
  };
  const { signData: _1, encData: _2, encKey: _3, extra: _4, ...rest } = message;
  return Object.entries(tidy(rest) as object)
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join('&');
}

export interface Caller {
  code: string;
  keyId: string;
  sign: { publicKey: string; privateKey: string };
  encrypt: { publicKey: string; privateKey: string };
}

export function newCaller(code = 'EGRET', keyId = 'k1'): Caller {
  return { code, keyId, sign: sm2.generateKeyPairHex(), encrypt: sm2.generateKeyPairHex() };
}

export function publicKeysOf(caller: Caller, from = 0, to = 4_000_000_000_000): PublicKeys {
  const { keyId, sign, encrypt } = caller;
  return { keyId, signKey: sign.publicKey, encKey: encrypt.publicKey, notBefore: from, notAfter: to };
}

/** The body of a question; `change` may spoil a field before it is signed, `after` once it is sealed. */
export function seal(
  caller: Caller,
  platform: PublicKeys,
  question: { serviceCode: string; data: object; timestamp: number; nonce?: string },
  spoil: { change?: object; after?: object; messageKey?: Buffer } = {},
): Record<string, unknown> {
  const { data, ...head } = question;
  const signed = {
    appId: caller.code,
    version: '2.0.0',
    nonce: randomBytes(16).toString('hex'),
    signType: 'SM2',
    encType: 'SM4',
    keyId: caller.keyId,
    platformKeyId: platform.keyId,
    ...head,
    ...spoil.change,
  };
  const messageKey = spoil.messageKey ?? randomBytes(16);
  const iv = randomBytes(16);
  const cipher = createCipheriv('sm4-cbc', messageKey.length === 16 ? messageKey : randomBytes(16), iv);
  return {
    ...signed,
    encKey: Buffer.from(`04${sm2.doEncrypt(Uint8Array.from(messageKey), platform.encKey, 1)}`, 'hex').toString(
      'base64',
    ),
    encData: Buffer.concat([iv, cipher.update(JSON.stringify(data)), cipher.final()]).toString('base64'),
    signData: nativeSign(toSign({ ...signed, data }), caller.sign).toString('base64'),
    ...spoil.after,
  };
}

/** Opens an answer and says whether the platform's key signed it. */
export function open(answer: Record<string, unknown>, caller: Caller, platform: PublicKeys): Answer {
  let data: Record<string, unknown> | undefined;
  if (typeof answer.encData === 'string') {
    const wrapped = Buffer.from(String(answer.encKey), 'base64').toString('hex').slice(2);
    const key = Buffer.from(sm2.doDecrypt(wrapped, caller.encrypt.privateKey, 1, { output: 'array' }));
    const bytes = Buffer.from(answer.encData, 'base64');
    const decipher = createDecipheriv('sm4-cbc', key, bytes.subarray(0, 16));
    data = JSON.parse(Buffer.concat([decipher.update(bytes.subarray(16)), decipher.final()]).toString('utf8'));
  }
  const signature = typeof answer.signData === 'string' ? Buffer.from(answer.signData, 'base64') : undefined;
  const isSigned = signature !== undefined && nativeVerify(toSign({ ...answer, data }), signature, platform.signKey);
  return { ...answer, data, isSigned };
}
