import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Jar, pkce } from './browser.ts';
import { type Op, redirect } from './op.ts';

/** A department's side of the protocol, by hand: every request can be bent. */
type Own = Pick<Op, 'issuer' | 'secret'>;

const pair = await generateKeyPair('ES256', { extractable: true });
export const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256', use: 'sig', kid: 'test' }] };

export const authorizeUrl = (
  own: Pick<Op, 'issuer'>,
  client: string,
  challenge: string,
  more: Record<string, string> = {},
): string =>
  `${own.issuer}/authorize?${new URLSearchParams({ client_id: client, response_type: 'code', scope: 'openid', redirect_uri: redirect, code_challenge: challenge, code_challenge_method: 'S256', state: 's', ...more })}`;

/** A client's assertion, right unless bent: a claim or header given as undefined is left out. */
export async function assertion(
  own: Pick<Op, 'issuer'>,
  claims: Record<string, unknown> = {},
  header: Record<string, unknown> = {},
  key: Parameters<SignJWT['sign']>[0] = pair.privateKey,
): Promise<string> {
  const now = Math.floor(Date.now() / 1000);
  const right = { iss: 'signed', sub: 'signed', aud: own.issuer, jti: crypto.randomUUID(), iat: now, exp: now + 60 };
  return new SignJWT(without({ ...right, ...claims }))
    .setProtectedHeader(without({ alg: 'ES256', kid: 'test', ...header }) as { alg: string })
    .sign(key);
}

const without = (record: Record<string, unknown>): Record<string, unknown> =>
  Object.fromEntries(Object.entries(record).filter(([, value]) => value !== undefined));

export const assertionType = 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer';

export const basicHeader = (id: string, secret: string): { authorization: string } => ({
  authorization: `Basic ${Buffer.from(`${id}:${secret}`).toString('base64')}`,
});

export async function authenticate(
  own: Own,
  client: string,
  form: Record<string, string>,
): Promise<{ body: URLSearchParams; headers: Record<string, string> }> {
  const body = new URLSearchParams(form);
  if (client === 'basic') return { body, headers: basicHeader('basic', own.secret) };
  body.set('client_id', client);
  if (client !== 'public') {
    body.set('client_assertion', await assertion(own, { iss: client, sub: client }));
    body.set('client_assertion_type', assertionType);
  }
  return { body, headers: {} };
}

export async function post(
  own: Own,
  path: string,
  client: string,
  form: Record<string, string>,
): Promise<{ status: number; json: Record<string, unknown> }> {
  const { body, headers } = await authenticate(own, client, form);
  const answer = await fetch(own.issuer + path, { method: 'POST', body, headers });
  const text = await answer.text();
  return { status: answer.status, json: text ? (JSON.parse(text) as Record<string, unknown>) : {} };
}

export async function code(
  own: Own,
  jar: Jar,
  client: string,
  more: Record<string, string> = {},
): Promise<{ code: string; verifier: string; error: string | null }> {
  const { verifier, challenge } = pkce();
  const { answer, to } = await jar.follow(authorizeUrl(own, client, challenge, more));
  if (!to) throw new Error(`no answer at the redirect address: ${answer.status} ${await answer.text()}`);
  const query = new URL(to).searchParams;
  return { code: query.get('code') ?? '', verifier, error: query.get('error') };
}

export const redeem = (own: Own, client: string, { code: value, verifier }: { code: string; verifier: string }) =>
  post(own, '/token', client, {
    grant_type: 'authorization_code',
    code: value,
    code_verifier: verifier,
    redirect_uri: redirect,
  });
