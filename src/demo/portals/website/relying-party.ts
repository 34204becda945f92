import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { createRemoteJWKSet, errors as joseErrors, jwtVerify, type RemoteJWKSet } from 'jose';
import * as client from 'openid-client';
import type { Department, Lang, Setting } from './department.ts';
import type { SigningKey } from './key.ts';
import { type Tokens, type Trip, token } from './sessions.ts';

/**
 * Why something with Egret did not work. `error` is the protocol's word where Egret gave one (RFC 6749), and
 * `unreachable`, `secret_missing` or `answer_refused` where it did not get that far.
 */
export interface Refusal {
  readonly ok: false;
  readonly error: string;
  readonly description?: string | undefined;
}

type Result<T> = ({ readonly ok: true } & T) | Refusal;

export interface RelyingParty {
  /** False until the file with the client secret is there; always true for a site that signs with a key. */
  installed(): boolean;
  begin(browser: string, lang: Lang, now: number): Promise<Result<{ url: URL; trip: Trip }>>;
  /** Redeems the code. State, nonce, `iss` (RFC 9207), PKCE and the ID token's claims and signature are all checked. */
  finish(back: URL, trip: Trip): Promise<Result<{ tokens: Tokens }>>;
  refresh(tokens: Tokens): Promise<Result<{ tokens: Tokens }>>;
  userinfo(tokens: Tokens): Promise<Result<{ claims: Record<string, unknown> }>>;
  introspect(accessToken: string): Promise<Result<{ answer: client.IntrospectionResponse }>>;
  signOutUrl(idToken: string | undefined, state: string, lang: Lang): Promise<Result<{ url: URL }>>;
  /** Verifies a signed message of Egret's: the key set is fetched when a key is not known yet. */
  keys(): Promise<Result<{ issuer: string; keySet: RemoteJWKSet }>>;
}

/** Everything a department's server says to Egret, with openid-client. Discovery happens at the first need of it. */
export function createRelyingParty(
  department: Department,
  setting: Setting,
  key: SigningKey | undefined,
): RelyingParty {
  const redirectUri = `${setting.origin}/callback`;
  const secretFile = join(setting.data, `${department.id}.secret`);
  let known: { secret: string | undefined; ready: Promise<Found> } | undefined;

  type Found = { config: client.Configuration; issuer: string; keySet: RemoteJWKSet };

  /** Asked once and kept; asked again when it failed, or when a new secret was put into the file. */
  function discovered(): Promise<Found> {
    const secret = department.auth === 'client_secret_basic' ? readSecret(secretFile) : undefined;
    if (known === undefined || known.secret !== secret) {
      const entry = { secret, ready: discover(secret) };
      entry.ready.catch(() => {
        if (known === entry) known = undefined;
      });
      known = entry;
    }
    return known.ready;
  }

  async function discover(secret: string | undefined): Promise<Found> {
    const config = await client.discovery(
      setting.issuer,
      department.id,
      { redirect_uris: [redirectUri], id_token_signed_response_alg: 'ES256' },
      authentication(department, secret, key),
      // Without TLS only on this machine: main.ts refuses any other http issuer.
      { timeout: 8, execute: setting.issuer.protocol === 'http:' ? [client.allowInsecureRequests] : [] },
    );
    const { issuer, jwks_uri } = config.serverMetadata();
    // For ID tokens and logout tokens. The pause: anybody may post us a token that names a key nobody knows.
    const keySet = createRemoteJWKSet(new URL(jwks_uri!), { cooldownDuration: 2_000, timeoutDuration: 5_000 });
    return { config, issuer, keySet };
  }

  async function attempt<T extends object>(work: (found: Found) => Promise<T>): Promise<Result<T>> {
    try {
      return { ok: true, ...(await work(await discovered())) };
    } catch (error) {
      return refusal(error);
    }
  }

  /** The signature too: openid-client leaves it out where TLS vouches for the token endpoint, and here is no TLS. */
  async function checked(answer: Answer, found: Found): Promise<Tokens> {
    const claims = answer.claims();
    if (answer.id_token === undefined || claims === undefined) throw new Error('no ID token in the answer');
    const verify = () =>
      jwtVerify(answer.id_token!, found.keySet, {
        issuer: found.issuer,
        audience: department.id,
        algorithms: ['ES256'],
      });
    try {
      await verify();
    } catch (error) {
      if (!(error instanceof joseErrors.JWKSNoMatchingKey)) throw error;
      // The issuer changed its keys a moment ago. This token came from itself, so asking at once cannot be abused.
      await found.keySet.reload();
      await verify();
    }
    const expiresIn = answer.expiresIn();
    return {
      idToken: answer.id_token,
      idClaims: claims,
      accessToken: answer.access_token,
      accessExpiresAt: expiresIn === undefined ? undefined : claims.iat * 1000 + expiresIn * 1000,
      refreshToken: answer.refresh_token,
      scope: (answer.scope ?? department.scope).split(' '),
    };
  }

  return {
    installed: () => department.auth !== 'client_secret_basic' || readSecret(secretFile) !== undefined,

    begin: (browser, lang, now) =>
      attempt(async ({ config }) => {
        const verifier = client.randomPKCECodeVerifier();
        const trip: Trip = { kind: 'sign-in', state: token(), nonce: token(), verifier, browser, leftAt: now };
        const url = client.buildAuthorizationUrl(config, {
          redirect_uri: redirectUri,
          scope: department.scope,
          state: trip.state,
          nonce: trip.nonce,
          code_challenge: await client.calculatePKCECodeChallenge(verifier),
          code_challenge_method: 'S256',
          ui_locales: lang === 'zh' ? 'zh-CN' : 'en',
          ...(department.acrValues === undefined ? {} : { acr_values: department.acrValues }),
        });
        return { url, trip };
      }),

    finish: (back, trip) =>
      attempt(async (found) => {
        const answer = await client.authorizationCodeGrant(found.config, back, {
          expectedState: trip.state,
          expectedNonce: trip.nonce,
          pkceCodeVerifier: trip.verifier,
          idTokenExpected: true,
        });
        return { tokens: await checked(answer, found) };
      }),

    refresh: (tokens) =>
      attempt(async (found) => {
        if (tokens.refreshToken === undefined) throw new Error('no refresh token was given');
        const answer = await client.refreshTokenGrant(found.config, tokens.refreshToken);
        const fresh = await checked(answer, found);
        // OpenID Connect Core 12.2: the same person, or it is not an answer to our question.
        if (fresh.idClaims.sub !== tokens.idClaims.sub) throw new Error('the renewed ID token is of another person');
        return { tokens: { ...fresh, refreshToken: fresh.refreshToken ?? tokens.refreshToken } };
      }),

    userinfo: (tokens) =>
      attempt(async ({ config }) => ({
        claims: { ...(await client.fetchUserInfo(config, tokens.accessToken, tokens.idClaims.sub)) },
      })),

    introspect: (accessToken) =>
      attempt(async ({ config }) => ({
        answer: await client.tokenIntrospection(config, accessToken, { token_type_hint: 'access_token' }),
      })),

    signOutUrl: (idToken, state, lang) =>
      attempt(async ({ config }) => ({
        url: client.buildEndSessionUrl(config, {
          ...(idToken === undefined ? {} : { id_token_hint: idToken }),
          post_logout_redirect_uri: `${setting.origin}/signed-out`,
          ui_locales: lang === 'zh' ? 'zh-CN' : 'en',
          state,
        }),
      })),

    keys: () => attempt(async ({ issuer, keySet }) => ({ issuer, keySet })),
  };
}

type Answer = client.TokenEndpointResponse & client.TokenEndpointResponseHelpers;

class SecretMissing extends Error {}

function authentication(department: Department, secret: string | undefined, key: SigningKey | undefined) {
  if (department.auth === 'private_key_jwt') return client.PrivateKeyJwt({ key: key!.privateKey, kid: key!.kid });
  if (department.auth === 'none') return client.None();
  if (secret === undefined) throw new SecretMissing();
  return client.ClientSecretBasic(secret);
}

function readSecret(file: string): string | undefined {
  try {
    return readFileSync(file, 'utf8').trim() || undefined;
  } catch {
    return undefined;
  }
}

/** Egret's own words are kept; of other faults only the kind, since a cause may carry a token. */
function refusal(error: unknown): Refusal {
  if (error instanceof SecretMissing) return { ok: false, error: 'secret_missing' };
  if (error instanceof client.AuthorizationResponseError || error instanceof client.ResponseBodyError) {
    return { ok: false, error: error.error, description: error.error_description };
  }
  if (error instanceof client.WWWAuthenticateChallengeError) {
    const { parameters } = error.cause[0] ?? {};
    return { ok: false, error: parameters?.error ?? 'invalid_token', description: parameters?.error_description };
  }
  const code = (error as { code?: unknown }).code;
  const away =
    (error instanceof TypeError && error.message === 'fetch failed') ||
    (error instanceof client.ClientError && ['OAUTH_TIMEOUT', 'OAUTH_RESPONSE_IS_NOT_CONFORM'].includes(`${code}`)) ||
    error instanceof joseErrors.JWKSTimeout;
  if (away) return { ok: false, error: 'unreachable' };
  return {
    ok: false,
    error: 'answer_refused',
    description: typeof code === 'string' ? code : (error as Error).message,
  };
}
