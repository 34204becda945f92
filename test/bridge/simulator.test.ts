import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { node, until } from '../support/processes.ts';
import { bridgeTo, caller, makePair, person, returnUrl, type TestBridge } from './platform.ts';

/** The bridge against the province simulator, which shares no code with it: they meet on the wire. */
const main = new URL('../../src/demo/province/main.ts', import.meta.url).pathname;
const unusable = { ok: false, code: 'EG-P9999', behaviour: 'outage' };
const late = { ok: false, code: 'EG-P9002', behaviour: 'outage' };
const down = { ok: false, code: 'EG-P9001', behaviour: 'outage' };

interface Entry {
  service?: string;
  route: string;
  personalNumberInUrl: boolean;
  code?: string;
  fault?: string;
}

interface Simulator {
  url: string;
  keysFile: string;
  folder: string;
  stop(): Promise<unknown>;
  control<T>(method: 'GET' | 'POST' | 'DELETE', path: string, body?: unknown): Promise<T>;
  ledger(): Promise<Entry[]>;
  /** Signs a test person in, as the browser would; the ticket and the address it came with. */
  ticketOf(key: string, address?: string): Promise<string>;
}

async function startSimulator(t: Test, options: { folder?: string; port?: string } = {}): Promise<Simulator> {
  const folder = options.folder ?? (await mkdtemp(join(tmpdir(), 'egret-bridge-sim-')));
  if (!options.folder) t.teardown(() => rm(folder, { recursive: true, force: true }));
  const child = node(t, main, ['--port', options.port ?? '0', '--data', folder]);
  const [url] = await child.waitFor(/http:\/\/127\.0\.0\.1:\d+/);
  const simulator: Simulator = {
    url,
    folder,
    keysFile: join(folder, 'platform-public.json'),
    stop: () => child.stop(),
    async control<T>(method: string, path: string, body?: unknown) {
      const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
      const response = await fetch(`${url}/__sim/${path}`, { method, headers, body: JSON.stringify(body) });
      if (!response.ok) throw new Error(`${method} ${path}: ${response.status} ${await response.text()}`);
      return (response.status === 204 ? undefined : await response.json()) as T;
    },
    async ledger() {
      const { entries } = await simulator.control<{ entries: Entry[] }>('GET', 'ledger');
      return entries.filter(({ route }) => !route.includes('/__sim/'));
    },
    async ticketOf(key, address = returnUrl) {
      const body = new URLSearchParams({ callerCode: 'EGRET', returnurl: address, person: key });
      const login = `${url}/dataset/UnifiedController/login.do`;
      const response = await fetch(login, { method: 'POST', body, redirect: 'manual' });
      const back = new URL(response.headers.get('location') ?? 'none:');
      return back.searchParams.get('trustticket') ?? '';
    },
  };
  await register(simulator);
  return simulator;
}

function register(simulator: Simulator, callerCode = 'EGRET'): Promise<unknown> {
  const { keyId, sign, encrypt } = caller;
  const key = { keyId, signKey: sign.publicKey, encKey: encrypt.publicKey };
  const keys = [{ ...key, notBefore: 0, notAfter: Date.now() + 86_400_000_000 }];
  return simulator.control('POST', 'callers', { callerCode, returnUrlPrefixes: [returnUrl], keys });
}

/** A bridge whose questions carry a fault to play, while it is set. */
function faulty(t: Test, simulator: Simulator, tuning = {}): TestBridge & { fault: string } {
  const play = { fault: '' };
  const bridge = bridgeTo(t, simulator, {
    tuning: { threshold: 1_000, ...tuning },
    fetch: (input, init) => {
      const headers = new Headers(init?.headers);
      // The probe is left alone: the breaker would open at once.
      if (play.fault && !String(init?.body).includes('"X090"')) headers.set('x-sim-fault', play.fault);
      return fetch(input, { ...init, headers });
    },
  });
  return Object.assign(play, bridge);
}

// Each row of PROVINCE.md section 6 that 062 can exercise: name, number, what comes of it.
const people: [name: string, number: string, code?: string][] = [
  ['测试甲', '350299199001010117'],
  ['测试乙', '350299199001010221'],
  ['测试丙', '350299194803150311'],
  ['测试小丁', '350299201606010443', 'EG-P2301'],
  ['测试戊', '350299201109090518'],
  ['测试闰日', '350299199202290629'],
  ['测试校验', '35029919880808004X'],
  ['测试二零零一', '350299199002029012', 'EG-P2001'],
  ['测试二零零二', '350299199002029020', 'EG-P2002'],
  ['测试二零零三', '350299199002029039', 'EG-P2003'],
  ['测试二零零四', '350299199002029047'],
  ['测试二一零一', '350299199002029055'],
  ['测试二一零二', '350299199002029063'],
  ['测试二一零三', '350299199002029071'],
  ['测试二一零四', '35029919900202908X'],
  ['测试二二零一', '350299199002029098', 'EG-P2201'],
  ['测试二二零二', '350299199002029100', 'EG-P2202'],
  ['测试二二零三', '350299199002029119', 'EG-P2203'],
  ['测试二五零一', '350299199002029127', 'EG-P2501'],
  ['测试二五零二', '350299199002029135', 'EG-P2502'],
  ['测试港', '810000190101010162'],
  ['测试澳', '820000190101010279'],
  ['测试台', '830000190101010385'],
  ['TEST RESIDENT', '935840190101010134'],
];
const mobileOf = (number: string) => `1540000${number.slice(-4).replace('X', '0')}`;

t.test('the test people', async (t) => {
  const simulator = await startSimulator(t);
  const bridge = bridgeTo(t, simulator);
  for (const [name, idNumber, code] of people) {
    const answer = await bridge.checkRealName({ name, idNumber, mobile: mobileOf(idNumber) });
    t.match(answer, code ? { ok: false, code } : { ok: true }, `${name}: ${code ?? 'ok'}`);
  }
  t.match(await bridge.checkRealName({ ...person, mobile: '15400000221' }), { ok: false, code: 'EG-P2003' });
  t.match(await bridge.checkRealName({ ...person, name: '测试乙' }), { ok: false, code: 'EG-P2001' });
  t.match(await bridge.checkRealName({ ...person, idNumber: '110105194912310029' }), { ok: false, code: 'EG-P2002' });
  const entries = await simulator.ledger();
  t.equal(entries.length, people.length + 3, 'exactly one call each');
  for (const { route, personalNumberInUrl, service } of entries)
    t.match({ route, personalNumberInUrl, service }, { route: 'POST /gateway/v2/invoke', service: '062' });
  t.notOk(entries.some(({ personalNumberInUrl }) => personalNumberInUrl));
  t.strictSame(bridge.changes, []);
});

t.test('a sign-in there', async (t) => {
  const simulator = await startSimulator(t);
  const bridge = bridgeTo(t, simulator);
  const address = `${returnUrl}?state=abc`;
  t.equal((await fetch(bridge.loginUrl(address))).status, 200, 'the login page knows us');
  const ticket = await simulator.ticketOf('jia', address);
  const answer = await bridge.redeemTicket(ticket, address);
  t.match(answer, {
    ok: true,
    person: { userType: 'natural', level: 2, name: '测试甲', idNumber: '350299199001010117', cardType: '111' },
  });
  if (!answer.ok) return;
  t.equal(Object.keys(answer.person).length, 8);
  t.strictSame(await bridge.realNameLevel(answer.person), { ok: true, level: 2 });
  t.match(await bridge.realNameLevel({ ...answer.person, userId: 'x' }), { ok: false, code: 'EG-P1301' });
  t.match(await bridge.redeemTicket(ticket, address), { ok: false, code: 'EG-P1203', behaviour: 'restart' }, 'once');
  t.match(
    await bridge.realNameLevel(answer.person),
    { ok: false, code: 'EG-P1302' },
    'and that ends the session there',
  );

  const other = await simulator.ticketOf('yi', address);
  t.match(await bridge.redeemTicket(other, returnUrl), { ok: false, code: 'EG-P1204' }, 'bound to its return address');
  t.match(await bridge.redeemTicket('x'.repeat(43), address), { ok: false, code: 'EG-P1201' });
  await simulator.control('POST', 'clock', { offsetMs: 61_000 });
  t.match(await bridge.redeemTicket(other, address), { ok: false, code: 'EG-P1202' }, 'and to a minute');
  t.match(await bridge.redeemTicket(await simulator.ticketOf('2201'), returnUrl), {
    ok: false,
    code: 'EG-P2201',
    behaviour: 'counter',
  });
  for (const [key, cardType] of [
    ['hong-kong', '516'],
    ['taiwan', '511'],
    ['foreign', '553'],
  ] as const) {
    const one = await bridge.redeemTicket(await simulator.ticketOf(key), returnUrl);
    t.match(one, { ok: true, person: { cardType, level: 2 } }, key);
  }
});

t.test('text messages', async (t) => {
  const simulator = await startSimulator(t);
  const bridge = bridgeTo(t, simulator);
  const sms = { requestId: 'r1', mobile: person.mobile, template: 'code', params: { code: '135790', minutes: 5 } };
  t.strictSame(await bridge.sendSms(sms), { ok: true });
  t.strictSame(await bridge.sendSms(sms), { ok: true });
  t.strictSame(await bridge.sendSms({ ...sms, requestId: 'r2', template: 'notice', params: { text: '通知' } }), {
    ok: true,
  });
  const { messages } = await simulator.control<{ messages: { text: string }[] }>(
    'GET',
    `inbox.json?mobile=${sms.mobile}`,
  );
  t.equal(messages.length, 2, 'a repeated request is sent once');
  t.match(messages.map(({ text }) => text).join(), /135790/);
});

t.test('every fault it plays is an outage', async (t) => {
  const simulator = await startSimulator(t);
  const patient = faulty(t, simulator);
  const hasty = faulty(t, simulator, { deadline: 500 });
  t.match(await patient.checkRealName(person), { ok: true });
  const faults: [fault: string, told: object][] = [
    ['latency;ms=60000', late],
    ['hang', late],
    ['500', down],
    ['502', down],
    ['503', down],
    ['503;after=true', down],
    ['html', unusable],
    ['truncated', unusable],
    ['content-type', unusable],
    ['retyped', unusable],
    ['retyped;field=success', unusable],
    ['retyped;field=timestamp', unusable],
    ['retyped;field=code', unusable],
    ['other-person', unusable],
    ['bad-signature', unusable],
    ['replay', unusable],
  ];
  for (const [fault, told] of faults) {
    const bridge = told === late ? hasty : patient;
    bridge.fault = fault;
    t.match(await bridge.checkRealName(person), told, `062: ${fault}`);
  }
  // A replay of 103 needs an answer to repeat.
  patient.fault = '';
  t.match(await patient.redeemTicket(await simulator.ticketOf('jia'), returnUrl), { ok: true });
  for (const [fault, told] of faults) {
    const bridge = told === late ? hasty : patient;
    const ticket = await simulator.ticketOf('yi');
    bridge.fault = fault;
    t.match(await bridge.redeemTicket(ticket, returnUrl), told, `103: ${fault}`);
  }
  patient.fault = '';
  const played = new Set((await simulator.ledger()).flatMap(({ fault }) => fault ?? []));
  for (const [fault] of faults) t.ok(played.has(fault.split(';')[0]!), `${fault} was played`);
  t.match(await patient.checkRealName(person), { ok: true }, 'and without faults all is well');
});

t.test('slow and hanging people, in the time of the defaults', async (t) => {
  const simulator = await startSimulator(t);
  const bridge = bridgeTo(t, simulator, { tuning: { deadline: 2_500 } });
  const asked = [
    ['测试慢', '350299199002029143'],
    ['测试停', '350299199002029151'],
  ].map(async ([name = '', idNumber = '']) => {
    const began = performance.now();
    const answer = await bridge.checkRealName({ name, idNumber, mobile: mobileOf(idNumber) });
    t.match(answer, late, name);
    t.ok(performance.now() - began < 3_000, 'within 3 seconds');
  });
  await Promise.all(asked);
  t.match(await bridge.checkRealName(person), { ok: true });
  t.match(await bridge.health(), { ok: true });
  t.strictSame(bridge.changes, [], 'two such people are no outage');
});

t.test('clocks, keys and callers', async (t) => {
  const simulator = await startSimulator(t);
  const bridge = bridgeTo(t, simulator, { tuning: { threshold: 1_000 } });
  for (const [offsetMs, calls] of [
    [200_000, 1],
    [3_600_000, 2],
    [0, 2],
  ] as const) {
    await simulator.control('POST', 'clock', { offsetMs });
    await simulator.control('DELETE', 'ledger');
    t.match(await bridge.checkRealName(person), { ok: true }, `${offsetMs} ms apart`);
    t.equal((await simulator.ledger()).length, calls);
  }
  const { keyId } = await simulator.control<{ keyId: string }>('POST', 'keys/roll');
  t.match(await bridge.checkRealName(person), { ok: true }, `the platform rolled its key to ${keyId}`);

  t.match(await bridgeTo(t, simulator, { callerCode: 'NOBODY' }).checkRealName(person), { code: 'EG-P1001' });
  const unknown = makePair('caller-9');
  t.match(await bridgeTo(t, simulator, { keys: () => [unknown] }).checkRealName(person), { code: 'EG-P1105' });
  const forged = { ...caller, sign: unknown.sign };
  t.match(await bridgeTo(t, simulator, { keys: () => [forged] }).checkRealName(person), { code: 'EG-P1101' });

  await simulator.control('POST', 'settings', { samePerson: { calls: 0, perMs: 60_000 } });
  t.match(await bridge.checkRealName(person), { ok: false, code: 'EG-P3002', behaviour: 'later' });
  await simulator.control('POST', 'settings', { quota: { calls: 0, perMs: 60_000 } });
  const other = { name: '测试乙', idNumber: '350299199001010221', mobile: '15400000221' };
  t.match(await bridge.checkRealName(other), { ok: false, code: 'EG-P3001', behaviour: 'later' });
});

t.test('a province that goes away and comes back', async (t) => {
  const simulator = await startSimulator(t);
  const bridge = bridgeTo(t, simulator, { tuning: { waits: [100] } });
  t.match(await bridge.checkRealName(person), { ok: true });
  await simulator.stop();
  t.match(await bridge.checkRealName(person), down);
  await until(() => !bridge.status().up);
  t.match(await bridge.checkRealName(person), down, 'known before it is asked');
  const port = new URL(simulator.url).port;
  await startSimulator(t, { folder: simulator.folder, port });
  await until(() => bridge.status().up);
  t.match(await bridge.checkRealName(person), { ok: true }, 'it closed by itself');
});
