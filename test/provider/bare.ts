import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { exportJWK, generateKeyPair } from 'jose';
import { Provider } from 'oidc-provider';
import type { Test } from 'tap';
import { type Jar, pkce } from '../support/browser.ts';
import { basicHeader } from '../support/department.ts';

// biome-ignore lint/suspicious/noExplicitAny: the library's classes are untyped here
export type Any = any;

/** The pinned library alone, on a store that remembers who called it, and a department's steps through it. */
export interface Bare {
  readonly provider: Any;
  readonly issuer: string;
  /** `Model.call` in their order, since last taken. */
  calls(): string[];
  /** Every write so far. */
  readonly written: { readonly model: string; readonly id: string; readonly payload: Any }[];
  /** What the pages of a prompt answer. */
  readonly answers: Record<string, object>;
  authorize(jar: Jar, more?: Record<string, string>): Promise<{ code: string; verifier: string; to: string }>;
  token(form: Record<string, string>, headers?: Record<string, string>): Promise<{ status: number; json: Any }>;
  redeem(issued: { code: string; verifier: string }): Promise<{ status: number; json: Any }>;
}

export const redirect = 'http://127.0.0.1:9/callback';
const pair = await generateKeyPair('ES256', { extractable: true });
export const key = { ...(await exportJWK(pair.privateKey)), alg: 'ES256', use: 'sig', kid: 'own' };
export const { d: _d, ...publicKey } = key;
export const signer = pair.privateKey;

const client = {
  redirect_uris: [redirect],
  grant_types: ['authorization_code', 'refresh_token', 'client_credentials'],
  id_token_signed_response_alg: 'ES256',
};

/** @param patch what a replacement does to the instance, before its first request */
export async function bare(
  t: Test,
  patch: (provider: Any) => void = () => {},
  more: object = {},
  Kind: new (issuer: string, configuration: Any) => Provider = Provider,
): Promise<Bare> {
  const kept = new Map<string, Any>();
  const written: Bare['written'] = [];
  let calls: string[] = [];
  class Adapter {
    readonly model: string;
    constructor(model: string) {
      this.model = model;
    }
    #note(call: string, id: string): string {
      calls.push(`${this.model}.${call}`);
      return `${this.model} ${id}`;
    }
    find = async (id: string) => structuredClone(kept.get(this.#note('find', id)));
    findByUid = async (uid: string) => {
      this.#note('findByUid', uid);
      return structuredClone([...kept.values()].find((each) => each.kind === 'Session' && each.uid === uid));
    };
    findByUserCode = async () => undefined;
    upsert = async (id: string, payload: Any) => {
      kept.set(this.#note('upsert', id), structuredClone(payload));
      written.push({ model: this.model, id, payload: structuredClone(payload) });
    };
    consume = async (id: string) => {
      kept.get(this.#note('consume', id)).consumed = Math.floor(Date.now() / 1000);
    };
    destroy = async (id: string) => void kept.delete(this.#note('destroy', id));
    revokeByGrantId = async (id: string) => void this.#note('revokeByGrantId', id);
  }

  const server = http.createServer();
  await new Promise<void>((ready) => server.listen(0, '127.0.0.1', () => ready()));
  t.teardown(() => server.close());
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  const provider: Any = new Kind(issuer, {
    adapter: Adapter,
    clients: [
      { ...client, client_id: 'c', client_secret: 'secret' },
      {
        ...client,
        client_id: 'k',
        token_endpoint_auth_method: 'private_key_jwt',
        jwks: { keys: [publicKey] },
      },
    ],
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    enabledJWA: { idTokenSigningAlgValues: ['ES256'], clientAuthSigningAlgValues: ['ES256'] },
    jwks: { keys: [key] },
    cookies: { long: { signed: false }, short: { signed: false } },
    claims: { openid: ['sub', 'acr', 'sid'] },
    expiresWithSession: () => true,
    issueRefreshToken: () => true,
    rotateRefreshToken: () => true,
    revokeGrantPolicy: () => true,
    findAccount: (_ctx: Any, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
    async loadExistingGrant({ oidc }: Any) {
      const known = oidc.session.grantIdFor(oidc.client.clientId);
      const standing = known && (await oidc.provider.Grant.find(known));
      if (standing) return standing;
      const grant = new oidc.provider.Grant({ accountId: oidc.session.accountId, clientId: oidc.client.clientId });
      grant.addOIDCScope('openid');
      await grant.save();
      return grant;
    },
    features: {
      devInteractions: { enabled: false },
      introspection: { enabled: true },
      revocation: { enabled: true },
      clientCredentials: { enabled: true },
    },
    ...more,
  });
  patch(provider);
  const answers: Bare['answers'] = { login: { login: { accountId: 'a', acr: 'r', amr: ['pwd'] } } };
  const handle = provider.callback();
  server.on('request', async (request, response) => {
    if (!request.url?.startsWith('/interaction/')) return handle(request, response);
    const { prompt } = await provider.interactionDetails(request, response);
    await provider.interactionFinished(request, response, answers[prompt.name] ?? { [prompt.name]: {} });
  });
  const token: Bare['token'] = async (form, headers = basicHeader('c', 'secret')) => {
    const answer = await fetch(`${issuer}/token`, { method: 'POST', body: new URLSearchParams(form), headers });
    return { status: answer.status, json: await answer.json() };
  };
  return {
    provider,
    issuer,
    written,
    answers,
    token,
    calls() {
      const taken = calls.filter((call) => !call.startsWith('Client.'));
      calls = [];
      return taken;
    },
    async authorize(jar, fields = {}) {
      const { verifier, challenge } = pkce();
      const query = new URLSearchParams({
        client_id: 'c',
        response_type: 'code',
        scope: 'openid',
        redirect_uri: redirect,
        code_challenge: challenge,
        code_challenge_method: 'S256',
        ...fields,
      });
      const { answer, to } = await jar.follow(`${issuer}/auth?${query}`);
      if (!to) throw new Error(`no answer at the redirect address: ${await answer.text()}`);
      return { to, verifier, code: new URL(to).searchParams.get('code') ?? '' };
    },
    redeem: ({ code, verifier }) =>
      token({ grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirect }),
  };
}
