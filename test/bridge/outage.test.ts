import { createServer } from 'node:net';
import t from 'tap';
import { createBridge } from '../../src/bridge/bridge.ts';
import { shiftedClock, systemClock } from '../../src/clock.ts';
import { createOutbound } from '../../src/web/outbound/outbound.ts';
import { until } from '../support/processes.ts';
import { bridgeTo, caller, type Platform, person, returnUrl, startPlatform } from './platform.ts';

const ticket = 'T'.repeat(43);
const sms = { requestId: 'r', mobile: person.mobile, template: 'notice', params: { text: '1' } };
const never = new Promise<never>(() => {});
const late = { ok: false, code: 'EG-P9002', behaviour: 'outage' };
const down = { ok: false, code: 'EG-P9001', behaviour: 'outage' };

/** How long a promise took, in milliseconds, and what came of it. */
async function timed<T>(work: Promise<T>): Promise<[number, T]> {
  const began = performance.now();
  const result = await work;
  return [performance.now() - began, result];
}

t.test('a question takes 3 seconds at most, whatever the other side does', async (t) => {
  const platform = await startPlatform(t);
  // One that accepts and says nothing, one that drips.
  const silent = createServer(() => {}).listen(0, '127.0.0.1');
  t.teardown(() => silent.close());
  await until(() => silent.listening);
  const { port } = silent.address() as { port: number };
  const dripping = await startPlatform(t);
  dripping.play = () => ({
    send: (response) => {
      response.writeHead(200, { 'content-type': 'application/json' });
      const drip = setInterval(() => response.write(' '), 100);
      response.on('close', () => clearInterval(drip));
    },
  });
  // One that is late with its refusal of our clock, and then hangs: the second try has no time of its own.
  const skewed = await startPlatform(t);
  skewed.play = () => ({ until: skewed.count('062') > 1 ? never : new Promise((wake) => setTimeout(wake, 1_500)) });
  skewed.ahead = 3_600_000;
  platform.play = () => ({ until: never });

  // The bridge's own times.
  const tuning = { deadline: 2_500 };
  const bridges = [
    bridgeTo(t, platform, { tuning }),
    bridgeTo(t, { ...platform, url: `http://127.0.0.1:${port}` }, { tuning }),
    bridgeTo(t, dripping, { tuning }),
    bridgeTo(t, skewed, { tuning }),
  ];
  const answers = await Promise.all(bridges.map((bridge) => timed(bridge.checkRealName(person))));
  for (const [ms, answer] of answers) {
    t.match(answer, late);
    t.ok(ms < 3_000 && ms > 2_000, `${Math.round(ms)} ms`);
  }
  t.equal(skewed.count('062'), 2, 'the second try was begun');
});

t.test('the defaults keep to it as well', async (t) => {
  const platform = await startPlatform(t);
  platform.play = () => ({ until: never });
  const plain = createBridge({
    fetch: createOutbound({ development: true }),
    settings: { url: platform.url, callerCode: 'EGRET', platformKeysFile: platform.keysFile, returnUrl },
    keys: () => [caller],
    clock: systemClock,
    log: { info() {}, warn() {} },
  });
  t.teardown(() => plain.close());
  const asked = [plain.checkRealName(person), plain.redeemTicket(ticket, returnUrl), plain.sendSms(sms)];
  for (const [ms, answer] of await Promise.all(asked.map((one) => timed<{ ok: boolean }>(one)))) {
    t.match(answer, late);
    t.ok(ms < 3_000, `${Math.round(ms)} ms`);
  }
});

t.test('who is waited for may stop waiting', async (t) => {
  const platform = await startPlatform(t);
  platform.play = () => ({ until: never });
  const bridge = bridgeTo(t, platform);
  const giveUp = new AbortController();
  const sending = timed(bridge.sendSms(sms, giveUp.signal));
  await until(() => platform.count('SMS') === 1);
  giveUp.abort();
  const [ms, answer] = await sending;
  t.match(answer, late);
  t.ok(ms < 1_500);
  t.match(await bridge.sendSms(sms, AbortSignal.abort()), late, 'before it began, too');
  t.equal(platform.count('SMS'), 1);
});

t.test('the breaker opens, says since when, and closes by itself', async (t) => {
  const platform = await startPlatform(t);
  platform.healthy = false;
  let ill = true;
  platform.play = () => (ill ? { code: '9001' } : {});
  const bridge = bridgeTo(t, platform, { tuning: { waits: [60, 120] } });
  const began = Date.now();
  t.match(await bridge.checkRealName(person), down);
  await until(() => !bridge.status().up);
  const { since, nextTry } = bridge.status();
  t.ok(since && since >= began && since <= Date.now(), 'since the first call that failed');
  t.ok(nextTry && nextTry >= began + 60, 'and when it is asked next');

  const asked = platform.count('062');
  const [ms, answer] = await timed(bridge.checkRealName(person));
  t.match(answer, down, 'while it is open');
  t.ok(ms < 1_000, 'the answer comes at once');
  t.equal(platform.count('062'), asked, 'and nothing is sent');
  t.match(await bridge.redeemTicket(ticket, returnUrl), down, 'one breaker for the peer');
  t.equal(platform.count('103'), 0);

  await until(() => platform.count('X090') >= 3);
  t.equal(bridge.status().up, false, 'probes that fail leave it open');
  t.equal(bridge.status().since, since, 'since the same time');
  ill = false;
  await until(() => bridge.status().up);
  t.strictSame(bridge.status(), { up: true });
  t.match(await bridge.checkRealName(person), { ok: true });
  t.match(bridge.changes[0], { up: false, since });
  t.strictSame(bridge.changes.at(-1), { up: true });
  const probes = platform.count('X090');
  t.match(await bridge.checkRealName(person), { ok: true });
  t.equal(platform.count('X090'), probes, 'who is well is not probed');
});

t.test('one person whose record hangs is no outage', async (t) => {
  const platform = await startPlatform(t);
  platform.play = ({ data }) => (data.USER_NAME === '测试停' ? { until: never } : {});
  const bridge = bridgeTo(t, platform, { tuning: { deadline: 700 } });
  for (let trial = 0; trial < 4; trial++) {
    t.match(await bridge.checkRealName({ ...person, name: '测试停' }), late);
    await until(() => platform.count('X090') === trial + 1);
    t.match(await bridge.health(), { ok: true });
    t.equal(bridge.status().up, true);
  }
  t.match(await bridge.checkRealName(person), { ok: true }, 'others are served');
  t.strictSame(bridge.changes, []);
});

t.test('a service that is down behind a platform that is up', async (t) => {
  const platform = await startPlatform(t);
  platform.play = ({ service }) => (service === '062' ? { code: '9001' } : {});
  const bridge = bridgeTo(t, platform, { tuning: { threshold: 3, waits: [50] } });
  for (let trial = 0; trial < 3; trial++) await bridge.checkRealName(person);
  t.equal(bridge.status().up, false, 'three in a row');
  const { since } = bridge.status();
  await until(() => bridge.status().up);
  t.match(await bridge.checkRealName(person), down, 'on probation');
  t.equal(bridge.status().up, false, 'one is enough');
  t.equal(bridge.status().since, since, 'it is the same outage');
  await until(() => bridge.status().up);
  platform.play = () => undefined;
  t.match(await bridge.checkRealName(person), { ok: true });
  platform.play = ({ service }) => (service === '062' ? { code: '9001' } : {});
  await bridge.checkRealName(person);
  t.equal(bridge.status().up, true, 'who has served somebody starts anew');
});

t.test('a probe that hangs does not stand in the way of the next', async (t) => {
  const platform = await startPlatform(t);
  platform.healthy = false;
  platform.play = ({ service }) => {
    if (service === '062') return { code: '9001' };
    return platform.count('X090') === 1 ? { until: never } : {};
  };
  const bridge = bridgeTo(t, platform, { tuning: { deadline: 800, threshold: 2, waits: [50] } });
  await bridge.checkRealName(person);
  await until(() => platform.count('X090') === 1);
  await bridge.checkRealName(person);
  t.equal(bridge.status().up, false, 'open while the first probe hangs');
  await until(() => bridge.status().up);
  t.equal(platform.count('X090'), 2);
});

t.test('probation ends with time', async (t) => {
  const platform = await startPlatform(t);
  let offset = 0;
  const clock = shiftedClock(() => offset);
  platform.play = () => ({ code: '9001' });
  const bridge = bridgeTo(t, platform, { clock, tuning: { threshold: 2, waits: [50] } });
  for (let trial = 0; trial < 2; trial++) await bridge.checkRealName(person);
  t.equal(bridge.status().up, false);
  await until(() => bridge.status().up);
  offset = 61_000;
  await bridge.checkRealName(person);
  t.equal(bridge.status().up, true, 'a minute later one outage is one outage');
  await bridge.checkRealName(person);
  t.ok((bridge.status().since ?? 0) > Date.now() + 60_000, 'and a new one');
});

t.test('SMS is a peer of its own', async (t) => {
  const platform = await startPlatform(t);
  let offset = 0;
  const clock = shiftedClock(() => offset);
  platform.play = ({ service }) => (service === 'SMS' ? {} : { code: '9001' });
  platform.healthy = false;
  const bridge = bridgeTo(t, platform, { clock, tuning: { threshold: 3, waits: [60_000] } });
  await bridge.checkRealName(person);
  await until(() => !bridge.status().up);
  t.match(await bridge.sendSms(sms), { ok: true }, 'local sign-ins are unharmed');

  platform.play = ({ service }) => (service === 'SMS' ? { code: '9003' } : {});
  const other = bridgeTo(t, platform, { clock, tuning: { threshold: 3, waits: [60_000] } });
  for (let trial = 0; trial < 5; trial++)
    t.match(await other.sendSms(sms), { ok: false, code: 'EG-P9003', behaviour: 'outage' });
  t.equal(platform.count('SMS'), 4, 'its breaker opened after three');
  t.strictSame(other.status(), { up: true }, 'real names are another matter');
  t.match(await other.checkRealName(person), { ok: true });

  platform.play = () => undefined;
  offset = 61_000;
  t.match(await other.sendSms(sms), { ok: true }, 'later the next message is the trial');
  t.match(await other.sendSms(sms), { ok: true });
  t.equal(platform.count('SMS'), 6);
});

t.test('calls at once are bounded', async (t) => {
  const platform = await startPlatform(t);
  let open = () => {};
  const gate = new Promise<void>((resolve) => {
    open = resolve;
  });
  platform.play = ({ service }) => (service === '062' ? { until: gate } : {});
  const bridge = bridgeTo(t, platform, { tuning: { atOnce: 2, waiting: 3 } });
  const asked = Array.from({ length: 5 }, () => bridge.checkRealName(person));
  await until(() => platform.count('062') === 2);
  const [ms, refused] = await timed(bridge.checkRealName(person));
  t.match(refused, { ok: false, code: 'EG-P3001', behaviour: 'later' }, 'the sixth is sent away');
  t.ok(ms < 1_000, 'at once');
  t.equal(platform.count('062'), 2, 'two are under way');
  t.match(await bridge.sendSms(sms), { ok: true }, 'SMS has places of its own');
  open();
  for (const answer of await Promise.all(asked)) t.match(answer, { ok: true });
  t.equal(platform.count('062'), 5);
  t.match(await bridge.checkRealName(person), { ok: true }, 'our own bound is no back-off');
  t.strictSame(bridge.changes, [], 'and no outage');
});

t.test('back-off after 3xxx', async (t) => {
  const platform = await startPlatform(t);
  let offset = 0;
  const clock = shiftedClock(() => offset);
  const bridge = bridgeTo(t, platform, { clock, tuning: { quotaWaits: [1_000, 10_000] } });
  const check = (who = person) => bridge.checkRealName(who);
  const other = { ...person, idNumber: '350299199001010221' };
  const tooMany = { ok: false, code: 'EG-P3001', behaviour: 'later' };
  const tooOften = { ok: false, code: 'EG-P3002', behaviour: 'later' };

  platform.play = () => ({ code: '3001' });
  t.match(await check(), tooMany);
  t.match(await check(other), tooMany);
  t.equal(platform.count('062'), 1, 'nobody is asked about meanwhile');
  t.match(await bridge.redeemTicket(ticket, returnUrl), tooMany);
  t.equal(platform.count('103'), 1, 'each service has a quota of its own');
  offset = 1_100;
  t.match(await check(), tooMany);
  t.equal(platform.count('062'), 2);
  offset = 5_000;
  t.match(await check(), tooMany);
  t.equal(platform.count('062'), 2, 'the second time we wait longer');
  offset = 12_000;
  platform.play = () => undefined;
  t.match(await check(), { ok: true });

  platform.play = ({ data }) => (data.USER_IDCARD === person.idNumber ? { code: '3002' } : {});
  t.match(await check(), tooOften);
  t.match(await check(), tooOften);
  t.equal(platform.count('062'), 4);
  t.match(await check(other), { ok: true }, 'only this person');
  platform.play = () => ({ code: '2001' });
  offset = 13_100;
  t.match(await check(), { ok: false, code: 'EG-P2001' });
  t.equal(platform.count('062'), 6);
  platform.play = () => ({ code: '3001' });
  await check();
  offset = 14_200;
  platform.play = () => undefined;
  t.match(await check(), { ok: true }, 'an answer in between makes the waits short again');
  t.strictSame(bridge.changes, [], 'a quota is no outage');
});

t.test('a bridge that was closed asks nothing by itself', async (t) => {
  const platform: Platform = await startPlatform(t);
  platform.healthy = false;
  platform.play = () => ({ code: '9001' });
  const bridge = bridgeTo(t, platform, { tuning: { waits: [60] } });
  await bridge.checkRealName(person);
  await until(() => !bridge.status().up);
  bridge.close();
  const probes = platform.count('X090');
  const { nextTry = 0 } = bridge.status();
  await until(() => Date.now() > nextTry + 100);
  t.equal(platform.count('X090'), probes);
});
