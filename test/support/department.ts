import { exportJWK, generateKeyPair, SignJWT } from 'jose';
import { type Jar, pkce } from './browser.ts';
import { type Op, redirect } from './op.ts';

/** A department's side of the protocol, by hand: every request can be bent. */
const pair = await generateKeyPair('ES256', { extractable: true });
export const jwks = { keys: [{ ...(await exportJWK(pair.publicKey)), alg: 'ES256', use: 'sig', kid: 'test' }] };

export const authorizeUrl = (own: Op, client: string, challenge: string, more: Record<string, string> = {}): string =>
  `${own.issuer}/authorize?${new URLSearchParams({ client_id: client, response_type: 'code', scope: 'openid', redirect_uri: redirect, code_challenge: challenge, code_challenge_method: 'S256', state: 's', ...more })}`;

export async function authenticate(
  own: Op,
  client: string,
  form: Record<string, string>,
): Promise<{ body: URLSearchParams; headers: Record<string, string> }> {
  const body = new URLSearchParams(form);
  if (client === 'basic')
    return { body, headers: { authorization: `Basic ${Buffer.from(`basic:${own.secret}`).toString('base64')}` } };
  body.set('client_id', client);
  if (client === 'signed') {
    const assertion = await new SignJWT({})
      .setProtectedHeader({ alg: 'ES256', kid: 'test' })
      .setIssuer('signed')
      .setSubject('signed')
      .setAudience(own.issuer)
      .setJti(crypto.randomUUID())
      .setIssuedAt()
      .setExpirationTime('60s')
      .sign(pair.privateKey);
    body.set('client_assertion', assertion);
    body.set('client_assertion_type', 'urn:ietf:params:oauth:client-assertion-type:jwt-bearer');
  }
  return { body, headers: {} };
}

export async function post(
  own: Op,
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
  own: Op,
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

export const redeem = (own: Op, client: string, { code: value, verifier }: { code: string; verifier: string }) =>
  post(own, '/token', client, {
    grant_type: 'authorization_code',
    code: value,
    code_verifier: verifier,
    redirect_uri: redirect,
  });
