import { exportJWK, generateKeyPair } from 'jose';
import t from 'tap';
import { database } from '../support/database.ts';
import { jwks, post } from '../support/department.ts';
import { client, op } from '../support/op.ts';

t.setTimeout(240_000);

/** What `apply` takes, the provider takes: else a department learns of a slip from an answer nobody understands. */
t.test('every kind of definition that is taken works at the provider', async (t) => {
  const code = { grants: ['authorization_code'] };
  const service = { kind: 'service', grants: ['client_credentials'], redirect_uris: [], scopes: [] };
  const taken: Record<string, object> = {
    'a-service': { ...service, auth: 'private_key_jwt', jwks },
    'a-service-with-a-secret': { ...service, auth: 'client_secret_basic' },
    'both-of-a-site-and-a-service': {
      auth: 'private_key_jwt',
      jwks,
      grants: ['authorization_code', 'client_credentials'],
    },
    'a-site-with-a-secret': { ...code, auth: 'client_secret_basic' },
    'a-site-with-an-address-of-keys': { ...code, auth: 'private_key_jwt', jwks_uri: 'http://127.0.0.1:9/jwks.json' },
    'a-site-in-the-browser': { ...code, auth: 'none', kind: 'browser', origins: ['http://127.0.0.1:9'] },
    'an-address-twice': { ...code, auth: 'none', redirect_uris: Array(2).fill('http://127.0.0.1:9/callback') },
    'no-address-after-sign-out': { ...code, auth: 'none', post_logout_redirect_uris: undefined },
  };
  const clients = Object.entries(taken).map(([id, more]) => client(id, more));
  const own = await op(t, await database(t), undefined, jwks, { clients });
  const { Client } = own.epochs.current().provider;
  for (const id of Object.keys(taken)) t.ok(await Client.find(id).catch((error) => t.fail(`${id}: ${error}`)), id);
  const { status, json } = await post(own, '/token', 'a-service', { grant_type: 'client_credentials' });
  t.match([status, json], [200, { access_token: String, token_type: 'Bearer' }], 'a service asks for no scope');
  t.equal(json.scope, undefined);

  const pair = await generateKeyPair('ES256', { extractable: true });
  const secret = await exportJWK(pair.privateKey);
  for (const [name, keys] of [
    ['nothing in it', {}],
    ['a private key', secret],
    ['a shared secret', { kty: 'oct', k: 'c2VjcmV0' }],
    ['half a key', { ...secret, d: undefined, y: undefined }],
    ['a key off its curve', { ...secret, d: undefined, y: secret.x }],
    ['an unknown kind', { kty: 'XX' }],
  ] as const) {
    const wrong = client('keys', { ...code, auth: 'private_key_jwt', jwks: { keys: [...jwks.keys, keys] } });
    await t.rejects(own.clients.apply([wrong]), { code: 'EG-1601', message: /keys: jwks\/keys\/1 .*public/ }, name);
  }
  const both = { ...code, auth: 'client_secret_basic', jwks, jwks_uri: 'http://127.0.0.1:9/jwks.json' };
  await t.rejects(own.clients.apply([client('both', both)]), { code: 'EG-1601', message: /both: .*jwks_uri or jwks/ });
});
