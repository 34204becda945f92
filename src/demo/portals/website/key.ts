import { chmodSync, existsSync, linkSync, mkdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { type CryptoKey, calculateJwkThumbprint, exportJWK, generateKeyPair, importJWK, type JWK } from 'jose';

export interface SigningKey {
  readonly privateKey: CryptoKey;
  readonly kid: string;
  /** What `/jwks.json` shows; never the private part. */
  readonly publicJwk: JWK;
}

/**
 * The ES256 key with which a site signs its client assertions (private_key_jwt): made at the first start, kept in
 * `<data>/<id>.key.json` for the owner only. It is written beside and linked into place, so that of two first starts
 * both end up with the same key, and nobody ever reads half a file.
 * @throws Error with one sentence when the file is there but is no such key.
 */
export async function signingKey(data: string, id: string): Promise<SigningKey> {
  // Closed to others, but not the folders above it, in which other programs keep theirs.
  mkdirSync(dirname(data), { recursive: true });
  if (!existsSync(data)) mkdirSync(data, { recursive: true, mode: 0o700 });
  const file = join(data, `${id}.key.json`);
  let stored = read(file);
  if (stored === undefined) {
    const { privateKey } = await generateKeyPair('ES256', { extractable: true });
    const fresh = `${file}.new-${process.pid}`;
    writeFileSync(fresh, JSON.stringify(await exportJWK(privateKey)), { mode: 0o600 });
    try {
      linkSync(fresh, file);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    } finally {
      rmSync(fresh, { force: true });
    }
    stored = read(file)!;
  }
  chmodSync(file, 0o600);
  try {
    const { kty, crv, x, y } = JSON.parse(stored) as JWK;
    const privateKey = (await importJWK(JSON.parse(stored) as JWK, 'ES256')) as CryptoKey;
    if (privateKey.type !== 'private') throw new Error('not a private key');
    const kid = await calculateJwkThumbprint({ kty, crv, x, y } as JWK);
    return { privateKey, kid, publicJwk: { kty, crv, x, y, kid, alg: 'ES256', use: 'sig' } as JWK };
  } catch (cause) {
    throw new Error(`${file} is not an ES256 private key: move it away, and the next start makes a new one.`, {
      cause,
    });
  }
}

function read(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw error;
  }
}
