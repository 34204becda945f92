import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { createRemoteJWKSet, exportJWK, exportPKCS8, generateKeyPair, importPKCS8, jwtVerify, SignJWT } from 'jose';
import t, { type Test } from 'tap';
import { allAcrValues } from '../../src/policy/policy.ts';
import { deliverLogout } from '../../src/provider/provider.ts';
import { Jar, pkce } from '../support/browser.ts';
import { assertionType, authorizeUrl, code, jwks, post, redeem } from '../support/department.ts';
import { accountId, client } from '../support/op.ts';
import { asking, payload } from './asking.ts';
import { gateway } from './public-listener.ts';

/** Discovery is a promise: each member is held against what the endpoints take, and what it does not name is refused. */
const algorithms = ['ES256', 'RS256', 'PS256', 'EdDSA', 'ES384', 'ES512'];
const signers = await Promise.all(
  algorithms.map(async (alg) => ({ alg, ...(await generateKeyPair(alg, { extractable: true })) })),
);
const told: string[] = [];
const department = createServer((request, answer) => {
  let body = '';
  request.setEncoding('utf8').on('data', (text: string) => {
    body += text;
  });
  request.on('end', () => {
    told.push(new URLSearchParams(body).get('logout_token') ?? '');
    answer.end();
  });
});
await new Promise<void>((ready) => void department.listen(0, '127.0.0.1', () => ready()));
t.teardown(() => department.close());

const everything = ['openid', 'profile', 'phone', 'realname', 'identity'];
const { own, ask, tokens, idToken } = await asking(t, {
  clients: [
    client('all', {
      auth: 'private_key_jwt',
      grants: ['authorization_code'],
      scopes: everything,
      jwks,
      backchannel_logout_uri: `http://127.0.0.1:${(department.address() as AddressInfo).port}/logout`,
    }),
    client('algs', {
      auth: 'private_key_jwt',
      grants: ['client_credentials'],
      redirect_uris: [],
      jwks: {
        keys: await Promise.all(
          signers.map(async ({ alg, publicKey }) => ({ ...(await exportJWK(publicKey)), kid: alg })),
        ),
      },
    }),
  ],
  known: {
    level: 2,
    updatedAt: 1_700_000_000_000,
    name: '测试',
    nameMasked: '测*',
    idNumber: '11010119900307003X',
    idNumberMasked: '1****************X',
    cardType: '111',
    mobile: '13900000001',
    mobileProvedAt: 1,
  } as never,
});
await own.consents.give({
  accountId,
  clientId: 'all',
  granted: everything.slice(1),
  declined: [],
  itemsVersion: own.wording('all'),
  language: 'en',
});
const well = `${own.issuer}/.well-known/openid-configuration`;
const document = (await (await fetch(well)).json()) as Record<string, string & string[]>;

async function asserted(alg: string, key: Parameters<SignJWT['sign']>[0], kid: string | undefined): Promise<number> {
  const now = Math.floor(Date.now() / 1000);
  const claims = { iss: 'algs', sub: 'algs', aud: own.issuer, jti: crypto.randomUUID(), iat: now, exp: now + 60 };
  const value = await new SignJWT(claims).setProtectedHeader({ alg, ...(kid ? { kid } : {}) }).sign(key);
  const form = { grant_type: 'client_credentials', client_assertion: value, client_assertion_type: assertionType };
  return (await fetch(`${own.issuer}/token`, { method: 'POST', body: new URLSearchParams(form) })).status;
}
const endpoint = (path: string) => async (t: Test, value: unknown) => {
  t.equal(value, own.issuer + path);
  const answer = await fetch(String(value), { method: 'POST' });
  t.not(answer.status, 404);
};
const exactly =
  (...expected: unknown[]) =>
  async (t: Test, value: unknown) =>
    t.same(value, expected);
const off = async (t: Test, value: unknown) => t.equal(value, false);
/** What works in the other tests of this folder is only compared here. */
const checks: Record<string, (t: Test, value: never) => Promise<unknown>> = {
  issuer: async (t, value) => t.equal(value, own.issuer),
  authorization_endpoint: endpoint('/authorize'),
  token_endpoint: endpoint('/token'),
  userinfo_endpoint: endpoint('/userinfo'),
  introspection_endpoint: endpoint('/introspect'),
  revocation_endpoint: endpoint('/revoke'),
  // mounted by signout/: tried on the whole gateway below
  end_session_endpoint: async (t, value) => t.equal(value, `${own.issuer}/session/end`),
  jwks_uri: async (t, value) => {
    t.equal(value, `${own.issuer}/jwks`);
    const { id_token: token } = await tokens(new Jar(), 'basic');
    const verified = await jwtVerify(String(token), createRemoteJWKSet(new URL(value)), {
      issuer: own.issuer,
      audience: 'basic',
      algorithms: document.id_token_signing_alg_values_supported!,
    });
    t.equal(verified.protectedHeader.typ ?? 'JWT', 'JWT');
  },
  response_types_supported: async (t, value) => {
    t.same(value, ['code']);
    const jar = new Jar();
    t.match(await ask(jar, 'basic'), { error: undefined });
    for (const type of [
      'token',
      'id_token',
      'code token',
      'code id_token',
      'id_token token',
      'code id_token token',
      'none',
      'CODE',
      'device_code',
      '',
    ]) {
      const { to } = await jar.follow(
        authorizeUrl(own, 'basic', pkce().challenge, { response_type: type, nonce: 'n' }),
      );
      const at = new URL(to ?? '');
      const error = at.searchParams.get('error') ?? new URLSearchParams(at.hash.slice(1)).get('error');
      t.match(error, /^(unsupported_response_type|invalid_request|unauthorized_client)$/, type);
      t.notMatch(to, /access_token|id_token=|[?&#]code=/, type);
    }
  },
  response_modes_supported: async (t, value) => {
    t.same(value, ['query']);
    const jar = new Jar();
    t.ok((await ask(jar, 'basic', { response_mode: 'query' })).query.get('code'));
    for (const mode of ['form_post', 'fragment', 'web_message', 'jwt', 'query.jwt', 'form_post.jwt', 'QUERY']) {
      const { answer, to } = await jar.follow(authorizeUrl(own, 'basic', pkce().challenge, { response_mode: mode }));
      t.equal(answer.status, 303, `${mode}: no page of the library`);
      t.match(to, /[?#&]error=(unsupported_response_mode|invalid_request)/, mode);
      t.notMatch(to, /[?#&]code=/, mode);
      const early = await jar.follow(authorizeUrl(own, 'basic', '', { response_mode: mode, prompt: 'x' }));
      t.equal(early.answer.status, 303, `${mode} beside another error`);
    }
  },
  grant_types_supported: exactly('authorization_code', 'refresh_token', 'client_credentials'),
  subject_types_supported: async (t, value) => {
    t.same(value, ['pairwise']);
    const jar = new Jar();
    const subjects: unknown[] = [];
    for (const id of ['basic', 'signed', 'public', 'all']) subjects.push(payload((await tokens(jar, id)).id_token).sub);
    t.equal(new Set(subjects).size, 4);
    t.notOk(subjects.includes(accountId));
    t.equal(payload((await tokens(new Jar(), 'basic')).id_token).sub, subjects[0], 'the same in every session');
  },
  id_token_signing_alg_values_supported: exactly('ES256'),
  token_endpoint_auth_methods_supported: exactly('private_key_jwt', 'client_secret_basic', 'none'),
  token_endpoint_auth_signing_alg_values_supported: async (t, value) => {
    t.same(value, algorithms);
    for (const { alg, privateKey } of signers) t.equal(await asserted(alg, privateKey, alg), 200, alg);
    const rsa = signers[1]?.privateKey;
    for (const alg of ['RS384', 'RS512', 'PS384', 'PS512']) {
      const key = await importPKCS8(await exportPKCS8(rsa!), alg);
      t.equal(await asserted(alg, key, 'RS256'), 401, alg);
      t.equal(await asserted(alg, key, undefined), 401, alg);
    }
    for (const alg of ['HS256', 'HS384', 'HS512'])
      t.equal(await asserted(alg, new Uint8Array(64), undefined), 401, alg);
  },
  introspection_endpoint_auth_methods_supported: exactly('private_key_jwt', 'client_secret_basic'),
  revocation_endpoint_auth_methods_supported: exactly('private_key_jwt', 'client_secret_basic', 'none'),
  code_challenge_methods_supported: exactly('S256'),
  scopes_supported: async (t, value: string[]) => {
    t.same(value, everything);
    const jar = new Jar();
    for (const scope of value)
      t.equal(
        (await tokens(jar, 'all', { scope: `openid ${scope}` })).scope,
        [...new Set(['openid', scope])].join(' '),
      );
    for (const scope of ['offline_access', 'email', 'address', 'organisation', 'admin'])
      t.equal((await tokens(jar, 'all', { scope: `openid ${scope}` })).scope, 'openid', scope);
    t.notOk((await tokens(jar, 'all', { scope: 'openid offline_access', prompt: 'consent' })).refresh_token);
  },
  claims_supported: async (t, value: string[]) => {
    const issued = await tokens(new Jar(), 'all', { scope: everything.join(' '), nonce: 'n', max_age: '900' });
    const info = await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${issued.access_token}` } });
    const given = Object.keys((await info.json()) as object);
    const signed = Object.keys(payload(issued.id_token));
    t.same(new Set([...given, ...signed]), new Set(value), 'each is given, and no other');
    const personal = ['nickname', 'phone_number', 'realname_name', 'id_number', 'id_name'];
    t.same(
      signed.filter((name) => personal.includes(name)),
      [],
      'none of a person in an ID token',
    );
  },
  acr_values_supported: async (t, value) => t.same(value, allAcrValues),
  prompt_values_supported: async (t, value: string[]) => {
    t.same(value, ['none', 'login', 'consent']);
    const jar = new Jar();
    await code(own, jar, 'basic');
    for (const prompt of value) t.match(await ask(jar, 'basic', { prompt }), { error: undefined }, prompt);
    for (const prompt of ['create', 'select_account'])
      t.match(await ask(jar, 'basic', { prompt }), { error: 'invalid_request' });
  },
  ui_locales_supported: exactly('zh-CN', 'en'),
  authorization_response_iss_parameter_supported: async (t, value) => {
    t.equal(value, true);
    for (const more of [{}, { prompt: 'none' }, { prompt: 'x' }] as Record<string, string>[])
      t.equal((await ask(new Jar(), 'basic', more)).query.get('iss'), own.issuer);
  },
  backchannel_logout_supported: async (t, value) => {
    t.equal(value, true);
    const body = { accountId, sid: 'a-session' };
    const before = told.length;
    const deliver = deliverLogout(own.epochs, own.clients);
    t.equal(await deliver({ id: 'x', to: 'all', body, tries: 1 } as never, AbortSignal.timeout(10_000)), 'delivered');
    t.equal(told.length, before + 1);
    const verified = await jwtVerify(told.at(-1) ?? '', createRemoteJWKSet(new URL(document.jwks_uri!)), {
      issuer: own.issuer,
      audience: 'all',
      typ: 'logout+jwt',
      requiredClaims: ['iat', 'exp', 'jti', 'sid', 'sub'],
    });
    t.match(verified.payload, {
      sid: 'a-session',
      sub: payload((await tokens(new Jar(), 'all')).id_token).sub,
      events: { 'http://schemas.openid.net/event/backchannel-logout': {} },
    });
    t.equal(verified.payload.nonce, undefined);
  },
  backchannel_logout_session_supported: async (t, value) => {
    t.equal(value, true);
    t.type((await idToken('basic', await ask(new Jar(), 'basic'))).sid, 'string');
  },
  claims_parameter_supported: async (t, value) => {
    await off(t, value);
    const claims = JSON.stringify({ id_token: { id_number: null, phone_number: { essential: true } } });
    t.strictSame(
      Object.keys(await idToken('all', await ask(new Jar(), 'all', { claims }))).sort(),
      Object.keys(payload((await tokens(new Jar(), 'all')).id_token)).sort(),
      'ignored',
    );
  },
  request_parameter_supported: async (t, value) => {
    await off(t, value);
    t.match(await ask(new Jar(), 'basic', { request: 'a.b.c' }), { error: 'request_not_supported' });
  },
  request_uri_parameter_supported: async (t, value) => {
    await off(t, value);
    for (const uri of ['https://evil.example/r', 'urn:ietf:params:oauth:request_uri:x'])
      t.match(await ask(new Jar(), 'basic', { request_uri: uri }), { error: 'request_uri_not_supported' });
  },
};

t.test('every member is kept, and none is without its test', async (t) => {
  t.strictSame(Object.keys(document).sort(), Object.keys(checks).sort());
  for (const [name, check] of Object.entries(checks))
    await t.test(name, async (t) => check(t, document[name] as never));
});

t.test('what is off is off', async (t) => {
  for (const path of [
    '/request',
    '/par',
    '/device',
    '/device/auth',
    '/reg',
    '/register',
    '/backchannel',
    '/challenge',
    '/me',
    '/certs',
    '/.well-known/openid-credential-issuer',
    '/.well-known/oauth-protected-resource',
    '/session/end/confirm',
    '/interaction/x',
  ])
    for (const method of ['GET', 'POST'])
      t.equal((await fetch(own.issuer + path, { method })).status, 404, `${method} ${path}`);
  t.match(await ask(new Jar(), 'basic', { registration: '{}' }), { error: 'registration_not_supported' });
  const issued = await code(own, new Jar(), 'basic', { dpop_jkt: 'x'.repeat(43), resource: 'https://api.example' });
  t.match((await redeem(own, 'basic', issued)).json, { token_type: 'Bearer' });
  const { json } = await post(own, '/token', 'basic', {
    grant_type: 'client_credentials',
    resource: 'https://api.example',
    authorization_details: '[]',
  });
  t.match(json, { token_type: 'Bearer', expires_in: 600 });
  t.notMatch(json.access_token, /^ey.*\./, 'opaque');
});

t.test('discovery and keys are bytes that caches may keep', async (t) => {
  for (const path of ['/.well-known/openid-configuration', '/.well-known/oauth-authorization-server', '/jwks']) {
    const first = await fetch(own.issuer + path);
    const text = await first.text();
    const etag = first.headers.get('etag') ?? '';
    t.equal(first.status, 200);
    t.match(etag, /^"[\w-]+"$/);
    t.match(first.headers.get('cache-control'), /^public, max-age=\d+$/);
    t.match(first.headers.get('content-type'), /^application\/json/);
    const head = await fetch(own.issuer + path, { method: 'HEAD' });
    t.strictSame(
      [head.status, head.headers.get('etag'), head.headers.get('content-length')],
      [200, etag, String(Buffer.byteLength(text))],
    );
    for (const held of [etag, `W/${etag}`, `"other", ${etag}`, '*']) {
      const again = await fetch(own.issuer + path, { headers: { 'if-none-match': held } });
      t.strictSame([again.status, await again.text(), again.headers.get('etag')], [304, '', etag], held);
      t.match(again.headers.get('cache-control'), /max-age/);
    }
    for (const held of ['"other"', etag.slice(1, -1), '']) {
      const again = await fetch(own.issuer + path, { headers: { 'if-none-match': held } });
      t.strictSame([again.status, await again.text()], [200, text], held);
    }
  }
  const [one, two] = await Promise.all(
    ['openid-configuration', 'oauth-authorization-server'].map(async (name) =>
      (await fetch(`${own.issuer}/.well-known/${name}`)).text(),
    ),
  );
  t.equal(one, two, 'one document');
});

t.test('keys are public parts only, also the next one', async (t) => {
  const read = async () => (await (await fetch(`${own.issuer}/jwks`)).json()) as { keys: Record<string, unknown>[] };
  const before = await read();
  const etag = (await fetch(`${own.issuer}/jwks`)).headers.get('etag') ?? '';
  const jar = new Jar();
  const old = await tokens(jar, 'basic');
  t.match(await own.keys.rotate(), { ok: true });
  const after = await read();
  t.equal(after.keys.length, before.keys.length + 1, 'the one after is published with it');
  for (const key of [...before.keys, ...after.keys]) {
    t.strictSame(Object.keys(key).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y']);
    t.match(key, { alg: 'ES256', crv: 'P-256', kty: 'EC', use: 'sig' });
  }
  t.equal(new Set(after.keys.map(({ kid }) => kid)).size, after.keys.length);
  t.equal(
    (await fetch(`${own.issuer}/jwks`, { headers: { 'if-none-match': etag } })).status,
    200,
    'other bytes, another ETag',
  );
  const signedBy = (token: unknown) =>
    JSON.parse(Buffer.from(String(token).split('.')[0] ?? '', 'base64url').toString()).kid;
  const signer = signedBy((await tokens(new Jar(), 'basic')).id_token);
  t.not(signer, signedBy(old.id_token), 'a step of the rotation was made');
  t.ok(
    before.keys.some(({ kid }) => kid === signer),
    'what signs now was there to be cached before',
  );
  t.ok(
    after.keys.some(({ kid }) => kid === signedBy(old.id_token)),
    'what signed before can still be checked',
  );
  const hint = { prompt: 'none', id_token_hint: String(old.id_token) };
  t.match(await ask(jar, 'basic', hint), { error: undefined }, 'also by us');
});

t.test('the whole gateway says the same, and has what this test’s does not mount', async (t) => {
  const whole = await gateway(t);
  const its = await whole.send('/.well-known/openid-configuration');
  t.strictSame(JSON.parse(its.body), JSON.parse(JSON.stringify(document).replaceAll(own.issuer, whole.issuer)));
  for (const [name, value] of Object.entries(JSON.parse(its.body) as Record<string, unknown>)) {
    if (!/_endpoint$|_uri$/.test(name)) continue;
    const { pathname, origin } = new URL(String(value));
    t.equal(origin, whole.issuer);
    t.ok(
      [200, 303, 400, 401].includes(
        (await whole.send(pathname, { method: name.match(/token|intro|revo/) ? 'POST' : 'GET' })).status,
      ),
      name,
    );
  }
});
