import t from 'tap';
import { type Behaviour, meanings, type ProvinceCode } from '../../src/bridge/bridge.ts';
import { catalogue } from '../../src/errors.ts';
import { bridgeTo, person, returnUrl, startPlatform } from './platform.ts';

/**
 * Every code of PROVINCE.md section 5, written by hand: what the bridge does, the HTTP status of a page that says it,
 * what the citizen reads first, and a word the operator must find. Nothing here is computed from the table under test.
 */
const offline = '现在连不上省实名平台，请过一会儿再试。用密码或短信验证码登录不受影响。';
const again = '这次省统一登录已经过期，请重新进入福建省统一登录，也可以换一种方式登录。';
const three = '三项信息不一致，请核对后再试。';
const counter = '这一项要到窗口核对，请带上身份证件，也可以先拨打 12345 问一问。';
const face = '没比对上，可以再试，也可以换一种方式。';

const expected: [code: string, does: Behaviour, status: number, citizen: string, operator: RegExp][] = [
  ['1001', 'outage', 503, offline, /caller code.*registration/],
  ['1002', 'outage', 503, offline, /disabled/],
  ['1003', 'outage', 503, offline, /expired.*renew/],
  ['1101', 'outage', 503, offline, /signature.*public key/],
  ['1102', 'outage', 503, offline, /clocks/],
  ['1103', 'outage', 503, offline, /nonce/],
  ['1104', 'outage', 503, offline, /decrypt/],
  ['1105', 'outage', 503, offline, /key id/],
  ['1201', 'restart', 400, again, /ticket unknown/],
  ['1202', 'restart', 400, again, /ticket expired/],
  ['1203', 'restart', 400, again, /used before.*revoked/],
  ['1204', 'restart', 400, again, /another caller/],
  ['1301', 'restart', 401, again, /token expired/],
  ['1302', 'restart', 401, again, /token revoked/],
  ['2001', 'count', 422, three, /name and number differ/],
  ['2002', 'count', 422, three, /no such number/],
  ['2003', 'count', 422, three, /mobile differs/],
  ['2004', 'count', 422, '填写的信息不一致，请核对后再试，也可以换一种方式。', /bank card/],
  ['2101', 'other-way', 422, '照片不够清楚，可以再试，也可以换一种方式。', /quality/],
  ['2102', 'other-way', 422, face, /liveness/],
  ['2103', 'other-way', 422, face, /not the same person/],
  ['2104', 'other-way', 422, '这一项不能刷脸核对，请换一种方式。', /no base photo/],
  ['2201', 'counter', 403, counter, /counter/],
  ['2202', 'counter', 403, counter, /lost or replaced/],
  ['2203', 'counter', 403, counter, /held twice/],
  ['2204', 'counter', 403, counter, /frozen/],
  ['2301', 'guardian', 403, '请监护人一起办，也可以一起到窗口办。', /minor/],
  ['2401', 'end-organisation', 403, '没有查到这家单位，请核对统一社会信用代码，也可以到窗口核对。', /not found/],
  ['2402', 'end-organisation', 403, '这家单位的登记有变化，现在不能用它的身份办事，请到窗口核对。', /deregistered/],
  [
    '2403',
    'end-organisation',
    403,
    '这家单位的法定代表人有变化，请现任法定代表人来办，也可以到窗口核对。',
    /representative/,
  ],
  [
    '2404',
    'end-organisation',
    403,
    '这家单位还没有授权你来办，请法定代表人先授权，也可以到窗口核对。',
    /not authorised/,
  ],
  ['2405', 'end-organisation', 403, '你的授权到期了，请法定代表人续期，也可以到窗口核对。', /authorisation expired/],
  ['2501', 'blocked', 403, '这一项暂时不能在网上核对，请过一段时间再试，也可以到窗口核对。', /locked/],
  ['2502', 'blocked', 403, '省统一登录的这个账号已经注销，请到窗口核对，也可以拨打 12345。', /cancelled/],
  ['3001', 'later', 503, '现在核对的人多，请过几分钟再试。', /quota/],
  ['3002', 'later', 429, '这一项刚核对过好几次，请过一段时间再试，也可以到窗口核对。', /too often/],
  ['9001', 'outage', 503, offline, /unreachable/],
  ['9002', 'outage', 503, '省实名平台没有及时回应，请过一会儿再试。用密码或短信验证码登录不受影响。', /in time/],
  ['9003', 'outage', 503, '省实名平台正在维护，请过一会儿再试。用密码或短信验证码登录不受影响。', /maintenance/],
  [
    '9999',
    'outage',
    503,
    '省实名平台这次没有给出能用的结果，请过一会儿再试。用密码或短信验证码登录不受影响。',
    /believed/,
  ],
];

t.test('each code has one meaning', async (t) => {
  t.strictSame(Object.keys(meanings).sort(), expected.map(([code]) => code).sort(), 'the codes of section 5, all');
  for (const [code, behaviour, status, citizen, operator] of expected) {
    const meaning = meanings[code as ProvinceCode];
    t.equal(meaning.code, `EG-P${code}`);
    t.equal(meaning.behaviour, behaviour, `${code}: ${behaviour}`);
    t.match(meaning.operator, operator);
    t.ok(meaning.operator.startsWith(`province ${code}:`));
    const entry = catalogue[meaning.code];
    t.equal(entry.status, status, `${code}: HTTP ${status}`);
    t.equal(entry.zh, citizen);
    t.notSame(entry.integrator, '', `${code}: a text for the integrator`);
    t.equal(entry.log, meaning.operator);
  }
});

t.test('the words for citizens', async (t) => {
  const mirrored = Object.entries(catalogue).filter(([code]) => code.startsWith('EG-P'));
  t.equal(mirrored.length, expected.length, 'the catalogue mirrors nothing else');
  for (const [code, { zh, en }] of mirrored) {
    t.notMatch(zh, /系统异常|非法|失败|错误|异常/, `${code}: words no citizen reads`);
    t.match(zh, /再试|换一种|窗口|12345|重新|续期/, `${code}: a way on`);
    t.match(en, /[Tt]ry again|another way|counter|12345|[Ss]tart it again|renew/, `${code}: a way on, in English`);
    t.notMatch(en, /[\u3400-\u9fff]/);
  }
  // Which of the items differs, and what 2201 stands for, is nobody's business.
  for (const twins of [
    ['EG-P2001', 'EG-P2002', 'EG-P2003'],
    ['EG-P2201', 'EG-P2202', 'EG-P2203', 'EG-P2204'],
  ] as const)
    for (const code of twins)
      for (const text of ['zh', 'en', 'status', 'integrator'] as const)
        t.equal(catalogue[code][text], catalogue[twins[0]][text], `${code}: ${text}`);
  t.notMatch(JSON.stringify(catalogue['EG-P2201']), /死|亡|故|decease|dead|death/i, '2201 is never named');
});

t.test('each code as an answer to each question', async (t) => {
  for (const [code, behaviour] of expected) {
    const platform = await startPlatform(t);
    const bridge = bridgeTo(t, platform);
    platform.play = () => ({ code });
    const checked = await bridge.checkRealName(person);
    // 12xx, 13xx and 24xx say nothing about three factors: no answer to the question.
    const told =
      behaviour === 'restart' || behaviour === 'end-organisation'
        ? { ok: false, code: 'EG-P9999', behaviour: 'outage' }
        : { ok: false, code: `EG-P${code}`, behaviour };
    t.match(checked, told, `062: ${code}`);
    const tickets = await bridge.redeemTicket('t'.repeat(43), returnUrl);
    t.match(tickets, { ok: false, code: `EG-P${code}`, behaviour }, `103: ${code}`);
    const level = await bridge.realNameLevel({ userId: 'u', userToken: 'x' });
    t.match(level, { ok: false, code: `EG-P${code}`, behaviour }, `X020: ${code}`);
    const sms = await bridge.sendSms({
      requestId: 'r',
      mobile: person.mobile,
      template: 'notice',
      params: { text: '1' },
    });
    t.match(sms, { ok: false, code: `EG-P${code}`, behaviour }, `SMS: ${code}`);
    const outage = behaviour === 'outage';
    t.equal(platform.count('062'), code === '1102' ? 2 : 1, `${code}: asked once, after 1102 once more`);
    t.equal(platform.count('103'), code === '1102' ? 2 : 1);
    t.equal(
      bridge.lines.some((line) => line.includes(meanings[code as ProvinceCode].operator)),
      true,
      'the operator reads it',
    );
    if (!outage) t.equal(platform.count('X090'), 0, `${code}: no outage, nothing is looked into`);
    bridge.close();
    await platform.stop();
  }
});

t.test('a code that nobody knows is no refusal of the citizen', async (t) => {
  const platform = await startPlatform(t);
  const bridge = bridgeTo(t, platform);
  for (const code of ['2009', '7777', '0001']) {
    platform.play = () => ({ code });
    t.match(await bridge.checkRealName(person), { ok: false, code: 'EG-P9999', behaviour: 'outage' }, code);
  }
});
