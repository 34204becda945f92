import type { IncomingMessage } from 'node:http';
import { type Configuration, Provider } from 'oidc-provider';
import type { ClientRecord } from '../clients/clients.ts';
import { toMetadata } from '../clients/clients.ts';
import type { SigningKey } from '../keys/keys.ts';
import { allAcrValues } from '../policy/policy.ts';
import { acts } from './acts.ts';
import { checkAssertion, clockTolerance } from './assertions.ts';
import { type AttemptNeeds, attempts, ownTokens } from './attempts.ts';
import { type BegunNeeds, capBegun } from './begun.ts';
import { claims, findAccount, type PersonalData } from './claims.ts';
import { paths } from './discovery.ts';
import { accountCenterClient, type GrantNeeds, loadGrant } from './grants.ts';
import { applyOverrides } from './overrides.ts';
import { prompts } from './prompts.ts';
import { signingKey } from './signing/signing.ts';
import { Adapter } from './state/adapter.ts';
import { keyOf } from './state/state.ts';
import { unavailable } from './state/unavailable.ts';
import { type AdapterNeeds, unitOf } from './state/unit.ts';

export interface Lifetimes {
  readonly code: number;
  readonly accessToken: number;
  readonly idToken: number;
  readonly clientCredentials: number;
  readonly interaction: number;
  readonly sessionIdle: number;
  readonly sessionAbsolute: number;
}

export interface ProviderNeeds extends AdapterNeeds, GrantNeeds, AttemptNeeds, BegunNeeds {
  readonly state: AdapterNeeds['state'];
  readonly issuer: string;
  readonly lifetimes: Lifetimes;
  /** Calls what a client's record names: only where policy allows (web/outbound/outbound.ts). */
  readonly fetch: (url: string | URL | Request, options?: RequestInit) => Promise<Response>;
  /** Our page for an error that no redirect address may carry, or for a step that has expired. */
  readonly errorPage: (
    req: IncomingMessage,
    out: { error: string; error_description?: string },
    error: Error,
  ) => { status: number; page: string; headers: Record<string, string> };
  /** Reads what the scopes ask for and records the release, in one transaction. */
  readonly release: PersonalData;
}

/**
 * The library registers every response mode it knows. Answers travel in the query only: a form posted by a page of the
 * library is none of ours. `fragment` stays for its own errors about response types that are off; clients may not ask it.
 */
class QueryProvider extends Provider {
  override registerResponseMode(...[name, handler]: Parameters<Provider['registerResponseMode']>): void {
    if (name !== 'form_post') super.registerResponseMode(name, handler);
  }
}

/** Builds one instance for one epoch: 1-4 ms. Throws when a client's metadata is refused by the library. */
export function buildProvider(
  needs: ProviderNeeds,
  keys: readonly SigningKey[],
  clients: readonly ClientRecord[],
): Provider {
  const { issuer, lifetimes } = needs;
  const secure = issuer.startsWith('https:');
  const untilSessionEnds = (ctx: { oidc?: { session?: { egret?: { started?: number } } } }): number => {
    const started = ctx?.oidc?.session?.egret?.started ?? needs.now();
    return Math.max(1, Math.floor((started + lifetimes.sessionAbsolute * 1000 - needs.now()) / 1000));
  };
  const configuration: Configuration = {
    adapter: (name: string) => new Adapter(name, needs) as never,
    clients: [...clients.map(toMetadata), accountCenter(issuer)] as never,
    jwks: { keys: keys.map(signingKey) as never },
    enabledJWA: {
      idTokenSigningAlgValues: ['ES256'],
      clientAuthSigningAlgValues: ['ES256', 'RS256', 'PS256', 'EdDSA', 'ES384', 'ES512'],
      userinfoSigningAlgValues: ['ES256'],
    } as never,
    clientAuthMethods: ['private_key_jwt', 'client_secret_basic', 'none'],
    clientDefaults: {
      id_token_signed_response_alg: 'ES256',
      grant_types: ['authorization_code'],
      response_types: ['code'],
      response_modes: ['query'],
    } as never,
    extraClientMetadata: { properties: ['secret_hashes', 'sector', 'session_minutes', 'items_version'] },
    responseTypes: ['code', 'none'],
    scopes: ['openid', 'profile', 'phone', 'realname', 'identity'],
    claims,
    acrValues: [...allAcrValues],
    subjectTypes: ['pairwise'],
    pairwiseIdentifier: (_ctx, accountId, client) => subjectOf(needs, accountId, client as never),
    pkce: { required: () => true },
    allowOmittingSingleRegisteredRedirectUri: false,
    assertJwtClientAuthClaimsAndHeader: (ctx, claims, header) => checkAssertion(needs, ctx, claims, header),
    conformIdTokenClaims: true,
    clockTolerance,
    cookies: {
      names: secure
        ? { session: '__Host-egret', interaction: '__Secure-egret_i', resume: '__Secure-egret_r' }
        : { session: 'egret', interaction: 'egret_i', resume: 'egret_r' },
      long: { httpOnly: true, sameSite: 'lax', path: '/', signed: false, secure },
      short: { httpOnly: true, sameSite: 'lax', signed: false, secure },
    },
    routes: paths as never,
    ttl: {
      AccessToken: lifetimes.accessToken,
      AuthorizationCode: lifetimes.code,
      ClientCredentials: lifetimes.clientCredentials,
      IdToken: lifetimes.idToken,
      Interaction: lifetimes.interaction,
      Grant: untilSessionEnds as never,
      RefreshToken: ((_ctx: unknown, token: { sessionUid?: string }) =>
        sessionEnd(token, needs.now()) ?? lifetimes.accessToken) as never,
      Session: untilSessionEnds as never,
    },
    expiresWithSession: () => true,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    // public clients rotate, confidential ones do not (FAPI 2.0 security profile, 5.3.2.1)
    rotateRefreshToken: (ctx) => ctx.oidc.client?.clientAuthMethod === 'none',
    revokeGrantPolicy: (ctx) => !(ctx.oidc.route === 'revocation' && ctx.oidc.entities.AccessToken),
    clientBasedCORS: (_ctx, origin, client) =>
      clients.some((own) => own.clientId === client.clientId && own.auth === 'none' && own.origins.includes(origin)),
    findAccount: findAccount(needs) as never,
    loadExistingGrant: (ctx) => loadGrant(ctx, needs) as never,
    interactions: { policy: prompts(needs), url: (_ctx, interaction) => `/signin/${interaction.uid}` },
    // drawn by the gateway, so that no page of the library is ever seen
    renderError: (ctx, out, error) => {
      const { status, page, headers } = needs.errorPage(ctx.req, out, error);
      ctx.status = status;
      ctx.type = 'html';
      ctx.set(headers);
      ctx.body = page;
    },
    // without the dispatcher and the deadline of the library: it connects first and looks at the address then
    fetch: (url, { method, headers, body } = {}) => needs.fetch(url, { method, headers, body } as RequestInit),
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      clientCredentials: { enabled: true },
      introspection: { enabled: true, allowedPolicy: ownTokens(needs, 'introspection') },
      revocation: { enabled: true, allowedPolicy: ownTokens(needs, 'revocation') },
      rpInitiatedLogout: { enabled: true },
      userinfo: { enabled: true },
      dPoP: { enabled: false },
      pushedAuthorizationRequests: { enabled: false },
      resourceIndicators: { enabled: false },
      claimsParameter: { enabled: false },
      requestObjects: { enabled: false },
      jwtUserinfo: { enabled: false },
      externalSigningSupport: { enabled: true, ack: 'experimental-01' } as never,
    },
  };
  const provider = new QueryProvider(issuer, configuration);
  provider.proxy = true; // host and scheme are pinned before it sees them (mount.ts)
  unavailable(provider);
  applyOverrides(provider, needs);
  capBegun(provider, needs);
  acts(provider, needs);
  attempts(provider, needs);
  return provider;
}

/** The session's absolute end in seconds from now, off the session read with the code or the token. */
function sessionEnd(token: { sessionUid?: string }, now: number): number | undefined {
  const entry = token.sessionUid ? unitOf()?.loaded.get(keyOf('Session', token.sessionUid)) : undefined;
  const seconds = entry && Math.floor(entry.expiresAt / 1000) - Math.floor(now / 1000);
  return seconds && seconds > 0 ? seconds : undefined;
}

/** Pairwise by the sector in the client's record: five portals on one host are five subjects. */
export function subjectOf(needs: Pick<AdapterNeeds, 'vault'>, accountId: string, client: { sector: string }): string {
  return needs.vault.mac('pairwise', `${client.sector}\n${accountId}`).toString('base64url');
}

/** Our own page behind the same sign-in: response type `none`, so that no code is issued that nobody redeems. */
const accountCenter = (issuer: string) => ({
  client_id: accountCenterClient,
  token_endpoint_auth_method: 'none',
  response_types: ['none'],
  grant_types: [],
  redirect_uris: [`${issuer}/account`],
  subject_type: 'pairwise',
  sector: 'egret',
  scope: 'openid',
});
