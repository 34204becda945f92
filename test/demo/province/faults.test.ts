import t from 'tap';
import { kinds } from '../../../src/demo/province/sim/faults.ts';
import { newCaller, sm3 } from './client.ts';
import { jia, returnUrl, start, type World, world, yi } from './world.ts';

const check = (province: World, fault?: string, person = jia) =>
  province.send('062', province.three(person), fault ? { fault } : {});
const login = async (province: World, person = 'jia') => (await province.signIn({ person })).ticket;

t.test('each kind, by header', async (t) => {
  const province = await world(t);
  const tried = new Set<string>();
  const play = (kind: (typeof kinds)[number], parameters = '') => {
    tried.add(kind);
    return check(province, kind + parameters);
  };

  for (const status of ['500', '502', '503'] as const) {
    const response = await play(status);
    t.equal(response.status, Number(status));
    t.match(response.headers.get('content-type'), 'text/html');
  }
  const html = await play('html');
  t.equal(html.status, 200);
  t.match(await html.text(), '<!doctype html>');

  const truncated = await (await play('truncated')).text();
  t.match(truncated, /^\{"success":true/);
  t.throws(() => JSON.parse(truncated));

  const plain = await play('content-type');
  t.match(plain.headers.get('content-type'), 'text/plain');
  t.match(await plain.json(), { code: '0000' }, 'right in itself');

  const began = performance.now();
  t.match(await (await play('latency', ';ms=40')).json(), { code: '0000' });
  t.ok(performance.now() - began >= 39);

  const patience = new AbortController();
  tried.add('hang');
  const hanging = province.send('062', province.three(yi), { fault: 'hang', signal: patience.signal });
  while (!(await province.sim('GET', 'ledger')).body.entries.some((one: { fault?: string }) => one.fault === 'hang'));
  patience.abort();
  await t.rejects(hanging, { name: 'AbortError' });

  tried.add('bad-signature');
  const forged = await province.ask('062', province.three(jia), { fault: 'bad-signature' });
  t.match(forged, { code: '0000', isSigned: false, data: { RESULT: '1' } });

  tried.add('retyped');
  const retyped = await province.ask('062', province.three(jia), { fault: 'retyped' });
  t.match(retyped, { isSigned: true, data: { RESULT: 1 } }, 'signed, and yet another type');
  const success = await province.ask('062', province.three(jia), { fault: 'retyped;field=success' });
  t.match(success, { isSigned: true, success: 'true' });
  const timestamp = await province.ask('062', province.three(jia), { fault: 'retyped;field=timestamp' });
  t.match(timestamp, { isSigned: true, timestamp: String(start) });
  const listed = await province.ask('103', ticketData(await login(province)), { fault: 'retyped;field=USER_NAME' });
  t.match(listed, { isSigned: true, data: { USER_NAME: ['测试甲'] } });

  tried.add('other-person');
  const other = await province.ask('062', province.three(jia), { fault: 'other-person' });
  t.equal(other.data!.PERSON_DIGEST, sm3(`${yi.name}|${yi.number}|${yi.mobile}`));
  t.equal(other.isSigned, true);
  const ticket = await login(province);
  const record = await province.ask('103', ticketData(ticket), { fault: 'other-person' });
  t.match(record, { isSigned: true, data: { USER_NAME: '测试乙' } });
  t.not(record.data!.TICKET_DIGEST, sm3(ticket), 'it is the answer to another ticket');
  const { data } = await province.exchange(await login(province));
  const level = await province.ask('X020', data!, { fault: 'other-person' });
  t.not(level.data!.USER_ID, data!.USER_ID);

  tried.add('replay');
  await province.ask('062', province.three(yi), { nonce: 'earlier-question-1' });
  const replayed = await province.ask('062', province.three(jia), { fault: 'replay' });
  t.match(replayed, { traceId: 'earlier-question-1', isSigned: true, success: true }, 'byte for byte');

  t.same([...tried].sort(), [...kinds].sort(), 'no kind is dead');
});

const ticketData = (ticket: string) => ({ TRUST_TICKET: ticket, RETURN_URL: returnUrl });

t.test('replay passes when there is nothing to repeat, and is not used up', async (t) => {
  const province = await world(t);
  await province.sim('POST', 'faults', { kind: 'replay', times: 1 });
  t.match(await province.ask('062', province.three(jia), { nonce: 'the-first-question' }), {
    traceId: 'the-first-question',
  });
  t.match(await province.ask('X090', {}, { nonce: 'health-has-none-yet' }), { traceId: 'health-has-none-yet' });
  t.match(await province.ask('062', province.three(yi)), { traceId: 'the-first-question' });
  t.equal((await province.ask('062', province.three(yi))).code, '0000');
});

t.test('header, then request, person, caller, everybody; the younger of two', async (t) => {
  const province = await world(t);
  const other = newCaller('OTHER');
  await province.register(other);
  const add = (fault: object) => province.sim('POST', 'faults', fault);
  await add({ kind: 'html', ms: 1 });
  await add({ kind: '500' });
  await add({ kind: '502', caller: 'EGRET' });
  await add({ kind: '503', person: jia.number });
  await add({ kind: 'content-type', request: 'this-very-question' });
  const status = async (asking: Parameters<World['send']>[2], person = jia) =>
    (await province.send('062', province.three(person), asking)).status;

  t.equal(await status({ caller: other }, yi), 500);
  t.equal(await status({}, yi), 502);
  t.equal(await status({ caller: other }), 503);
  t.equal(await status({}), 503);
  t.equal(await status({ nonce: 'this-very-question' }), 200);
  const header = await province.send('062', province.three(jia), { fault: 'html' });
  t.match(header.headers.get('content-type'), 'text/html');

  // The person is known by ticket and by token too.
  await province.sim('DELETE', 'faults');
  const yis = await province.exchange(await login(province, 'yi'));
  const jias = await login(province, 'jia');
  await add({ kind: '503', person: 'yi' });
  t.equal((await province.send('103', ticketData(await login(province, 'yi')))).status, 503);
  t.equal((await province.send('103', ticketData(jias))).status, 200);
  const { USER_ID, USER_TOKEN } = yis.data!;
  t.equal((await province.send('X020', { USER_ID, USER_TOKEN })).status, 503);
});

t.test('a timeline: from, until, so many times, for one service', async (t) => {
  const province = await world(t);
  const status = async () => (await province.send('X090', {}, { timestamp: province.clock.time })).status;
  const { body } = await province.sim('POST', 'faults', { kind: '503', from: start + 1_000, until: start + 2_000 });
  t.equal(await status(), 200);
  province.clock.time = start + 1_000;
  t.equal(await status(), 503);
  province.clock.time = start + 1_999;
  t.equal(await status(), 503);
  province.clock.time = start + 2_000;
  t.equal(await status(), 200);
  t.match((await province.sim('GET', 'faults')).body.faults, [{ id: body.id, played: 2 }]);
  await province.sim('POST', 'clock', { offsetMs: -500 });
  t.equal(await status(), 503, 'the settable clock decides');
  await province.sim('POST', 'clock', { offsetMs: 0 });
  await province.sim('DELETE', `faults/${body.id}`);

  await province.sim('POST', 'faults', { kind: '502', times: 2 });
  t.same([await status(), await status(), await status()], [502, 502, 200]);
  await province.sim('POST', 'faults', { kind: '502', service: '062' });
  t.equal(await status(), 200);
  const asked = { timestamp: province.clock.time };
  t.equal((await province.send('062', province.three(jia), asked)).status, 502);
});

t.test('before or after the work', async (t) => {
  const province = await world(t);
  const ticket = await login(province);
  t.equal((await province.send('103', ticketData(ticket), { fault: '500' })).status, 500);
  t.equal(
    (await province.send('103', ticketData(ticket), { fault: '500;after=true' })).status,
    500,
    'not spent by that',
  );
  t.equal((await province.exchange(ticket)).code, '1203', 'but by this');
});

t.test('the login page has its faults too', async (t) => {
  const province = await world(t);
  await province.sim('POST', 'faults', { kind: '503', service: 'login', times: 1 });
  const url = `${province.url}/dataset/UnifiedController/login.do?${new URLSearchParams({ callerCode: 'EGRET', returnurl: returnUrl })}`;
  t.equal((await fetch(url)).status, 503);
  t.equal((await fetch(url)).status, 200);
  await province.sim('POST', 'faults', { kind: 'truncated' });
  t.equal((await fetch(url)).status, 200, 'what only an answer can have passes it by');
  await province.sim('POST', 'faults', { kind: 'latency', ms: 30, service: 'login' });
  const began = performance.now();
  t.equal((await fetch(url)).status, 200);
  t.ok(performance.now() - began >= 29);
});

t.test('faults of refusals and of strangers', async (t) => {
  const province = await world(t);
  await province.sim('POST', 'faults', { kind: '500' });
  t.equal((await province.send('062', {}, { caller: newCaller('NOBODY') })).status, 500, 'everybody means everybody');
  await province.sim('DELETE', 'faults');
  const refused = await province.ask(
    '062',
    { ...province.three(jia), USER_NAME: '测试别人' },
    { fault: 'other-person' },
  );
  t.match(refused, { code: '2001', data: undefined }, 'nothing to mix up');
  const retyped = await province.ask('062', { ...province.three(jia), USER_NAME: '测试别人' }, { fault: 'retyped' });
  t.match(retyped, { success: 'false', isSigned: true });
});

t.test('a fault that is none is refused', async (t) => {
  const province = await world(t);
  const bad = [
    {},
    { kind: 'fire' },
    { kind: '500', times: -1 },
    { kind: '500', from: '2026-01-01' },
    { kind: '500', caller: 'A', person: 'jia' },
    { kind: '500', person: 'nobody' },
    { kind: '500', person: '11010519491231002X' },
    { kind: '500', surprise: true },
    { kind: 'latency', ms: 3_600_000 },
    { kind: 'hang', after: 'yes' },
  ];
  for (const fault of bad) t.equal((await province.sim('POST', 'faults', fault)).status, 400, JSON.stringify(fault));
  t.equal((await check(province, 'fire')).status, 400);
  t.equal((await check(province, 'latency;ms=soon')).status, 400);
});
