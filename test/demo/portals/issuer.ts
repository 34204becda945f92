/**
 * A bare oidc-provider in memory that plays the issuer, so that the portals can be tested without the gateway. Its
 * clients are those of config/clients, moved to the ports of the test. Signing in takes no page: whoever comes is
 * `person`, and gives what is not in `declined`.
 */
import { readdirSync, readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { type CryptoKey, decodeJwt, exportJWK, generateKeyPair, type JWK, SignJWT } from 'jose';
import Provider, { type ClientMetadata, type Configuration, type InteractionResults } from 'oidc-provider';
import { parse } from 'yaml';

export const SECRET = 'a-client-secret-of-the-test-with-enough-bytes';
const clientsFolder = new URL('../../../config/clients/', import.meta.url);
const portals = ['renshe', 'gongjijin', 'yibao', 'jianguan', 'haochaping'];

export interface Issuer {
  readonly url: string;
  /** What the next sign-ins are like. */
  readonly next: { acr: string; declined: string[]; error: InteractionResults | undefined };
  /** While true every request is answered 503. */
  down: boolean;
  /** Answers userinfo with 503. */
  userinfoDown: boolean;
  /** Rewrites where the issuer sends the browser, as an attacker or a fault on the way would. */
  rewrite: ((location: URL) => URL) | undefined;
  /** Runs before userinfo is answered; `lastSid` is then that of the ID token issued last. */
  userinfoHook: (() => Promise<void>) | undefined;
  lastSid: string | undefined;
  /** Puts other claims into the next ID tokens, or signs them with another key. */
  forge: { claims?: Record<string, unknown>; key?: CryptoKey } | undefined;
  forged(idToken: string, how: NonNullable<Issuer['forge']>): Promise<string>;
  /** What was asked: method and path. */
  readonly asked: string[];
  logoutToken(
    clientId: string,
    claims: Record<string, unknown>,
    options?: { typ?: string; key?: CryptoKey },
  ): Promise<string>;
  /** Like a gateway that starts anew: nothing remembered, another key. */
  restart(): Promise<void>;
  close(): Promise<void>;
}

/** The record of a client as it stands in config/clients, for a test of its own fields too. */
export function clientRecords(basePort: number): Record<string, unknown>[] {
  const files = readdirSync(clientsFolder).filter((file) => portals.includes(file.replace('.yaml', '')));
  return files.map((file) => {
    const text = readFileSync(new URL(file, clientsFolder), 'utf8');
    return parse(
      text
        .replaceAll('http://127.0.0.1:42', 'http://127.0.0.1:@')
        .replace(/@(\d\d)/g, (_, last) => `${basePort + Number(last)}`),
    );
  });
}

function metadata(record: Record<string, unknown>): ClientMetadata {
  const {
    client_id,
    auth,
    jwks_uri,
    redirect_uris,
    post_logout_redirect_uris,
    backchannel_logout_uri,
    scopes,
    grants,
  } = record as Record<'scopes' | 'grants' | 'redirect_uris' | 'post_logout_redirect_uris', string[]> &
    Record<'client_id' | 'auth' | 'jwks_uri' | 'backchannel_logout_uri', string>;
  return {
    client_id,
    token_endpoint_auth_method: auth,
    ...(auth === 'client_secret_basic' ? { client_secret: SECRET } : {}),
    ...(jwks_uri === undefined ? {} : { jwks_uri }),
    redirect_uris,
    post_logout_redirect_uris,
    backchannel_logout_uri,
    backchannel_logout_session_required: true,
    scope: scopes.join(' '),
    grant_types: grants,
    response_types: ['code'],
    'urn:origins': record.origins ?? [],
  } as unknown as ClientMetadata;
}

const person = {
  nickname: '测*',
  updated_at: 1_790_000_000,
  phone_number: '+8615400000117',
  phone_number_verified: true,
  realname_level: 1,
  realname_name: '测试甲',
  realname_id_masked: '350*************17',
  id_name: '测试甲',
  id_number: '350299199001010117',
  id_type: '111',
};

export async function startIssuer(basePort: number): Promise<Issuer> {
  let handle: (request: IncomingMessage, response: ServerResponse) => void = () => {};
  const server: Server = createServer((request, response) => handle(request, response));
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  const url = `http://localhost:${(server.address() as AddressInfo).port}`;
  let signing: { key: CryptoKey; kid: string };

  const issuer: Issuer = {
    url,
    next: { acr: 'urn:egret:r1a1', declined: [], error: undefined },
    down: false,
    userinfoDown: false,
    rewrite: undefined,
    userinfoHook: undefined,
    lastSid: undefined,
    forge: undefined,
    forged: (idToken, { claims = {}, key = signing.key }) =>
      new SignJWT({ ...decodeJwt(idToken), ...claims })
        .setProtectedHeader({ alg: 'ES256', kid: signing.kid })
        .sign(key),
    asked: [],
    async logoutToken(clientId, claims, { typ = 'logout+jwt', key = signing.key } = {}) {
      return new SignJWT({
        iss: url,
        aud: clientId,
        events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
        ...claims,
      })
        .setProtectedHeader({ alg: 'ES256', kid: signing.kid, typ })
        .sign(key);
    },
    async restart() {
      const { privateKey } = await generateKeyPair('ES256', { extractable: true });
      const kid = `key-${issuer.asked.length}`;
      signing = { key: privateKey as CryptoKey, kid };
      handle = listener(
        issuer,
        build(issuer, basePort, { ...(await exportJWK(privateKey)), kid, alg: 'ES256', use: 'sig' }),
      );
    },
    close: () =>
      new Promise((resolve) => {
        server.close(() => resolve());
        server.closeAllConnections();
      }),
  };
  await issuer.restart();
  return issuer;
}

function build(issuer: Issuer, basePort: number, key: JWK): Provider {
  const configuration: Configuration = {
    clients: clientRecords(basePort).map(metadata),
    clientDefaults: { id_token_signed_response_alg: 'ES256' },
    extraClientMetadata: { properties: ['urn:origins'] },
    jwks: { keys: [key] } as NonNullable<Configuration['jwks']>,
    cookies: { keys: ['only for tests'] },
    scopes: ['openid', 'profile', 'phone', 'realname', 'identity'],
    claims: {
      openid: ['sub', 'acr', 'amr', 'auth_time', 'sid', 'user_type'],
      profile: ['nickname', 'updated_at'],
      phone: ['phone_number', 'phone_number_verified'],
      realname: ['realname_level', 'realname_name', 'realname_id_masked'],
      identity: ['id_name', 'id_number', 'id_type'],
    },
    findAccount: (_ctx, sub) => ({ accountId: sub, claims: async () => ({ sub, user_type: 'citizen', ...person }) }),
    clientBasedCORS: (_ctx, origin, client) =>
      (client['urn:origins'] as string[] | undefined)?.includes(origin) ?? false,
    issueRefreshToken: async (_ctx, client) => client.grantTypeAllowed('refresh_token'),
    rotateRefreshToken: (ctx) => ctx.oidc.client?.tokenEndpointAuthMethod === 'none',
    pkce: { required: () => true },
    interactions: { url: (_ctx, { uid }) => `/interaction/${uid}` },
    ttl: {
      AccessToken: 600,
      AuthorizationCode: 60,
      IdToken: 600,
      RefreshToken: 3600,
      Session: 3600,
      Grant: 3600,
      Interaction: 600,
    },
    features: {
      devInteractions: { enabled: false },
      backchannelLogout: { enabled: true },
      introspection: { enabled: true },
      revocation: { enabled: true },
      rpInitiatedLogout: {
        logoutSource: (ctx, form) => {
          ctx.body = `<!doctype html><title>out</title>${form}<button form="op.logoutForm" name="logout" value="yes" id="all">all</button>`;
        },
      },
    },
    // The library's own dispatcher refuses loopback addresses, where the portals of the test are.
    fetch: (address, { dispatcher: _, ...options }: RequestInit = {}) => fetch(address, options),
  };
  const provider = new Provider(issuer.url, configuration);
  provider.use(async (ctx, next) => {
    if (ctx.path === '/me') await issuer.userinfoHook?.();
    await next();
    const answer = ctx.body as { id_token?: string } | undefined;
    if (answer?.id_token === undefined) return;
    issuer.lastSid = String(decodeJwt(answer.id_token).sid);
    if (issuer.forge) answer.id_token = await issuer.forged(answer.id_token, issuer.forge);
  });
  return provider;
}

function listener(issuer: Issuer, provider: Provider) {
  const callback = provider.callback();
  return (request: IncomingMessage, response: ServerResponse): void => {
    const path = new URL(request.url ?? '/', issuer.url).pathname;
    issuer.asked.push(`${request.method} ${path}`);
    if (issuer.down || (issuer.userinfoDown && path === '/me')) {
      response.writeHead(503, { 'retry-after': '1' }).end();
      return;
    }
    const { writeHead } = response;
    response.writeHead = function (this: ServerResponse, ...args: unknown[]) {
      const to = response.getHeader('location');
      if (issuer.rewrite && typeof to === 'string' && to.includes('/callback?')) {
        response.setHeader('location', issuer.rewrite(new URL(to)).href);
      }
      return Reflect.apply(writeHead, this, args);
    } as typeof writeHead;
    if (path.startsWith('/interaction/')) void interact(issuer, provider, request, response);
    else void callback(request, response);
  };
}

/** Answers both questions, who and what, without a page. */
async function interact(issuer: Issuer, provider: Provider, request: IncomingMessage, response: ServerResponse) {
  const { prompt, params, grantId, session } = await provider.interactionDetails(request, response);
  const { acr, declined, error } = issuer.next;
  if (error !== undefined) return provider.interactionFinished(request, response, error);
  if (prompt.name === 'login') {
    return provider.interactionFinished(request, response, { login: { accountId: 'person', acr, amr: ['pwd'] } });
  }
  const clientId = String(params.client_id);
  const grant = grantId
    ? (await provider.Grant.find(grantId))!
    : new provider.Grant({ accountId: session!.accountId, clientId });
  const asked = String(params.scope).split(' ');
  grant.addOIDCScope(asked.filter((scope) => !declined.includes(scope)).join(' '));
  grant.rejectOIDCScope(asked.filter((scope) => declined.includes(scope)).join(' '));
  return provider.interactionFinished(request, response, { consent: { grantId: await grant.save() } });
}
