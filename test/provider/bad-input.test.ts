import t from 'tap';
import { Jar, pkce } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { authorizeUrl, code, jwks, post, redeem } from '../support/department.ts';
import { op, redirect } from '../support/op.ts';
import { authorize, errorOf, form, gateway, good, refusedByPage, registered } from './public-listener.ts';

/** What no department should ask: refused with a clear answer, and nothing written, shown or followed. */
const own = await gateway(t);
const { send, issuer, rows, posted } = own;

t.test('what is right goes on to our page', async (t) => {
  await send(authorize()); // the first one also begins the count of its address
  const before = await rows();
  const answer = await send(authorize());
  t.equal(answer.status, 303);
  t.equal(await rows(), before + 1, 'one interaction');
  t.match(answer.headers.location, /^\/signin\/[\w-]+$/);
  t.match((await posted(form(good))).headers.location, /^\/signin\/[\w-]+$/, 'posted (OpenID Connect Core, 3.1.2.1)');
  for (const more of [
    { unknown: 'x' },
    { 'client_id[]': 'x' },
    { 'scope[a]': 'b' },
    { __proto__x: 'y' },
    { constructor: 'z' },
  ])
    t.match((await send(authorize(more as never))).headers.location, /^\/signin\//, `ignored: ${JSON.stringify(more)}`);
});

t.test('redirect_uri: exactly a registered one', async (t) => {
  const mutations: Record<string, string> = {
    empty: '',
    'a space': ' ',
    'a space before': ` ${registered}`,
    'a space after': `${registered} `,
    'upper case in the scheme': registered.replace('http', 'HTTP'),
    'upper case in the path': registered.replace('callback', 'Callback'),
    'another port': registered.replace('4205', '4206'),
    'no port': registered.replace(':4205', ''),
    'a port with a zero': registered.replace('4205', '04205'),
    'port 0': registered.replace('4205', '0'),
    https: registered.replace('http', 'https'),
    localhost: registered.replace('127.0.0.1', 'localhost'),
    'IPv6 loopback': registered.replace('127.0.0.1', '[::1]'),
    'a short loopback': registered.replace('127.0.0.1', '127.1'),
    'loopback as a number': registered.replace('127.0.0.1', '2130706433'),
    'loopback in hex': registered.replace('127.0.0.1', '0x7f000001'),
    'loopback with a dot': registered.replace('127.0.0.1', '127.0.0.1.'),
    'the neighbour of loopback': registered.replace('127.0.0.1', '127.0.0.2'),
    'any address': registered.replace('127.0.0.1', '0.0.0.0'),
    'a slash after': `${registered}/`,
    'two slashes': registered.replace('/callback', '//callback'),
    'a dot segment': registered.replace('/callback', '/./callback'),
    'a parent segment': registered.replace('/callback', '/x/../callback'),
    'an encoded parent segment': registered.replace('/callback', '/x/%2e%2e/callback'),
    'an encoded slash': registered.replace('/callback', '%2fcallback'),
    'an encoded letter': registered.replace('callback', '%63allback'),
    'a longer path': `${registered}/next`,
    'a shorter path': registered.replace('/callback', ''),
    'a suffix': `${registered}s`,
    'path parameters': `${registered};a=b`,
    'a query': `${registered}?next=https://evil.example`,
    'an empty query': `${registered}?`,
    'a fragment': `${registered}#access_token`,
    'an empty fragment': `${registered}#`,
    'a user before the host': registered.replace('127', 'evil.example@127'),
    'a host after a user': registered.replace('/callback', '@evil.example/callback'),
    'a backslash': registered.replace('/callback', '\\callback'),
    'a backslash host': registered.replace('http://', 'http:\\\\evil.example\\'),
    'a tab': registered.replace('call', 'call\t'),
    'a line feed': `${registered}\nSet-Cookie: a=b`,
    'carriage return and line feed': `${registered}\r\nLocation: https://evil.example`,
    'a NUL': `${registered}\0`,
    'a NUL and another host': `${registered}\0.evil.example`,
    'another host': 'https://evil.example/callback',
    'our host as a subdomain': registered.replace('127.0.0.1', '127.0.0.1.evil.example'),
    'no scheme': '//evil.example/callback',
    'a path': '/callback',
    javascript: 'javascript:alert(1)//127.0.0.1:4205/callback',
    data: 'data:text/html,<script>alert(1)</script>',
    'a scheme of an app': 'egret://callback',
    blob: `blob:${registered}`,
    file: 'file:///etc/passwd',
    'digits of another script': registered.replace('127', '１２７'),
    'a homograph': 'http://127.0.0.1:4205/сallback',
    'an international name': 'https://例え.example/callback',
    'its Punycode': 'https://xn--r8jz45g.example/callback',
    'a dot of another script': registered.replace('127.0', '127。0'),
    'a soft hyphen': registered.replace('call', 'call­'),
    'text turned round': `‮${registered}`,
    'another client’s': 'http://127.0.0.1:4201/callback',
    ours: `${issuer}/account`,
    'a list': `${registered},https://evil.example`,
    'two of them': `${registered} https://evil.example`,
    markup: `${registered}"><script>alert(1)</script>`,
    'ten thousand characters': `${registered}?${'a'.repeat(10_000)}`,
  };
  t.ok(Object.keys(mutations).length >= 40);
  const before = await rows();
  for (const [name, value] of Object.entries(mutations)) {
    for (const [how, answer] of [
      ['GET', await send(authorize({ redirect_uri: value }))],
      ['POST', await posted(form({ ...good, redirect_uri: value }))],
      ['beside another error', await send(authorize({ redirect_uri: value, response_type: 'token' }))],
      ['prompt=none', await send(authorize({ redirect_uri: value, prompt: 'none' }))],
    ] as const) {
      refusedByPage(t, answer, `${name}, ${how}`, /EG-1602|EG-1005/);
      if (value.trim()) t.notOk(answer.body.includes(value), `${name}, ${how}: not shown`);
      t.notMatch(
        answer.body,
        /(?:href|content|action|src)="?[^"]{0,20}:?\/\/evil|<script>alert|javascript:alert/,
        `${name}, ${how}`,
      );
    }
  }
  const raw: Record<string, string> = {
    twice: authorize({}, `&redirect_uri=${encodeURIComponent(registered)}`),
    'twice, another': authorize({}, '&redirect_uri=https://evil.example'),
    'an array': authorize().replace('redirect_uri=', 'redirect_uri[]='),
    'an object': authorize().replace('redirect_uri=', 'redirect_uri[a]='),
    'left out': authorize().replace(/redirect_uri=[^&]*&/, ''),
    'bytes that are no text': authorize().replace('callback', 'callback%ff'),
    'encoded twice': authorize({ redirect_uri: encodeURIComponent(registered) }),
    'a broken escape': authorize().replace('callback', 'callback%zz'),
    'half an escape': authorize().replace('callback', 'callback%'),
    'an overlong slash': authorize().replace('callback', 'callback%c0%af'),
    'a lone surrogate': authorize().replace('callback', 'callback%ed%a0%80'),
  };
  for (const [name, path] of Object.entries(raw)) refusedByPage(t, await send(path), name, /EG-1602|EG-1001/);
  t.equal(await rows(), before, 'nothing was written');
});

t.test('a client that is none, or another', async (t) => {
  const before = await rows();
  for (const id of [
    '',
    'nobody',
    'HAOCHAPING',
    ' haochaping',
    'haochaping\0',
    '__proto__',
    'constructor',
    '<b>',
    'x'.repeat(10_000),
  ])
    refusedByPage(t, await send(authorize({ client_id: id })), `client ${JSON.stringify(id).slice(0, 30)}`, /EG-1602/);
  refusedByPage(t, await send(authorize({ client_id: 'renshe' })), 'another client with this address');
  refusedByPage(t, await send(authorize({}, '&client_id=renshe')), 'two clients');
  refusedByPage(t, await send(authorize({ client_id: 'egret-account' })), 'our own');
  t.equal(await rows(), before, 'nothing was written');
});

t.test('each parameter once', async (t) => {
  const before = await rows();
  const more = {
    nonce: 'n',
    prompt: 'login',
    max_age: '5',
    acr_values: 'urn:egret:r1a1',
    login_hint: 'x',
    ui_locales: 'en',
    id_token_hint: 'x',
    response_mode: 'query',
    display: 'page',
    claims_locales: 'en',
  };
  for (const name of Object.keys({ ...good, ...more })) {
    const answer = await send(authorize(more, `&${name}=twice`));
    if (name === 'client_id' || name === 'redirect_uri') refusedByPage(t, answer, name, /EG-1602/);
    else t.ok(answer.headers.location?.startsWith(`${registered}?`) && errorOf(answer) === 'invalid_request', name);
    const again = await posted(form(`${new URLSearchParams({ ...good, ...more })}&${name}=twice`));
    if (name === 'client_id' || name === 'redirect_uri') refusedByPage(t, again, name, /EG-1602/);
    else t.equal(errorOf(again), 'invalid_request', `${name}, posted`);
  }
  const exchange = {
    grant_type: 'authorization_code',
    client_id: 'haochaping',
    code: '07x',
    redirect_uri: registered,
    code_verifier: 'v'.repeat(43),
    refresh_token: '07x',
    scope: 'openid',
    client_assertion: 'a.b.c',
    client_assertion_type: 'x',
  };
  for (const name of Object.keys(exchange)) {
    const answer = await send('/token', form(`${new URLSearchParams(exchange)}&${name}=twice`));
    t.ok(answer.status === 400 || answer.status === 401, name);
    t.match(errorOf(answer), /^invalid_(request|client)$/, name);
  }
  for (const path of ['/introspect', '/revoke'])
    for (const name of ['token', 'token_type_hint', 'client_id'])
      t.equal(
        (await send(path, form(`client_id=haochaping&token=07x&token_type_hint=x&${name}=2`))).status,
        400,
        `${path} ${name}`,
      );
  t.equal(await rows(), before, 'nothing was written');
});

t.test('PKCE: S256 for everybody, and the code waits for the right word', async (t) => {
  const near = await op(t, await database(t), undefined, jwks);
  const { verifier, challenge } = pkce();
  const ask = async (more: Record<string, string | undefined>) => {
    const url = new URL(authorizeUrl(near, 'basic', challenge));
    for (const [name, value] of Object.entries(more))
      if (value === undefined) url.searchParams.delete(name);
      else url.searchParams.set(name, value);
    const answer = await fetch(url, { redirect: 'manual' });
    return new URL(answer.headers.get('location') ?? 'none:', near.issuer).searchParams.get('error');
  };
  const cases: [string, Record<string, string | undefined>][] = [
    ['none', { code_challenge: undefined, code_challenge_method: undefined }],
    ['no method (which would be plain)', { code_challenge_method: undefined }],
    ['plain', { code_challenge: verifier, code_challenge_method: 'plain' }],
    ['s256', { code_challenge_method: 's256' }],
    ['S512', { code_challenge_method: 'S512' }],
    ['a method alone', { code_challenge: undefined }],
    ['a short challenge', { code_challenge: challenge.slice(0, 42) }],
    ['a long challenge', { code_challenge: challenge.padEnd(129, 'x') }],
    ['a challenge of other characters', { code_challenge: `${challenge.slice(0, 42)}+` }],
  ];
  for (const [name, more] of cases) t.equal(await ask(more), 'invalid_request', name);

  const jar = new Jar();
  for (const client of ['basic', 'public']) {
    const issued = await code(near, jar, client);
    const wrong: Record<string, string>[] = [
      {},
      { code_verifier: pkce().verifier },
      { code_verifier: issued.verifier.slice(0, 42) },
      { code_verifier: `${issued.verifier}x` },
      { code_verifier: 'x'.repeat(129) },
      { code_verifier: challenge },
      { code_verifier: issued.verifier.toUpperCase() },
    ];
    for (const more of wrong) {
      const form = { grant_type: 'authorization_code', code: issued.code, redirect_uri: redirect, ...more };
      const answer = await post(near, '/token', client, form);
      t.equal(answer.status, 400, JSON.stringify(more));
      t.match(answer.json.error, /^invalid_(grant|request)$/);
    }
    for (const other of ['basic', 'signed', 'public'].filter((each) => each !== client))
      t.match(
        await redeem(near, other, issued),
        { status: 400, json: { error: 'invalid_grant' } },
        `${other} for ${client}`,
      );
    const tokens = await redeem(near, client, issued);
    t.equal(tokens.status, 200, 'none of it spent the code');
    const info = await fetch(`${near.issuer}/userinfo`, {
      headers: { authorization: `Bearer ${tokens.json.access_token}` },
    });
    t.equal(info.status, 200, 'nor ended the authorisation');
  }
});

t.test('and through all of it no stack, no library, no fault', async (t) => {
  t.ok(own.said.length > 200);
  for (const text of own.said) {
    if (/node_modules|oidc-provider|\bat [\w.<>]+ \(|\.(?:ts|js):\d+|fastify|FST_ERR/i.test(text))
      t.fail(text.slice(0, 300));
  }
  t.notMatch(own.log(), /unexpected fault/);
});
