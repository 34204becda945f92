import { createPublicKey } from 'node:crypto';
import { readFile } from 'node:fs/promises';
import { createRequire } from 'node:module';
import { ExternalSigningKey, errors, interactionPolicy, Provider } from 'oidc-provider';
import t from 'tap';
import { Jar } from '../support/browser.ts';
import { basicHeader } from '../support/department.ts';
import { type Any, bare, publicKey } from './bare.ts';

/** What src/provider expects of the pinned library beside its replacements (overrides.test.ts): call orders, names, signatures. */
const headOf = (jwt: string): Any => JSON.parse(Buffer.from(jwt.split('.')[0] ?? '', 'base64url').toString());

t.test('the library is pinned exactly', async (t) => {
  const own = JSON.parse(await readFile(new URL('../../package.json', import.meta.url), 'utf8'));
  const wanted = own.dependencies['oidc-provider'];
  t.match(wanted, /^\d+\.\d+\.\d+$/);
  const lock = JSON.parse(await readFile(new URL('../../package-lock.json', import.meta.url), 'utf8'));
  t.equal(lock.packages['node_modules/oidc-provider'].version, wanted);
  const main = createRequire(import.meta.url).resolve('oidc-provider');
  const there = JSON.parse(await readFile(main.replace(/lib\/index\.js$/, 'package.json'), 'utf8'));
  t.equal(there.version, wanted);
});

const issued = ['AccessToken.upsert', 'RefreshToken.upsert'];
const standing = ['Session.findByUid', 'Grant.find'];
const kinds = ['AccessToken.find', 'ClientCredentials.find', 'RefreshToken.find'];
const family = ['AccessToken.revokeByGrantId', 'RefreshToken.revokeByGrantId', 'AuthorizationCode.revokeByGrantId'];

t.test('adapter.ts, unit.ts: the order of the library’s calls to the store', async (t) => {
  const own = await bare(t);
  const jar = new Jar();
  const post = (path: string, token: string) =>
    fetch(own.issuer + path, {
      method: 'POST',
      body: new URLSearchParams({ token }),
      headers: basicHeader('c', 'secret'),
    });
  await own.authorize(jar);
  const page = ['Interaction.find', 'Interaction.find', 'Interaction.upsert'];
  const resumed = [
    'Interaction.find',
    'Interaction.destroy',
    'Grant.upsert',
    'AuthorizationCode.upsert',
    'Session.upsert',
  ];
  t.strictSame(
    own.calls(),
    ['Interaction.upsert', ...page, ...resumed],
    'an interaction is destroyed before a code is written',
  );
  const code = await own.authorize(jar);
  t.strictSame(
    own.calls(),
    ['Session.find', 'Grant.find', 'AuthorizationCode.upsert', 'Session.upsert'],
    'the session last',
  );
  const { json } = await own.redeem(code);
  t.strictSame(
    own.calls(),
    ['AuthorizationCode.find', ...standing, 'AuthorizationCode.consume', ...issued],
    'spent before tokens are written',
  );
  const next = await own.token({ grant_type: 'refresh_token', refresh_token: json.refresh_token });
  t.strictSame(
    own.calls(),
    ['RefreshToken.find', ...standing, 'RefreshToken.consume', ...issued.toReversed()],
    'spent, its heir, the access token',
  );
  await fetch(`${own.issuer}/me`, { headers: { authorization: `Bearer ${next.json.access_token}` } });
  t.strictSame(own.calls(), ['AccessToken.find', ...standing], 'userinfo');
  await post('/token/introspection', next.json.refresh_token);
  t.strictSame(own.calls(), [...kinds, ...standing], 'introspection asks every kind');
  await post('/token/revocation', next.json.refresh_token);
  t.strictSame(
    own.calls(),
    [...kinds, 'Session.findByUid', 'RefreshToken.destroy', ...family, 'Grant.destroy'],
    'revocation',
  );
  await own.token({ grant_type: 'client_credentials' });
  t.strictSame(own.calls(), ['ClientCredentials.upsert']);

  const twice = await own.authorize(jar);
  await own.redeem(twice);
  own.calls();
  t.match(await own.redeem(twice), { status: 400, json: { error: 'invalid_grant' } });
  t.strictSame(
    own.calls(),
    ['AuthorizationCode.find', ...standing, ...family, 'Grant.destroy'],
    'a replay ends the grant',
  );
});

t.test('adapter.ts: what is written under which name', async (t) => {
  const own = await bare(t);
  const jar = new Jar();
  const { code, verifier } = await own.authorize(jar);
  const { json } = await own.redeem({ code, verifier });
  const of = (model: string) => own.written.findLast((each) => each.model === model)!;
  t.equal(of('AuthorizationCode').id, code);
  t.equal(of('AccessToken').id, json.access_token, 'the value is the key: hashed in keyOf');
  t.equal(of('RefreshToken').id, json.refresh_token);
  for (const model of ['AuthorizationCode', 'AccessToken', 'RefreshToken']) {
    t.match(of(model).payload, {
      kind: model,
      clientId: 'c',
      accountId: 'a',
      grantId: of('Grant').id,
      sessionUid: of('Session').payload.uid,
    });
    t.type(of(model).payload.exp, 'number', 'seconds');
  }
  t.match(of('Session').payload, {
    accountId: 'a',
    acr: 'r',
    amr: ['pwd'],
    loginTs: Number,
    authorizations: { c: { sid: String, grantId: of('Grant').id } },
  });
  const [begun, answered] = own.written.filter(({ model }) => model === 'Interaction');
  t.match(begun?.payload, {
    params: { client_id: 'c' },
    prompt: { name: 'login' },
    returnTo: `${own.issuer}/auth/${begun?.id}`,
  });
  t.equal(begun?.payload.result, undefined);
  t.match(answered?.payload, { result: { login: { accountId: 'a' } } }, 'the result is a second write of the same');
  t.equal(answered?.id, begun?.id);
});

t.test('unit.ts: errors of the library and of its kind', async (t) => {
  const error = new errors.OIDCProviderError(418, 'short');
  t.match(error, { status: 418, statusCode: 418, error: 'short', expose: true });
  t.match(new errors.SessionNotFound('gone'), { statusCode: 400, error: 'invalid_request' });
  const own = await bare(t, ({ AuthorizationCode }) => {
    AuthorizationCode.prototype.consume = async () => {
      throw Object.assign(new errors.OIDCProviderError(400, 'invalid_grant'), { error_description: 'said' });
    };
  });
  t.match(await own.redeem(await own.authorize(new Jar())), {
    status: 400,
    json: { error: 'invalid_grant', error_description: 'said' },
  });
});

t.test('prompts.ts, instance.ts: prompts, checks, response modes', async (t) => {
  const policy = interactionPolicy.base();
  const checks = (name: string) => [...policy.get(name)!.checks].map(({ reason }) => reason);
  t.strictSame(
    policy.map(({ name }) => name),
    ['login', 'consent'],
  );
  t.strictSame(checks('login'), [
    'login_prompt',
    'no_session',
    'max_age',
    'id_token_hint',
    'claims_id_token_sub_value',
    'essential_acrs',
    'essential_acr',
  ]);
  t.strictSame(checks('consent'), [
    'consent_prompt',
    'native_client_prompt',
    'op_scopes_missing',
    'op_claims_missing',
    'rs_scopes_missing',
    'rar_prompt',
  ]);
  policy.get('login')!.checks.remove('essential_acr');
  t.notOk(checks('login').includes('essential_acr'));
  policy.add(new interactionPolicy.Prompt({ name: 'between' }), 1);
  t.strictSame(
    policy.map(({ name }) => name),
    ['login', 'between', 'consent'],
  );

  const modes: string[] = [];
  class Told extends Provider {
    override registerResponseMode(...all: Parameters<Provider['registerResponseMode']>): void {
      modes.push(all[0]);
      super.registerResponseMode(...all);
    }
  }
  await bare(t, undefined, {}, Told);
  t.strictSame(modes, ['query', 'fragment', 'form_post'], 'registered through the method');
});

t.test('signing.ts: a key from outside signs, one that only verifies is passed over', async (t) => {
  class Outside extends ExternalSigningKey {
    readonly name: string;
    readonly ops: string[] | undefined;
    constructor(name: string, ops?: string[]) {
      super();
      this.name = name;
      this.ops = ops;
    }
    override get kid() {
      return this.name;
    }
    override get alg() {
      return 'ES256';
    }
    override get key_ops() {
      return this.ops;
    }
    override keyObject() {
      return node;
    }
    override sign() {
      if (this.ops) throw new Error('asked to sign');
      return new Uint8Array(64);
    }
  }
  const node = createPublicKey({ key: publicKey as Any, format: 'jwk' });
  const own = await bare(t, undefined, {
    jwks: { keys: [new Outside('next', ['verify']), new Outside('current'), new Outside('old', ['verify'])] },
    features: {
      externalSigningSupport: { enabled: true, ack: 'experimental-01' },
      devInteractions: { enabled: false },
      clientCredentials: { enabled: true },
    },
  });
  const { json } = await own.redeem(await own.authorize(new Jar()));
  t.match(headOf(json.id_token), { kid: 'current', alg: 'ES256' });
  t.equal(json.id_token.split('.')[2], Buffer.alloc(64).toString('base64url'), 'by its own sign()');
  const { keys } = (await (await fetch(`${own.issuer}/jwks`)).json()) as { keys: Any[] };
  t.strictSame(
    keys.map(({ kid }) => kid),
    ['next', 'current', 'old'],
  );
  t.notOk(keys.some((each) => 'd' in each));
});

t.test('mount.ts: behind a proxy, the pinned headers decide what the library calls itself', async (t) => {
  const own = await bare(t, (provider) => {
    provider.proxy = true;
  });
  const answer = await fetch(`${own.issuer}/.well-known/openid-configuration`, {
    headers: { 'x-forwarded-host': 'issuer.example', 'x-forwarded-proto': 'https' },
  });
  t.match(await answer.json(), { issuer: own.issuer, token_endpoint: 'https://issuer.example/token' });
});

t.test('interaction.ts, logout.ts: what our rooms call', async (t) => {
  const { provider } = await bare(t);
  for (const name of ['interactionDetails', 'interactionResult', 'cookieName'])
    t.type(provider[name], 'function', name);
  t.type(provider.Interaction.prototype.persist, 'function');
  t.type(provider.Client.prototype.backchannelLogout, 'function');
  t.type(provider.IdToken.validate, 'function');
  t.equal(provider.Client.prototype.backchannelLogout.length, 2, '(accountId, sid)');
});

t.test('grants.ts: a grant is two lists of scopes, rewritten in place', async (t) => {
  const { provider } = await bare(t);
  const grant = new provider.Grant({ accountId: 'a', clientId: 'c' });
  t.strictSame([grant.getOIDCScope(), grant.getRejectedOIDCScope()], ['', '']);
  grant.openid = { scope: 'openid profile' };
  grant.rejected = { openid: { scope: 'phone' } };
  grant.exp = Math.floor(Date.now() / 1000) + 60;
  const stored = await provider.Grant.find(await grant.save());
  for (const each of [grant, stored]) {
    t.strictSame([each.getOIDCScope(), each.getRejectedOIDCScope()], ['openid profile', 'phone']);
    t.equal(each.getOIDCScopeFiltered(new Set(['openid', 'phone', 'profile', 'identity'])), 'openid profile');
    t.strictSame(each.getOIDCScopeEncountered().split(' ').sort(), ['openid', 'phone', 'profile']);
  }
  stored.openid = { scope: 'openid' };
  stored.rejected = undefined;
  await stored.save();
  const again = await provider.Grant.find(stored.jti);
  t.strictSame([again.getOIDCScope(), again.getRejectedOIDCScope(), again.jti], ['openid', '', grant.jti]);
});
