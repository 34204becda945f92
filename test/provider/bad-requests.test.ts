import t from 'tap';
import { until } from '../support/processes.ts';
import {
  type Answer,
  authorize,
  errorOf,
  form,
  gateway,
  good,
  refusedByPage,
  registered,
  type Sent,
} from './public-listener.ts';

/** Requests that are hardly any: too large, of another type, in no known text, for another host or another listener. */
const own = await gateway(t);
const { send, issuer, rows, posted } = own;

t.test('sizes', async (t) => {
  const before = await rows();
  const long = 'x'.repeat(100_000);
  const cases: [string, string, Sent, number[]][] = [
    ['a URL of 100 kB', authorize({ state: long }), {}, [414, 431]],
    ['a header of 100 kB', authorize(), { headers: { 'x-long': long } }, [431]],
    ['a cookie of 100 kB', authorize(), { headers: { cookie: `egret=${long}` } }, [431]],
    [
      'a body of 100 kB',
      '/token',
      form({ grant_type: 'refresh_token', client_id: 'haochaping', refresh_token: long }),
      [400, 413],
    ],
    ['a posted request of 100 kB', '/authorize', form({ ...good, state: long }), [400, 413]],
    ['ten thousand parameters', '/token', form('a=b&'.repeat(10_000)), [400]],
    ['a hundred thousand brackets', '/revoke', form(`${'['.repeat(50_000)}=x`), [400]],
    ['a form of a page of 100 kB', '/session/end', form({ state: long }), [400, 413]],
    [
      'a code of 40 kB',
      '/token',
      form({
        grant_type: 'authorization_code',
        client_id: 'haochaping',
        code: 'x'.repeat(40_000),
        redirect_uri: registered,
        code_verifier: 'v'.repeat(43),
      }),
      [400],
    ],
    ['a cookie of 8 kB', authorize({ prompt: 'none' }), { headers: { cookie: `egret=07${'x'.repeat(8_000)}` } }, [303]],
  ];
  for (const [name, path, sent, statuses] of cases) {
    const answer = await send(path, sent);
    t.ok(statuses.includes(answer.status), `${name}: ${answer.status}`);
  }
  t.equal(await rows(), before, 'nothing was written');
});

t.test('types, charsets and bytes of a body', async (t) => {
  const before = await rows();
  const fields = { grant_type: 'refresh_token', client_id: 'haochaping', refresh_token: '07x' };
  const body = new URLSearchParams(fields).toString();
  const types: [string, Record<string, string>, string | Buffer][] = [
    ['JSON', { 'content-type': 'application/json' }, JSON.stringify(fields)],
    ['text', { 'content-type': 'text/plain' }, body],
    [
      'multipart',
      { 'content-type': 'multipart/form-data; boundary=x' },
      `--x\r\ncontent-disposition: form-data; name="grant_type"\r\n\r\nrefresh_token\r\n--x--`,
    ],
    ['XML', { 'content-type': 'application/xml' }, '<!DOCTYPE x [<!ENTITY e SYSTEM "file:///etc/passwd">]><x>&e;</x>'],
    ['no type', {}, body],
    ['a type that is none', { 'content-type': 'nonsense' }, body],
    ['an unknown charset', { 'content-type': 'application/x-www-form-urlencoded; charset=klingon' }, body],
    ['UTF-16 said, ASCII sent', { 'content-type': 'application/x-www-form-urlencoded; charset=utf-16le' }, body],
    [
      'compressed',
      { 'content-type': 'application/x-www-form-urlencoded', 'content-encoding': 'gzip' },
      Buffer.from([31, 139, 8, 0]),
    ],
    [
      'bytes that are no text',
      { 'content-type': 'application/x-www-form-urlencoded' },
      Buffer.from([255, 254, 0, 128, 61, 255]),
    ],
    ['empty', { 'content-type': 'application/x-www-form-urlencoded' }, ''],
    [
      'broken escapes',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'grant_type=%&client_id=%zz&refresh_token=%c0%af',
    ],
    [
      'arrays',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'grant_type[]=refresh_token&client_id[a]=haochaping',
    ],
    [
      'names of the language',
      { 'content-type': 'application/x-www-form-urlencoded' },
      '__proto__=x&constructor=y&toString=z',
    ],
  ];
  for (const [name, headers, sent] of types) {
    for (const path of ['/token', '/introspect', '/revoke']) {
      const answer = await send(path, { method: 'POST', headers, body: sent });
      t.ok(answer.status >= 400 && answer.status < 500, `${name}, ${path}: ${answer.status}`);
      t.match(errorOf(answer) ?? answer.body, /^[a-z_]+$|EG-1007/, `${name}, ${path}`);
    }
    const answer = await posted({ method: 'POST', headers, body: sent });
    refusedByPage(t, answer, `${name}, /authorize`, /EG-1602|EG-1001|EG-1007/);
  }
  refusedByPage(t, await send('/authorize?posted=x'), 'nothing that was posted here', /EG-1602/);
  const personal = form({ ...good, redirect_uri: 'http://127.0.0.1:9/other', login_hint: '15400000629' });
  const page = await posted(personal);
  refusedByPage(t, page, 'another address', /EG-1602/);
  t.match(page.body, /\/preferences\?[^"]*posted/, 'the other language is asked for with what was posted, sealed');
  t.notMatch(page.body, /15400000629/);
  t.equal(await rows(), before, 'nothing was written');
});

t.test('text where it does not belong', async (t) => {
  const texts = {
    NUL: '\0',
    'a line end': 'a\r\nb',
    markup: '"><script>alert(1)</script>',
    'a lone byte': '\udc80',
    emoji: '🦆'.repeat(50),
  };
  for (const name of [
    'state',
    'nonce',
    'login_hint',
    'ui_locales',
    'acr_values',
    'id_token_hint',
    'prompt',
    'max_age',
    'scope',
    'response_type',
    'response_mode',
    'code_challenge',
    'code_challenge_method',
    'display',
  ]) {
    for (const [what, text] of Object.entries(texts)) {
      const answer = await send(authorize({ [name]: text }));
      t.ok(answer.status < 500, `${name}, ${what}: ${answer.status}`);
      t.notMatch(answer.body, /<script>alert/, `${name}, ${what}`);
      if (answer.headers.location) t.notMatch(answer.headers.location, /[\r\n<>"]/, `${name}, ${what}`);
    }
  }
  for (const path of [
    '/%',
    '/%zz',
    '/%00',
    '/signin/%00',
    '/signin/..%2f..%2fetc%2fpasswd',
    `/signin/${'x'.repeat(5_000)}`,
    '/authorize/%00',
    '/authorize/nobody',
    '/authorize/%2e%2e',
    '//evil.example/',
    '/\\evil.example',
    '/.git/config',
    '/package.json',
    '/src/main.ts',
  ]) {
    const answer = await send(path);
    t.ok(answer.status >= 400 && answer.status < 500, `${path.slice(0, 40)}: ${answer.status}`);
    if (answer.status !== 410) t.match(answer.body, /EG-10\d\d|EG-16\d\d/, path.slice(0, 40));
    t.notMatch(answer.headers.location ?? '', /evil/, path);
  }
  for (const [path, methods] of Object.entries({
    '/token': ['GET', 'PUT', 'DELETE', 'PATCH', 'HEAD'],
    '/introspect': ['GET', 'PUT'],
    '/revoke': ['GET', 'DELETE'],
    '/authorize': ['PUT', 'DELETE', 'PATCH'],
    '/jwks': ['POST', 'DELETE'],
    '/.well-known/openid-configuration': ['POST', 'PUT'],
  }))
    for (const method of methods) {
      const answer = await send(path, { method });
      t.ok(answer.status === 404 || answer.status === 405, `${method} ${path}: ${answer.status}`);
    }
});

t.test('whatever a request says of host, scheme and sender, the answer speaks of the issuer', async (t) => {
  const forged: Record<string, string>[] = [
    { host: 'evil.example' },
    { host: 'evil.example:80' },
    { host: '' },
    { 'x-forwarded-host': 'evil.example', 'x-forwarded-proto': 'https', 'x-forwarded-port': '443' },
    { 'x-forwarded-for': '6.6.6.6', 'x-real-ip': '6.6.6.6', forwarded: 'for=6.6.6.6;host=evil.example;proto=https' },
    { 'x-original-url': '/metrics', 'x-rewrite-url': '/metrics', 'x-http-method-override': 'DELETE' },
    { 'x-forwarded-prefix': '/evil', 'x-forwarded-server': 'evil.example' },
  ];
  const plain = (await send('/.well-known/openid-configuration')).body;
  t.equal(JSON.parse(plain).issuer, issuer);
  for (const headers of forged) {
    const name = JSON.stringify(headers);
    t.equal((await send('/.well-known/openid-configuration', { headers })).body, plain, name);
    const begun = await send(authorize(), { headers });
    t.match(begun.headers.location, /^\/signin\/[\w-]+$/, name);
    for (const cookie of begun.headers['set-cookie'] ?? []) t.notMatch(cookie, /domain=|evil/i, name);
    const none = await send(authorize({ prompt: 'none' }), { headers });
    t.equal(new URL(none.headers.location ?? '').searchParams.get('iss'), issuer, name);
    const page = await send(authorize({ redirect_uri: 'x' }), { headers });
    const token = await send('/token', form({ grant_type: 'x' }, headers));
    const signIn = await send(begun.headers.location ?? '', { headers: { ...headers, cookie: cookiesOf(begun) } });
    t.equal(signIn.status, 200, name);
    for (const answer of [begun, none, page, token, signIn]) {
      t.notMatch(answer.body, /evil|6\.6\.6\.6/, name);
      t.notMatch(JSON.stringify(answer.headers), /evil|6\.6\.6\.6/, name);
    }
  }
  const absolute = await send('http://evil.example/.well-known/openid-configuration');
  t.notMatch(absolute.body, /evil/);
});

const cookiesOf = ({ headers }: Answer): string =>
  (headers['set-cookie'] ?? []).map((cookie) => cookie.split(';')[0]).join('; ');

t.test('what operators see is not on this listener', async (t) => {
  for (const path of [
    '/healthz',
    '/readyz',
    '/metrics',
    '/bridge/public-keys',
    '/metrics/',
    '/Metrics',
    '/%6detrics',
    '/./metrics',
    '/admin',
    '/debug',
    '/reg',
    '/device',
    '/request',
    '/backchannel',
    '/me',
    '/session',
    '/interaction/x',
  ]) {
    const answer = await send(path);
    t.equal(answer.status, 404, path);
    t.notMatch(answer.body, /egret_|process_cpu|"ok":true|signKey/, path);
  }
});

t.test('a department that an operator stops is refused at every door, and only it', async (t) => {
  const stopped = { client_id: 'jianguan', redirect_uri: 'http://127.0.0.1:4204/callback' };
  const signOut = (id: string) => send(`/session/end?client_id=${id}`);
  t.equal((await send(authorize(stopped))).status, 303);
  t.equal((await signOut('jianguan')).status, 303);
  t.equal(await own.egret('clients', 'stop', 'jianguan', '--reason', 'incident'), 0);
  const told = performance.now();
  await until(async () => (await send(authorize(stopped))).status === 400);
  t.comment(`${Math.round(performance.now() - told)} ms after the command ended (1 s is promised)`);
  refusedByPage(t, await send(authorize(stopped)), 'authorize', /EG-1602/);
  refusedByPage(t, await send(authorize({ ...stopped, prompt: 'none' })), 'authorize, prompt=none', /EG-1602/);
  const out = await signOut('jianguan');
  t.ok(out.status >= 400 && out.status < 500, `sign-out: ${out.status}`);
  t.match(out.body, /EG-1\d{3}/);
  for (const path of ['/token', '/introspect', '/revoke']) {
    const answer = await send(
      path,
      form({ client_id: 'jianguan', grant_type: 'refresh_token', token: '07x', refresh_token: '07x' }),
    );
    t.match([answer.status, errorOf(answer)], [401, 'invalid_client'], path);
  }
  t.equal((await send(authorize())).status, 303, 'the others go on');
  t.equal((await signOut('haochaping')).status, 303);
});

t.test('and through all of it no stack, no library, no fault', async (t) => {
  t.ok(own.said.length > 100);
  for (const text of own.said) {
    if (/node_modules|oidc-provider|\bat [\w.<>]+ \(|\.(?:ts|js):\d+|fastify|FST_ERR/i.test(text))
      t.fail(text.slice(0, 300));
  }
  t.notMatch(own.log(), /unexpected fault/);
});
