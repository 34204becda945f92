import t from 'tap';
import { newCaller } from './client.ts';
import { returnUrl, start, world } from './world.ts';

const page = (url: string, query: Record<string, string>) =>
  fetch(`${url}/dataset/UnifiedController/login.do?${new URLSearchParams(query)}`, { redirect: 'manual' });

t.test('the page: a strip, the people, no password, no script', async (t) => {
  const province = await world(t);
  const response = await page(province.url, { callerCode: 'EGRET', returnurl: returnUrl });
  const text = await response.text();
  t.equal(response.status, 200);
  t.match(response.headers.get('content-security-policy'), /default-src 'none'.*frame-ancestors 'none'/);
  t.equal(response.headers.get('cache-control'), 'no-store');
  t.match(text, /class="strip">演示/);
  t.match(text, 'value="two-accounts-2"');
  t.match(text, '测试𠮷');
  t.notMatch(text, /<script|type="password"|onclick/i);
  t.match(
    await page(province.url, { callerCode: 'EGRET', returnurl: `${returnUrl}"><script>` }).then((one) => one.text()),
    '&#34;&#62;&#60;script&#62;',
  );
});

t.test('only to a registered address: nobody is sent anywhere else', async (t) => {
  const province = await world(t);
  await province.register(province.caller, {
    returnUrlPrefixes: ['http://localhost:4000/signin/', 'https://city.example/'],
  });
  t.equal((await page(province.url, { callerCode: 'EGRET', returnurl: 'https://city.example/x' })).status, 200);
  const addresses = [
    '',
    'https://city.example.evil.example/',
    'https://city.example:8443/',
    'https://city.example@evil.example/',
    'http://localhost:4000@evil.example/signin/x',
    'http://user@localhost:4000/signin/x',
    'http://localhost:4001/signin/x',
    'https://localhost:4000/signin/x',
    'http://localhost:4000/other',
    'http://localhost:4000/signin/../other',
    'http://localhost:4000/signin/x#fragment',
    'http://localhost:4000/signin/x?trustticket=mine',
    '//localhost:4000/signin/x',
    'javascript:alert(1)',
  ];
  for (const returnurl of addresses) {
    const shown = await page(province.url, { callerCode: 'EGRET', returnurl });
    t.equal(shown.status, 400, `GET ${returnurl}`);
    const { response, location } = await province.signIn({ person: 'jia' }, { returnurl });
    t.same([response.status, location], [400, null], `POST ${returnurl}`);
  }
  t.equal((await page(province.url, { callerCode: 'NOBODY', returnurl: returnUrl })).status, 400);
  const twice = `callerCode=EGRET&returnurl=${encodeURIComponent(returnUrl)}&returnurl=x`;
  t.equal((await fetch(`${province.url}/dataset/UnifiedController/login.do?${twice}`)).status, 400);
  await province.register(province.caller, { disabled: true });
  t.equal((await page(province.url, { callerCode: 'EGRET', returnurl: returnUrl })).status, 400);
});

t.test('back with a ticket of 256 bits, what was in the address kept', async (t) => {
  const province = await world(t);
  const { response, location, ticket } = await province.signIn({ person: 'jia' });
  t.equal(response.status, 303);
  t.equal(location, `${returnUrl}&trustticket=${ticket}`);
  t.equal(Buffer.from(ticket, 'base64url').length, 32);
  const plain = await province.signIn(
    { number: '350299199001010117' },
    { returnurl: 'http://localhost:4000/signin/a' },
  );
  t.match(plain.location, /^http:\/\/localhost:4000\/signin\/a\?trustticket=/);
});

t.test('a number is typed: folded, guarded, and asked again where it has two accounts', async (t) => {
  const province = await world(t);
  t.equal((await province.signIn({ number: '３５０２９９１９８８０８０８００４ｘ' })).response.status, 303);
  const two = await province.signIn({ number: '350299198507075052' });
  t.equal(two.response.status, 422);
  const text = await two.response.text();
  t.match(text, '两个账号');
  t.same(text.match(/value="two-accounts-\d"/g), ['value="two-accounts-1"', 'value="two-accounts-2"']);
  t.notMatch(text, 'value="jia"');
  for (const number of ['350299199001010118', '']) {
    const { response } = await province.signIn({ number });
    t.equal(response.status, 422, number);
  }
  t.equal((await province.signIn({ person: 'nobody' })).response.status, 422);
});

t.test('once means once, and a second use ends the session', async (t) => {
  const province = await world(t);
  const { ticket } = await province.signIn({ person: 'jia' });
  const first = await province.exchange(ticket);
  const { USER_ID, USER_TOKEN } = first.data!;
  t.equal((await province.ask('X020', { USER_ID, USER_TOKEN })).code, '0000');
  t.match(await province.exchange(ticket), { success: false, code: '1203', data: undefined, isSigned: true });
  t.equal((await province.ask('X020', { USER_ID, USER_TOKEN })).code, '1302', 'its token is revoked');

  for (let trial = 0; trial < 3; trial += 1) {
    const { ticket } = await province.signIn({ person: 'yi' });
    const answers = await Promise.all(Array.from({ length: 20 }, () => province.exchange(ticket)));
    const codes = answers.map(({ code }) => code);
    t.equal(codes.filter((code) => code === '0000').length, 1, 'one of twenty');
    t.equal(codes.filter((code) => code === '1203').length, 19);
    const winner = answers.find(({ code }) => code === '0000')!.data!;
    const level = await province.ask('X020', { USER_ID: winner.USER_ID, USER_TOKEN: winner.USER_TOKEN });
    t.equal(level.code, '1302', 'and even that one has nothing left of it');
  }
});

t.test('sixty seconds, then 1202', async (t) => {
  const province = await world(t);
  const exchange = (ticket: string) => province.exchange(ticket, { timestamp: province.clock.time });
  const [one, other] = [
    (await province.signIn({ person: 'jia' })).ticket,
    (await province.signIn({ person: 'jia' })).ticket,
  ];
  province.clock.time += 60_000;
  t.equal((await exchange(one)).code, '0000');
  province.clock.time += 1;
  t.equal((await exchange(other)).code, '1202');
  t.equal((await exchange(one)).code, '1203', 'a used one is remembered longer');
});

t.test('bound to caller and return address, which do not spend it', async (t) => {
  const province = await world(t);
  const other = newCaller('OTHER');
  await province.register(other);
  const { ticket } = await province.signIn({ person: 'jia' });
  t.equal((await province.exchange('x'.repeat(43))).code, '1201');
  t.equal((await province.exchange(ticket, { caller: other })).code, '1204');
  t.equal((await province.exchange(ticket, { returnUrl: `${returnUrl}x` })).code, '1204');
  const { data } = await province.exchange(ticket);
  t.equal(data!.USER_NAME, '测试甲', 'still good for whom it was made');
  t.equal((await province.exchange(ticket, { caller: other })).code, '1204');
  const { USER_ID, USER_TOKEN } = data!;
  t.equal((await province.ask('X020', { USER_ID, USER_TOKEN })).code, '0000', 'another caller cannot end it');
});

t.test('a token: thirty minutes from its last use, for its caller and its person', async (t) => {
  const province = await world(t);
  const other = newCaller('OTHER');
  await province.register(other);
  const { data } = await province.exchange((await province.signIn({ person: 'jia' })).ticket);
  const { USER_ID, USER_TOKEN } = data!;
  const ask = (given: object, caller = province.caller) =>
    province.ask('X020', given, { caller, timestamp: province.clock.time });
  t.equal((await ask({ USER_ID, USER_TOKEN }, other)).code, '1301', 'none of another caller');
  t.equal((await ask({ USER_ID: 'somebody', USER_TOKEN })).code, '1301', 'not for somebody else');
  t.equal((await ask({ USER_ID, USER_TOKEN: 'x' })).code, '1301');
  province.clock.time = start + 30 * 60_000;
  t.equal((await ask({ USER_ID, USER_TOKEN })).code, '0000');
  province.clock.time += 30 * 60_000;
  t.equal((await ask({ USER_ID, USER_TOKEN })).code, '0000', 'that use counts anew');
  province.clock.time += 30 * 60_000 + 1;
  t.equal((await ask({ USER_ID, USER_TOKEN })).code, '1301');
});

t.test('who is refused at the exchange keeps no session', async (t) => {
  const province = await world(t);
  const { ticket } = await province.signIn({ person: '2501' });
  const refused = await province.exchange(ticket);
  t.match(refused, { code: '2501', data: undefined, msg: /2026-11-24 10:30 解锁/ }, 'with the time, in Beijing');
  t.equal((await province.exchange(ticket)).code, '1203');
});
