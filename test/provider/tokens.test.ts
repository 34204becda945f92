import { createPublicKey, type JsonWebKey } from 'node:crypto';
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import t from 'tap';
import { Jar } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { assertion, assertionType, basicHeader, code, jwks, post, redeem } from '../support/department.ts';
import { op, redirect } from '../support/op.ts';
import { endpoints, refused } from './endpoints.ts';

/** Tokens of the wrong type, key, algorithm, audience or owner: refused, without harm to whom they belong to. */
const own = await op(t, await database(t), undefined, jwks);
const jar = new Jar();
const issue = async (client: string): Promise<Record<string, string>> =>
  (await redeem(own, client, await code(own, jar, client))).json as Record<string, string>;
const basic = await issue('basic');
const open = await issue('public');
const signed = await issue('signed');
const service = (await post(own, '/token', 'basic', { grant_type: 'client_credentials' })).json;

const { bare, forged } = endpoints(own.issuer);

const userinfo = async (headers: Record<string, string>, query = ''): Promise<Response> =>
  fetch(`${own.issuer}/userinfo${query}`, { headers });
const reads = async (token: unknown): Promise<number> => (await userinfo({ authorization: `Bearer ${token}` })).status;
const bent = (token: string): string => token.slice(0, -1) + (token.endsWith('A') ? 'B' : 'A');

t.test('userinfo takes an access token of a person, in one place', async (t) => {
  const value = basic.access_token ?? '';
  t.equal(await reads(value), 200);
  const fresh = await code(own, jar, 'basic');
  const strange = await generateKeyPair('ES256');
  const claims = { sub: 'someone', scope: 'openid' };
  const cases: Record<string, string> = {
    'an ID token': String(basic.id_token),
    'a refresh token': String(basic.refresh_token),
    'a code': fresh.code,
    'a token of no person': String(service.access_token),
    'one character changed': bent(value),
    'another bucket': `${value.startsWith('00') ? '01' : '00'}${value.slice(2)}`,
    'a bucket that is none': `99${value.slice(2)}`,
    cut: value.slice(0, -2),
    longer: `${value}A`,
    'a signed word of a stranger': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'ES256', typ: 'at+jwt' })
      .setIssuer(own.issuer)
      .setExpirationTime('60s')
      .sign(strange.privateKey),
    'alg none': new UnsecuredJWT(claims).setIssuer(own.issuer).encode(),
    'ten thousand characters': 'x'.repeat(10_000),
    'a key of the store': `07:a:${value}`,
    'somebody else’s idea of a wildcard': '%',
  };
  for (const [name, token] of Object.entries(cases)) {
    const answer = await userinfo({ authorization: `Bearer ${token}` });
    t.ok(
      answer.status === 401 || (answer.status === 403 && name === 'a token of no person'),
      `${name}: ${answer.status}`,
    );
    t.match(
      answer.headers.get('www-authenticate'),
      /^Bearer realm="[^"]+", error="(invalid_token|insufficient_scope)"/,
      name,
    );
    t.notMatch(await answer.text(), /"sub"|node_modules|\bat \w+ \(/, name);
  }
  t.equal((await redeem(own, 'basic', fresh)).status, 200, 'a code shown to userinfo is not spent by it');

  const header = { authorization: `Bearer ${value}` };
  const places: [string, () => Promise<{ status: number }>, number][] = [
    ['nowhere', () => userinfo({}), 401],
    ['in the query', () => userinfo({}, `?access_token=${value}`), 400],
    ['in header and query', () => userinfo(header, `?access_token=${value}`), 400],
    ['in header and body', () => bare('/userinfo', { access_token: value }, header), 400],
    ['in body and query', () => bare(`/userinfo?access_token=${value}`, { access_token: value }), 400],
    ['twice in the body', () => bare('/userinfo', { access_token: [value, value] }), 400],
    ['twice in one header', () => userinfo({ authorization: `Bearer ${value}, Bearer ${value}` }), 400],
    ['behind Basic', () => userinfo({ authorization: `Basic ${value}` }), 400],
    ['behind DPoP', () => userinfo({ authorization: `DPoP ${value}` }), 400],
    ['bare', () => userinfo({ authorization: value }), 400],
    ['with an empty value', () => userinfo({ authorization: 'Bearer ' }), 400],
    ['once in the body (RFC 6750, 2.2)', () => bare('/userinfo', { access_token: value }), 200],
    ['whatever the case of the scheme', () => userinfo({ authorization: `bearer ${value}` }), 200],
  ];
  for (const [name, send, status] of places) t.equal((await send()).status, status, name);
  t.equal(await reads(value), 200, 'it lives on');
});

t.test('the token endpoint takes each thing as what it is', async (t) => {
  const issued = await code(own, jar, 'basic');
  const exchange = (value: unknown) => ({
    grant_type: 'authorization_code',
    code: value,
    code_verifier: issued.verifier,
    redirect_uri: redirect,
  });
  const refresh = (value: unknown, more = {}) => ({ grant_type: 'refresh_token', refresh_token: value, ...more });
  const cases: [string, string, Record<string, unknown>, string[]][] = [
    ['an access token to refresh with', 'basic', refresh(basic.access_token), ['invalid_grant']],
    ['an ID token to refresh with', 'basic', refresh(basic.id_token), ['invalid_grant']],
    ['a code to refresh with', 'basic', refresh(issued.code), ['invalid_grant']],
    ['nothing to refresh with', 'basic', refresh(''), ['invalid_request']],
    ['a refresh token as a code', 'basic', exchange(basic.refresh_token), ['invalid_grant']],
    ['an access token as a code', 'basic', exchange(basic.access_token), ['invalid_grant']],
    ['a code of nobody', 'basic', exchange(`07${'x'.repeat(43)}`), ['invalid_grant']],
    ['another client’s refresh token', 'basic', refresh(open.refresh_token), ['invalid_grant']],
    ['another client’s, the other way', 'public', refresh(basic.refresh_token), ['invalid_grant']],
    [
      'more scope than there was',
      'basic',
      refresh(basic.refresh_token, { scope: 'openid profile' }),
      ['invalid_scope'],
    ],
    [
      'a grant this client does not have',
      'signed',
      refresh(basic.refresh_token),
      ['unauthorized_client', 'invalid_request'],
    ],
    [
      'a service grant of a client without',
      'signed',
      { grant_type: 'client_credentials' },
      ['unauthorized_client', 'invalid_request'],
    ],
    [
      'a service grant of a public client',
      'public',
      { grant_type: 'client_credentials' },
      ['unauthorized_client', 'invalid_request'],
    ],
    ['the code of another client', 'signed', exchange(issued.code), ['invalid_grant']],
    [
      'another redirect address',
      'basic',
      { ...exchange(issued.code), redirect_uri: `${redirect}/` },
      ['invalid_grant'],
    ],
    [
      'no redirect address',
      'basic',
      { grant_type: 'authorization_code', code: issued.code, code_verifier: issued.verifier },
      ['invalid_request', 'invalid_grant'],
    ],
  ];
  for (const grant of [
    'password',
    'implicit',
    'urn:ietf:params:oauth:grant-type:device_code',
    'urn:ietf:params:oauth:grant-type:token-exchange',
    'urn:ietf:params:oauth:grant-type:jwt-bearer',
    'urn:openid:params:grant-type:ciba',
    '__proto__',
    'toString',
  ])
    cases.push([`grant type ${grant}`, 'basic', { grant_type: grant }, ['unsupported_grant_type']]);
  for (const [name, client, form, errors] of cases) {
    const { status, json } = await post(own, '/token', client, form as Record<string, string>);
    t.ok(status === 400 || status === 401, `${name}: ${status}`);
    t.ok(errors.includes(String(json.error)), `${name}: ${JSON.stringify(json)}`);
  }
  t.equal((await redeem(own, 'basic', issued)).status, 200, 'the code outlived them all');
  t.equal(await reads(basic.access_token), 200, 'and so did the tokens');
  const again = await post(own, '/token', 'public', refresh(open.refresh_token) as Record<string, string>);
  t.equal(again.status, 200, 'and whom they belong to');
  open.access_token = String(again.json.access_token);
  open.refresh_token = String(again.json.refresh_token);
});

t.test('an assertion is the client’s own, for us, for now, once', async (t) => {
  const now = Math.floor(Date.now() / 1000);
  const thief = await generateKeyPair('ES256');
  const larger = await generateKeyPair('ES384');
  const publicJwk = jwks.keys[0] as JsonWebKey;
  const pem = createPublicKey({ key: publicJwk, format: 'jwk' }).export({ type: 'spki', format: 'pem' }).toString();
  const secret = (text: string): Uint8Array => new TextEncoder().encode(text);
  const mine = { iss: 'signed', sub: 'signed', aud: own.issuer, exp: now + 60 };
  const fresh = () => ({ ...mine, jti: crypto.randomUUID() });
  const used = await assertion(own);
  const probe = (value: unknown, more = {}) =>
    bare('/introspect', {
      client_id: 'signed',
      client_assertion: value,
      client_assertion_type: assertionType,
      token: signed.access_token,
      ...more,
    });
  t.match((await probe(used)).json, { active: true }, 'a good one');

  const cases: Record<string, string | Promise<string>> = {
    'used before': used,
    'another audience': assertion(own, { aud: 'https://elsewhere.example' }),
    'a list of other audiences': assertion(own, { aud: ['https://elsewhere.example', `${own.issuer}.example`] }),
    'our address with a slash': assertion(own, { aud: `${own.issuer}/` }),
    'no audience': assertion(own, { aud: undefined }),
    'an audience that is a number': assertion(own, { aud: 7 }),
    'another issuer': assertion(own, { iss: 'basic' }),
    'no issuer': assertion(own, { iss: undefined }),
    'us as its issuer': assertion(own, { iss: own.issuer }),
    'another subject': assertion(own, { sub: 'basic' }),
    'a subject nobody knows': assertion(own, { sub: 'nobody' }),
    'no subject': assertion(own, { sub: undefined }),
    'no end': assertion(own, { exp: undefined }),
    'over since a minute': assertion(own, { iat: now - 120, exp: now - 60 }),
    'an end two hours ahead': assertion(own, { exp: now + 7200 }),
    'an end in words': assertion(own, { exp: 'tomorrow' }),
    'not yet begun': assertion(own, { nbf: now + 600 }),
    'a beginning in words': assertion(own, { nbf: 'now' }),
    'no jti': assertion(own, { jti: undefined }),
    'a jti that is a list': assertion(own, { jti: ['a'] }),
    'another key under the same name': assertion(own, {}, {}, thief.privateKey),
    'another key, brought along': assertion(own, {}, { kid: undefined, jwk: publicJwk }, thief.privateKey),
    'another algorithm': assertion(own, {}, { alg: 'ES384' }, larger.privateKey),
    'HS256 with the public key as JSON': assertion(own, {}, { alg: 'HS256' }, secret(JSON.stringify(publicJwk))),
    'HS256 with the public key as PEM': assertion(own, {}, { alg: 'HS256' }, secret(pem)),
    'HS256 with what stands for a secret': assertion(
      own,
      {},
      { alg: 'HS256' },
      secret('rests-as-a-keyed-hash'.padEnd(32, '.')),
    ),
    'alg none': new UnsecuredJWT(fresh()).encode(),
    'no signature': assertion(own).then((each) => each.replace(/[^.]+$/, '')),
    'another claim after signing': assertion(own).then((each) => {
      const [head, , tail] = each.split('.');
      return [head, Buffer.from(JSON.stringify(fresh())).toString('base64url'), tail].join('.');
    }),
    'the type of a logout token': assertion(own, {}, { typ: 'logout+jwt' }),
    'the type of an access token': assertion(own, {}, { typ: 'at+jwt' }),
    'the type of a request object': assertion(own, {}, { typ: 'oauth-authz-req+jwt' }),
    'our own ID token': String(signed.id_token),
    'a word': 'assertion',
    'three dots': '...',
    'a list': '[]',
  };
  for (const [name, value] of Object.entries(cases))
    refused(t, await probe(await value), ['invalid_client', 'invalid_request'], name);

  // the library also takes its own address, as a request tells it: ours is pinned, whatever the request says
  const form = { client_id: 'signed', client_assertion_type: assertionType, token: String(signed.access_token) };
  for (const [scheme, headers] of [
    ['http', { 'x-forwarded-host': 'elsewhere.example' }],
    ['https', { 'x-forwarded-host': 'elsewhere.example', 'x-forwarded-proto': 'https' }],
    ['http', { host: 'elsewhere.example' }],
  ] as const) {
    for (const path of ['token', 'introspect']) {
      const value = await assertion(own, { aud: `${scheme}://elsewhere.example/${path}` });
      const body = new URLSearchParams({ ...form, client_assertion: value }).toString();
      t.equal(
        await forged('/introspect', body, headers),
        401,
        `for ${path} of the host it forges: ${JSON.stringify(headers)}`,
      );
    }
  }
  t.equal(
    await forged('/introspect', new URLSearchParams({ ...form, client_assertion: await assertion(own) }).toString(), {
      host: 'elsewhere.example',
    }),
    200,
  );

  const types: [string, object][] = [
    ['no type', { client_assertion_type: '' }],
    ['a SAML type', { client_assertion_type: 'urn:ietf:params:oauth:client-assertion-type:saml2-bearer' }],
    ['two types', { client_assertion_type: [assertionType, assertionType] }],
    ['another client’s name beside it', { client_id: 'basic' }],
  ];
  for (const [name, more] of types)
    refused(t, await probe(await assertion(own), more), ['invalid_client', 'invalid_request'], name);
  refused(t, await probe([await assertion(own), await assertion(own)]), ['invalid_request'], 'two assertions');
  for (const aud of [`${own.issuer}/token`, `${own.issuer}/introspect`, [own.issuer, 'https://elsewhere.example']])
    t.match((await probe(await assertion(own, { aud }))).json, { active: true }, `for ${aud}`);
  for (const typ of ['JWT', 'jwt', 'client-authentication+jwt', 'application/client-authentication+jwt'])
    t.match((await probe(await assertion(own, {}, { typ }))).json, { active: true }, `a type it may have: ${typ}`);
});

t.test('a client shows who it is the one way its record says', async (t) => {
  const previous = own.secret;
  const form = { token: basic.access_token };
  const asserted = async (client: string) => ({
    client_id: client,
    client_assertion: await assertion(own, { iss: client, sub: client }),
    client_assertion_type: assertionType,
  });
  const cases: [string, Record<string, unknown>, object][] = [
    ['nothing', {}, {}],
    ['a name alone, of a client with a secret', { client_id: 'basic' }, {}],
    ['a name alone, of a client with a key', { client_id: 'signed' }, {}],
    ['a name nobody knows', { client_id: 'nobody' }, {}],
    ['a name of the language', { client_id: '__proto__' }, {}],
    ['a wrong secret', {}, basicHeader('basic', 'wrong')],
    ['an empty secret', {}, basicHeader('basic', '')],
    ['what stands for a secret inside', {}, basicHeader('basic', 'rests-as-a-keyed-hash')],
    ['half a secret', {}, basicHeader('basic', previous.slice(0, -1))],
    ['a secret and a zero', {}, basicHeader('basic', `${previous}%00`)],
    ['no colon', {}, { authorization: `Basic ${Buffer.from('basic').toString('base64')}` }],
    ['no Base64', {}, { authorization: 'Basic !!!' }],
    ['broken percent signs', {}, basicHeader('basic', '%zz')],
    ['a Bearer token', {}, { authorization: `Bearer ${basic.access_token}` }],
    ['the secret in the body', { client_id: 'basic', client_secret: previous }, {}],
    ['a wrong secret, and the right one in the body', { client_secret: previous }, basicHeader('basic', 'wrong')],
    ['secret and assertion', await asserted('basic'), basicHeader('basic', previous)],
    ['the name of one and the secret of another', { client_id: 'signed' }, basicHeader('basic', previous)],
    ['two names', { client_id: ['basic', 'signed'] }, basicHeader('basic', previous)],
    ['a secret client with an assertion', await asserted('basic'), {}],
    ['a key client with a secret', {}, basicHeader('signed', previous)],
    ['a key client with what stands for a secret', {}, basicHeader('signed', 'rests-as-a-keyed-hash')],
    ['a public client with a secret', {}, basicHeader('public', previous)],
    ['a public client with an assertion', await asserted('public'), {}],
  ];
  for (const path of ['/token', '/introspect', '/revoke']) {
    for (const [name, more, headers] of cases) {
      const body = path === '/token' ? { grant_type: 'client_credentials' } : form;
      refused(
        t,
        await bare(path, { ...body, ...more }, headers),
        ['invalid_client', 'invalid_request'],
        `${path}, ${name}`,
      );
    }
  }
  t.equal(await reads(basic.access_token), 200, 'nothing was revoked');

  const second = await own.clients.newSecret('basic');
  const third = await own.clients.newSecret('basic');
  const says = async (secret?: string) => (await bare('/introspect', form, basicHeader('basic', secret ?? ''))).status;
  t.strictSame([await says(previous), await says(second), await says(third)], [401, 200, 200], 'two secrets overlap');
  t.match((await bare('/introspect', form, basicHeader('basic', third ?? ''))).json, { active: true });
  (own as { secret: string }).secret = third ?? '';
});

t.test('introspection and revocation speak of a client’s own tokens only', async (t) => {
  const inspect = async (client: string, token: unknown, hint?: string) =>
    post(own, '/introspect', client, { token: String(token), ...(hint ? { token_type_hint: hint } : {}) });
  const mine: [string, unknown][] = [
    ['access token', basic.access_token],
    ['refresh token', basic.refresh_token],
    ['service token', service.access_token],
  ];
  for (const [name, token] of mine) {
    for (const hint of [undefined, 'access_token', 'refresh_token', 'nonsense'])
      t.match((await inspect('basic', token, hint)).json, { active: true, client_id: 'basic' }, `${name}, ${hint}`);
    t.strictSame((await inspect('signed', token)).json, { active: false }, `${name} of another`);
    t.strictSame((await inspect('basic', bent(String(token)))).json, { active: false }, `${name}, bent`);
  }
  for (const client of ['basic', 'signed'])
    t.strictSame((await inspect(client, open.access_token)).json, { active: false }, 'of a public client');
  t.strictSame((await inspect('public', basic.access_token)).json, { active: false }, 'anybody could ask in its name');
  t.strictSame(
    (await inspect('public', open.access_token)).json,
    { active: false },
    'also of its own: discovery offers no such way (RFC 7662, 2.1)',
  );
  t.match(await inspect('basic', basic.id_token), { status: 400, json: { error: 'unsupported_token_type' } });
  const unspent = await code(own, jar, 'basic');
  t.strictSame((await inspect('basic', unspent.code)).json, { active: false }, 'a code is no token');
  t.equal((await redeem(own, 'basic', unspent)).status, 200);

  const before = await issue('basic');
  for (const client of ['signed', 'public'])
    for (const token of [before.access_token, before.refresh_token, `07${'x'.repeat(43)}`])
      t.equal((await post(own, '/revoke', client, { token: String(token) })).status, 200, 'says nothing');
  t.equal(await reads(before.access_token), 200, 'and did nothing');
  t.match((await inspect('basic', before.refresh_token)).json, { active: true });
  t.equal((await post(own, '/revoke', 'basic', { token: String(before.access_token) })).status, 200);
  t.equal(await reads(before.access_token), 401);
  t.match((await inspect('basic', before.refresh_token)).json, { active: true }, 'an access token goes alone');
  t.equal((await post(own, '/revoke', 'basic', { token: String(before.refresh_token) })).status, 200);
  t.strictSame((await inspect('basic', before.refresh_token)).json, { active: false });
  t.equal((await post(own, '/revoke', 'basic', { token: String(before.refresh_token) })).status, 200, 'twice');
});

t.test('no refusal was a fault', async (t) => {
  t.same(
    own.errors.filter((error) => !((error as { statusCode?: number }).statusCode! < 500)),
    [],
  );
});
