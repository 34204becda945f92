import { generateKeyPairSync } from 'node:crypto';
import { sha256 } from './sealing.ts';

/** A source of randomness: `crypto.randomBytes`, unless a test must know it. */
export type Random = (size: number) => Buffer;

/** A new key, not yet sealed. */
export interface Made {
  readonly kid: string;
  /** What may be published; null for a symmetric key. */
  readonly public: Readonly<Record<string, string>> | null;
  readonly secret: Buffer;
}

interface KindOf {
  readonly algorithm: string;
  /** Others cache what is published: a key waits there as `next` before it signs. */
  readonly next: boolean;
  make(random: Random): Made | Promise<Made>;
}

const symmetric = (algorithm: string): KindOf => ({
  algorithm,
  next: false,
  make: (random) => ({ kid: random(8).toString('hex'), public: null, secret: random(32) }),
});

/**
 * Every kind of key there is. A kind that is new in a version is made at its first start; a kind that was there and is
 * gone is damage (EG-1805), and never made anew.
 */
export const kinds = {
  'token-signing': { algorithm: 'ES256', next: true, make: makeEs256 },
  // Nothing is signed with it: a session's cookie carries a MAC of the vault's (0002). A set may not lose a kind, so it stays.
  cookie: symmetric('HS256'),
  'field-data': symmetric('A256GCM'),
  // These may not change while what was computed with them is stored: finding a person again, a department's subject
  // identifiers, the references of the audit trail. The rest lapses or is told anew.
  'blind-index': symmetric('HS256'),
  'pairwise-salt': symmetric('HS256'),
  'mac-audit-ref': symmetric('HS256'),
  'mac-client-secret': symmetric('HS256'),
  'mac-otp': symmetric('HS256'),
  'mac-browser': symmetric('HS256'),
  'mac-refresh': symmetric('HS256'),
  'audit-mac': symmetric('HS256'),
  bridge: { algorithm: 'SM2', next: false, make: makeSm2 },
} as const satisfies Record<string, KindOf>;

export type Kind = keyof typeof kinds;

export const kindOf = (kind: Kind): KindOf => kinds[kind];

/** An ES256 key; its id is its RFC 7638 thumbprint. */
function makeEs256(): Made {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const { crv, kty, x, y } = publicKey.export({ format: 'jwk' }) as { crv: string; kty: string; x: string; y: string };
  const jwk = { crv, kty, x, y };
  const secret = privateKey.export({ type: 'pkcs8', format: 'der' });
  return { kid: sha256(JSON.stringify(jwk)).toString('base64url'), public: jwk, secret };
}

/** Private scalars of SM2, hex. */
export interface Sm2Secret {
  readonly sign: string;
  readonly encrypt: string;
}

const sm2Order = 0xfffffffeffffffffffffffffffffffff7203df6b21c6052b53bbf40939d54123n;

/** Signing and encryption are two pairs with one id, as they are exchanged with the province. */
async function makeSm2(random: Random): Promise<Made> {
  // 320 bits modulo the order: without the bias of 256. The library's own generator, given a seed, always answers 1.
  const scalar = () => {
    const wide = BigInt(`0x${random(40).toString('hex')}`);
    return ((wide % (sm2Order - 2n)) + 1n).toString(16).padStart(64, '0');
  };
  const secret: Sm2Secret = { sign: scalar(), encrypt: scalar() };
  // Loaded when a key is made: other starts only open what is there.
  const { sm2 } = await import('sm-crypto-v2');
  return {
    kid: random(8).toString('hex'),
    public: {
      encryptKey: sm2.getPublicKeyFromPrivateKey(secret.encrypt),
      signKey: sm2.getPublicKeyFromPrivateKey(secret.sign),
    },
    secret: Buffer.from(JSON.stringify(secret)),
  };
}
