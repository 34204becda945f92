import t from 'tap';
import {
  type Asked,
  bridgeTo,
  makePair,
  type Play,
  person,
  record,
  returnUrl,
  sendJson,
  sm3,
  startPlatform,
} from './platform.ts';

const ticket = 'T'.repeat(43);
const unusable = { ok: false, code: 'EG-P9999', behaviour: 'outage' };
const unreachable = { ok: false, code: 'EG-P9001', behaviour: 'outage' };

t.test('what is asked, and what comes of it', async (t) => {
  const platform = await startPlatform(t);
  const bridge = bridgeTo(t, platform);
  const asked = (service: string) => platform.asked.find((one) => one.service === service) as Asked;

  t.match(await bridge.checkRealName(person), { ok: true, trace: /^[0-9a-f]{32}$/ });
  const { url, data, envelope } = asked('062');
  t.equal(url, '/gateway/v2/invoke');
  t.strictSame(data, { USER_NAME: person.name, USER_IDCARD: person.idNumber, USER_MOBILE: person.mobile });
  t.match(envelope, { appId: 'EGRET', version: '2.0.0', signType: 'SM2', encType: 'SM4', keyId: 'caller-1' });
  t.equal(envelope.platformKeyId, 'platform-1');

  const answer = await bridge.redeemTicket(ticket, `${returnUrl}?state=s`);
  t.strictSame(asked('103').data, { TRUST_TICKET: ticket, RETURN_URL: `${returnUrl}?state=s` });
  t.strictSame(answer.ok && answer.person, {
    userId: 'u-0117',
    userToken: 'token-of-u-0117',
    userType: 'natural',
    name: person.name,
    idNumber: person.idNumber,
    mobile: person.mobile,
    cardType: '111',
    level: 2,
  });
  t.notMatch(JSON.stringify(answer), /digest-of-a-password|1990-01-01|BIRTHDAY|PWD/, 'nothing else of the record');

  t.strictSame(await bridge.realNameLevel({ userId: 'u-0117', userToken: 'x' }), { ok: true, level: 2 });
  t.strictSame(asked('X020').data, { USER_ID: 'u-0117', USER_TOKEN: 'x' });
  t.strictSame(await bridge.health(), { ok: true });

  const sms = { requestId: 'r1', mobile: person.mobile, template: 'code', params: { code: '123456', minutes: 5 } };
  t.strictSame(await bridge.sendSms(sms), { ok: true });
  t.equal(asked('SMS').url, '/sms/send');
  t.strictSame(asked('SMS').data, sms);

  t.equal(platform.asked.length, 5, 'one question each');
  t.equal(new Set(platform.asked.map((one) => one.envelope.nonce)).size, 5, 'each with a nonce of its own');
  t.strictSame(bridge.status(), { up: true });
});

t.test('the address of the sign-in there', async (t) => {
  const bridge = bridgeTo(t, { url: 'http://127.0.0.1:4100/', keysFile: '/nowhere' });
  const url = new URL(bridge.loginUrl(`${returnUrl}?state=a&b`));
  t.equal(url.origin + url.pathname, 'http://127.0.0.1:4100/dataset/UnifiedController/login.do');
  t.strictSame(
    [...url.searchParams],
    [
      ['callerCode', 'EGRET'],
      ['returnurl', `${returnUrl}?state=a&b`],
    ],
  );
  t.ok(bridge.loginUrl(`${returnUrl}/back`));
  for (const foreign of [
    'http://localhost:4000/signin/provincial',
    'http://localhost:4000/',
    'http://localhost:4000/signin/province/../../x',
    'http://localhost:4001/signin/province',
    'https://localhost:4000/signin/province',
    'http://localhost:4000@evil.example/signin/province',
    'http://evil@localhost:4000/signin/province',
    'http://localhost:4000/signin/province#x',
    '//localhost:4000/signin/province',
    'javascript:alert(1)',
    '',
  ])
    t.throws(() => bridge.loginUrl(foreign), { code: 'EG-1700' }, foreign);
});

t.test('what cannot be a ticket is not carried there', async (t) => {
  const platform = await startPlatform(t);
  const bridge = bridgeTo(t, platform);
  for (const odd of [
    '',
    'short',
    `${ticket}\n`,
    `${ticket} `,
    '<script>alert(1)</script>',
    'T'.repeat(257),
    '票'.repeat(20),
  ])
    t.strictSame(await bridge.redeemTicket(odd, returnUrl), { ok: false, code: 'EG-P1201', behaviour: 'restart' }, odd);
  t.equal(platform.count(), 0);
});

t.test('records: each field in its own type, or no record', async (t) => {
  const platform = await startPlatform(t);
  const bridge = bridgeTo(t, platform, { tuning: { threshold: 1_000 } });
  const redeem = async (changes: Record<string, unknown>) => {
    platform.play = () => ({ data: (data) => ({ ...data, ...changes }) });
    return bridge.redeemTicket(ticket, returnUrl);
  };
  for (const changes of [
    { USER_ID: 117 },
    { USER_ID: '' },
    { USER_ID: undefined },
    { USER_TOKEN: null },
    { USER_TYPE: 1 },
    { USER_AUTHLEVEL: 2 },
    { USER_AUTHLEVEL: '4' },
    { USER_AUTHLEVEL: '02' },
    { USER_AUTHLEVEL: undefined },
    { USER_NAME: ['测试甲'] },
    { USER_NAME: '' },
    { USER_IDCARD: undefined },
    { USER_IDCARD: 3502991990 },
    { USER_MOBILE: 15400000117 },
    { CARD_TYPE: 111 },
  ])
    t.match(await redeem(changes), unusable, JSON.stringify(changes));
  const unproved = await redeem({ USER_AUTHLEVEL: '0', USER_NAME: null, USER_IDCARD: '', CARD_TYPE: null });
  t.match(
    unproved,
    { ok: true, person: { level: 0, name: '', idNumber: '', mobile: person.mobile } },
    'level 0 has no name',
  );
  const legal = await redeem({ USER_TYPE: '2', USER_NAME: null, USER_IDCARD: null, USER_MOBILE: null });
  t.match(
    legal,
    { ok: true, person: { userType: 'legal', name: '', mobile: '' } },
    'an organisation is no natural person',
  );
});

t.test('the answer is bound to the question', async (t) => {
  const platform = await startPlatform(t);
  const bridge = bridgeTo(t, platform, { tuning: { threshold: 1_000 } });
  const other = { name: '测试乙', idNumber: '350299199001010221', mobile: '15400000221' };
  const playing = (play: Play) => {
    platform.play = () => play;
  };
  const all = async () => [
    await bridge.checkRealName(person),
    await bridge.redeemTicket(ticket, returnUrl),
    await bridge.realNameLevel({ userId: 'u-0117', userToken: 'x' }),
  ];

  const digest = sm3(`${other.name}|${other.idNumber}|${other.mobile}`);
  playing({
    data: (data) => ({ ...data, PERSON_DIGEST: digest, TICKET_DIGEST: digest, USER_ID: 'u-0221' }),
  });
  for (const answer of await all()) t.match(answer, unusable, "another person's record");

  playing({ data: () => ({ REQUEST_ID: 'r2' }) });
  const sms = { requestId: 'r1', mobile: person.mobile, template: 'notice', params: { text: 'x' } };
  t.match(await bridge.sendSms(sms), unusable, 'another message');

  playing({ data: () => ({ ...record, RESULT: '1' }) });
  t.match(await bridge.checkRealName(person), unusable, 'no digest');
  t.match(await bridge.redeemTicket(ticket, returnUrl), unusable, 'no digest');
  for (const result of ['0', 1, true, undefined]) {
    playing({ data: (data) => ({ ...data, RESULT: result }) });
    t.match(await bridge.checkRealName(person), unusable, `RESULT ${result}`);
  }

  // An earlier answer, right in everything, to the same question.
  platform.play = () => undefined;
  t.match(await bridge.checkRealName(person), { ok: true });
  const earlier = platform.said.at(-1) as string;
  playing({ send: (response) => sendJson(response, earlier) });
  t.match(await bridge.checkRealName(person), unusable, 'a replay');
  const traceId = () => platform.asked.at(-1)?.envelope.nonce as string;
  playing({
    send: (response) => sendJson(response, JSON.stringify({ ...JSON.parse(earlier), traceId: traceId() })),
  });
  t.match(await bridge.checkRealName(person), unusable, 'a replay with the new trace id is not signed');
  playing({ code: '2001' });
  await bridge.checkRealName(person);
  const refused = platform.said.at(-1) as string;
  playing({ send: (response) => sendJson(response, refused) });
  t.match(await bridge.checkRealName(person), unusable, 'nor does a replayed refusal count against the citizen');
  t.match(
    bridge.lines.findLast((line) => line.includes('"062"')),
    /answer to another question/,
  );
});

t.test('nobody there', async (t) => {
  const platform = await startPlatform(t);
  const bridge = bridgeTo(t, platform);
  await platform.stop();
  t.match(await bridge.checkRealName(person), unreachable);
  t.match(
    bridge.lines.find((line) => line.includes('"062"')),
    /ECONNREFUSED/,
    'the operator reads why',
  );
  t.match(await bridge.health(), unreachable);
});

t.test('no personal data in addresses, logs and errors', async (t) => {
  const platform = await startPlatform(t);
  const bridge = bridgeTo(t, platform, { tuning: { threshold: 1_000 } });
  const said: unknown[] = [];
  const plays: Play[] = [
    {},
    { code: '2001' },
    { code: '3002' },
    { code: '9001' },
    { data: (data) => ({ ...data, PERSON_DIGEST: 'x', USER_ID: person.name, TICKET_DIGEST: 'y' }) },
    { plaintext: () => `${person.name} is no JSON` },
    { send: (response) => sendJson(response, `{"${person.name}": ${person.idNumber}`) },
    { send: (response) => response.writeHead(302, { location: `/?name=${person.idNumber}` }).end() },
    { send: (response) => response.socket?.resetAndDestroy() },
    { signer: makePair('unknown') },
  ];
  for (const play of plays) {
    platform.play = () => play;
    const sms = { requestId: 'r', mobile: person.mobile, template: 'code', params: { code: '246810', minutes: 5 } };
    const { ok: _, ...checked } = await bridge.checkRealName(person);
    const ticketed = await bridge.redeemTicket(ticket, returnUrl);
    said.push(checked, ticketed.ok ? 'a person' : ticketed);
    said.push(
      await bridge.realNameLevel({ userId: 'u-0117', userToken: 'token-of-u-0117' }),
      await bridge.sendSms(sms),
    );
  }
  try {
    bridge.loginUrl(`http://evil.example/${person.name}${person.idNumber}`);
  } catch (error) {
    said.push(String(error), JSON.stringify(error));
  }
  const secret = new RegExp(
    [person.name, person.idNumber, person.mobile, ticket, '246810', 'u-0117', record.USER_PWD, '1990-01-01'].join('|'),
  );
  t.ok(bridge.lines.length > 40, 'something was logged');
  for (const line of bridge.lines) t.notMatch(line, secret);
  for (const one of said) t.notMatch(JSON.stringify(one), secret);
  for (const { url } of platform.asked) t.notMatch(decodeURIComponent(url), secret);
  t.match(JSON.stringify({ name: person.name }), secret, 'a planted canary is found');
  // On the wire itself it is sealed.
  for (const { envelope } of platform.asked) t.notMatch(JSON.stringify(envelope), secret);
});
