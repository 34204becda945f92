import { generateKeyPairSync } from 'node:crypto';

/** The key of the department that signs its assertions; both providers are given its public part. */
const pair = generateKeyPairSync('ec', { namedCurve: 'P-256' });
export const { privateKey } = pair;
export const jwks = { keys: [{ ...pair.publicKey.export({ format: 'jwk' }), alg: 'ES256', use: 'sig', kid: 'bench' }] };
