/**
 * What the gateway's cost is held against: oidc-provider mounted in Fastify as its manual says, with the Redis adapter
 * that the library shows as its example, and nothing else. Same Node, same ioredis, ES256 keys, the same two kinds of
 * client, PKCE, the same lifetimes. No audit, no endings, no metrics, no log, no headers of its own; its secrets lie in
 * the clear. A program of its own: `reference.ts '{"port":…,"redis":"…","jwks":{…},"redirect":"…"}'`.
 */
import { randomBytes } from 'node:crypto';
import fastify from 'fastify';
import { exportJWK, generateKeyPair } from 'jose';
import { type Configuration, type KoaContextWithOIDC, Provider } from 'oidc-provider';
import { exampleAdapter } from './example-adapter.ts';

interface Given {
  readonly port: number;
  /** Path of a unix socket. */
  readonly redis: string;
  readonly jwks: object;
  readonly secret: string;
  readonly redirect: string;
}

const given = JSON.parse(process.argv[2] ?? '{}') as Given;
const issuer = `http://localhost:${given.port}`;
const pair = await generateKeyPair('ES256', { extractable: true });
const own = { ...(await exportJWK(pair.privateKey)), alg: 'ES256', use: 'sig', kid: 'reference' };

const client = {
  redirect_uris: [given.redirect],
  response_types: ['code'],
  grant_types: ['authorization_code'],
  scope: 'openid profile',
  id_token_signed_response_alg: 'ES256',
};
const absolute = 12 * 3_600;
const configuration = {
  adapter: exampleAdapter(given.redis),
  jwks: { keys: [own] },
  clients: [
    { ...client, client_id: 'basic', client_secret: given.secret, token_endpoint_auth_method: 'client_secret_basic' },
    { ...client, client_id: 'entrance', client_secret: given.secret },
    { ...client, client_id: 'signed', jwks: given.jwks, token_endpoint_auth_method: 'private_key_jwt' },
  ],
  claims: { openid: ['sub'], profile: ['nickname'], acr: null, amr: null, auth_time: null, sid: null },
  clientAuthMethods: ['private_key_jwt', 'client_secret_basic', 'none'],
  cookies: { keys: [randomBytes(32).toString('hex')] },
  findAccount: (_ctx: unknown, accountId: string) => ({ accountId, claims: () => ({ sub: accountId }) }),
  // what a person agreed to stands: a first visit of a session is answered at once, with a grant of its own
  loadExistingGrant: async ({ oidc }: KoaContextWithOIDC) => {
    const { client, session } = oidc;
    const clientId = client?.clientId ?? '';
    const existing = session?.grantIdFor(clientId);
    if (existing) return provider.Grant.find(existing);
    const grant = new provider.Grant({ accountId: session?.accountId, clientId });
    grant.addOIDCScope('openid profile');
    await grant.save();
    return grant;
  },
  interactions: { url: (_ctx: unknown, { uid }: { uid: string }) => `/interaction/${uid}` },
  pkce: { required: () => true },
  routes: { authorization: '/authorize', token: '/token' },
  scopes: ['openid', 'profile'],
  features: {
    devInteractions: { enabled: false },
    backchannelLogout: { enabled: true },
    clientCredentials: { enabled: true },
    introspection: { enabled: true },
    revocation: { enabled: true },
    rpInitiatedLogout: { enabled: true },
    userinfo: { enabled: true },
    dPoP: { enabled: false },
    pushedAuthorizationRequests: { enabled: false },
    resourceIndicators: { enabled: false },
  },
  ttl: {
    AccessToken: 600,
    AuthorizationCode: 60,
    ClientCredentials: 600,
    IdToken: 600,
    Interaction: 1_800,
    Grant: absolute,
    RefreshToken: absolute,
    Session: absolute,
  },
};

const provider = new Provider(issuer, configuration as unknown as Configuration);
const handle = provider.callback();
const server = fastify();
// who comes is believed: sessions stand before anything is measured
server.get('/interaction/:uid', async (request, reply) => {
  const result = { login: { accountId: randomBytes(8).toString('hex'), amr: ['pwd'] } };
  return reply.redirect(await provider.interactionResult(request.raw, reply.raw, result), 303);
});
await server.register(async (scope) => {
  scope.removeAllContentTypeParsers();
  scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
  scope.all('/*', (request, reply) => {
    reply.hijack();
    return handle(request.raw, reply.raw);
  });
});
await server.listen({ port: given.port, host: '127.0.0.1' });
process.stdin.on('end', () => process.exit(0)).resume();
