import { randomBytes } from 'node:crypto';
import t from 'tap';
import { newCaller, open, publicKeysOf, seal } from './client.ts';
import { jia, start, world } from './world.ts';

t.test('health and certificates', async (t) => {
  const province = await world(t);
  const health = await province.ask('X090', {});
  t.match(health, {
    success: true,
    code: '0000',
    isSigned: true,
    data: { STATUS: 'UP', TIME: start },
    timestamp: start,
  });
  const { data } = await province.ask('X091', {});
  t.same(data!.keys, province.platform(), 'the same as in the pinned file');
  const question = { serviceCode: 'X090', data: {}, timestamp: start };
  const { encData: _1, encKey: _2, ...clear } = seal(province.caller, province.platform()[0]!, question);
  const inTheClear = (await (await province.post('/gateway/v2/invoke', { ...clear, data: {} })).json()) as object;
  t.match(inTheClear, { code: '0000' }, 'these two can be asked in the clear');
});

t.test('an answer belongs to its question', async (t) => {
  const province = await world(t);
  const nonce = randomBytes(16).toString('hex');
  const answer = await province.ask('062', province.three(jia), { nonce });
  const keyId = province.platform()[0]!.keyId;
  t.match(answer, { traceId: nonce, timestamp: start, keyId, callerKeyId: 'k1', msg: '成功', isSigned: true });
  t.notMatch(JSON.stringify(answer.encData), '测试');
});

t.test('who asks: 1001, 1002, 1003', async (t) => {
  const province = await world(t);
  const ask = (caller = province.caller) => province.ask('062', province.three(jia), { caller });
  const stranger = await ask(newCaller('STRANGER'));
  t.match(stranger, { success: false, code: '1001', isSigned: false, signData: undefined }, 'nobody to sign for');
  t.equal((await ask(newCaller('__proto__'))).code, '1001');

  await province.register(province.caller, { disabled: true });
  t.match(await ask(), { code: '1002', isSigned: true, data: undefined });
  await province.register(province.caller, { expiresAt: start + 1 });
  t.equal((await ask()).code, '0000');
  province.clock.time += 1;
  t.match(await ask(), { code: '1003', isSigned: true });
  await province.register(province.caller);
  t.equal((await ask()).code, '0000', 'registering again is the whole truth');
});

t.test('signature: 1101', async (t) => {
  const province = await world(t);
  const other = { ...province.caller, sign: newCaller().sign };
  t.match(await province.ask('062', province.three(jia), { caller: other }), { code: '1101', isSigned: true });
  const question = { serviceCode: '062', data: province.three(jia), timestamp: start };
  const sealed = seal(province.caller, province.platform()[0]!, question);
  const changes = [
    { serviceCode: 'X020' },
    { timestamp: start + 1 },
    { nonce: randomBytes(16).toString('hex') },
    { added: 'x' },
    { signData: 'AAAA' },
    { signData: `${sealed.signData}!` },
  ];
  for (const change of changes) {
    const response = await province.post('/gateway/v2/invoke', { ...sealed, ...change });
    t.match(await response.json(), { code: '1101' }, JSON.stringify(change).slice(0, 30));
  }
  const untouched = await province.post('/gateway/v2/invoke', { ...sealed, extra: 'not signed, by the rules' });
  t.match(await untouched.json(), { code: '0000' }, 'none of these used up the nonce');
});

t.test('time: 1102 outside 300 s on either side', async (t) => {
  const province = await world(t);
  const at = async (difference: number) => (await province.ask('X090', {}, { timestamp: start + difference })).code;
  t.same([await at(-300_000), await at(300_000)], ['0000', '0000']);
  t.same([await at(-300_001), await at(300_001)], ['1102', '1102']);
  await province.sim('POST', 'clock', { offsetMs: 3_600_000 });
  const refused = await province.ask('X090', {});
  t.match(refused, { code: '1102', timestamp: start + 3_600_000, isSigned: true }, 'its own time comes along');
  for (const offsetMs of ['1', 1.5, null, 1e15])
    t.equal((await province.sim('POST', 'clock', { offsetMs })).status, 400);
  t.same((await province.sim('GET', 'clock')).body, { now: start + 3_600_000, offsetMs: 3_600_000 });
});

t.test('once: 1103 for 600 s', async (t) => {
  const province = await world(t);
  const nonce = 'n'.repeat(16);
  const ask = (timestamp: number) => province.ask('X090', {}, { nonce, timestamp });
  t.equal((await ask(start + 300_000)).code, '0000');
  t.equal((await ask(start + 300_000)).code, '1103');
  province.clock.time += 600_000;
  t.equal((await ask(start + 300_000)).code, '1103', 'as long as its timestamp is good, and a second use with it');
  province.clock.time += 1;
  t.equal((await ask(province.clock.time)).code, '0000', 'then it may come back');

  const other = newCaller('OTHER');
  await province.register(other);
  t.equal((await province.ask('X090', {}, { nonce, caller: other, timestamp: province.clock.time })).code, '0000');

  const question = { serviceCode: '062', data: province.three(jia), timestamp: province.clock.time };
  const body = seal(province.caller, province.platform()[0]!, question);
  const twenty = Array.from({ length: 20 }, () => province.post('/gateway/v2/invoke', body));
  const codes = (await Promise.all(twenty.map(async (one) => (await one).json()))).map(
    (one) => (one as { code: string }).code,
  );
  t.equal(codes.filter((code) => code === '0000').length, 1, 'of twenty at once, one');
  t.equal(codes.filter((code) => code === '1103').length, 19);
});

t.test('what does not decrypt: 1104', async (t) => {
  const province = await world(t);
  const three = province.three(jia);
  const stranger = publicKeysOf(newCaller());
  const wrapped = { ...stranger, keyId: province.platform()[0]!.keyId };
  const question = { serviceCode: '062', data: three, timestamp: start };
  const bad = [
    seal(province.caller, wrapped, question),
    seal(province.caller, province.platform()[0]!, question, { messageKey: randomBytes(24) }),
    seal(province.caller, province.platform()[0]!, question, { after: { encKey: '!' } }),
    seal(province.caller, province.platform()[0]!, question, { after: { encData: 'AAAA' } }),
    seal(province.caller, province.platform()[0]!, { ...question, data: ['x'] }),
    { ...seal(province.caller, province.platform()[0]!, question), encData: undefined, data: three },
  ];
  for (const [index, body] of bad.entries()) {
    const answer = await (await province.post('/gateway/v2/invoke', body)).json();
    t.match(answer, { success: false, code: '1104' }, `case ${index}`);
  }
});

t.test('keys: 1105, and two that overlap', async (t) => {
  const province = await world(t);
  const [old, next] = [province.caller, { ...newCaller(), keyId: 'k2' }];
  const ask = (caller = old) => province.ask('062', province.three(jia), { caller, timestamp: province.clock.time });
  t.match(await ask(next), { code: '1105', isSigned: true }, 'not registered yet');
  const keys = [publicKeysOf(old, 0, start + 2_000), publicKeysOf(next, start + 1_000)];
  await province.register(old, { keys });
  t.equal((await ask(next)).code, '1105', 'not yet');
  province.clock.time = start + 1_500;
  t.equal((await ask(old)).code, '0000');
  t.match(await ask(next), { code: '0000', callerKeyId: 'k2' }, 'answered under the key that asked');
  province.clock.time = start + 2_001;
  t.equal((await ask(old)).code, '1105', 'over');
  const unknown = { keyId: 'FJ-none' };
  const question = { serviceCode: '062', data: province.three(jia), timestamp: province.clock.time };
  const body = seal(next, { ...province.platform()[0]!, ...unknown }, question);
  t.match(await (await province.post('/gateway/v2/invoke', body)).json(), { code: '1105' }, 'no such platform key');
});

t.test('the platform rolls its key: the old one still opens, the new one signs', async (t) => {
  const province = await world(t);
  const [before] = province.platform();
  const { body } = await province.sim('POST', 'keys/roll');
  const [now, older] = province.platform();
  t.equal(now!.keyId, body.keyId);
  t.same(older, before);
  const question = { serviceCode: '062', data: province.three(jia), timestamp: start };
  const response = await province.post('/gateway/v2/invoke', seal(province.caller, before!, question));
  const answer = open((await response.json()) as Record<string, unknown>, province.caller, now!);
  t.match(answer, { code: '0000', keyId: now!.keyId, isSigned: true });
});

t.test('malformed questions are refused by name, and signed', async (t) => {
  const province = await world(t);
  const changes: Record<string, object> = {
    version: { version: '1.0' },
    timestamp: { timestamp: String(start) },
    nonce: { nonce: 'short' },
    signType: { signType: 'RSA' },
    encType: { encType: 'AES' },
    serviceCode: { serviceCode: 62 },
    keyId: { keyId: null },
  };
  for (const [field, change] of Object.entries(changes)) {
    const answer = await province.ask('062', province.three(jia), { change });
    t.match(answer, { success: false, code: '9999', msg: new RegExp(field), isSigned: true }, field);
  }
  t.match(await province.ask('999', {}), { code: '9999', msg: '没有这个服务' });
  t.equal((await province.ask('constructor', {})).code, '9999');
  t.equal((await province.ask('SMS', {}, { path: '/gateway/v2/invoke' })).code, '9999', 'SMS has its own path');
  t.equal((await province.ask('062', province.three(jia), { path: '/sms/send' })).code, '9999');
  for (const data of [{}, { USER_NAME: 1, USER_IDCARD: [], USER_MOBILE: {} }])
    t.equal((await province.ask('062', data)).code, '9999');
  t.equal((await province.ask('103', {})).code, '9999');
  t.match(await province.ask('X020', {}), { code: '1301' });

  for (const body of ['null', '[]', '"x"', '{}', '{"appId":{}}']) {
    const response = await province.post('/gateway/v2/invoke', body);
    t.match(await response.json(), { success: false, code: '1001' }, body);
  }
  t.equal((await province.post('/gateway/v2/invoke', '{"appId":')).status, 400);
  t.equal((await province.post('/gateway/v2/invoke', '{"__proto__":{"x":1}}')).status, 400);
});

t.test('no more than 256 KB', async (t) => {
  const province = await world(t);
  const body = (bytes: number) => JSON.stringify({ appId: 'x'.repeat(bytes - 12) });
  t.equal((await province.post('/gateway/v2/invoke', body(256 * 1024))).status, 200);
  t.equal((await province.post('/gateway/v2/invoke', body(256 * 1024 + 1))).status, 413);
});

t.test('only on this machine, by its name, and not from another site', async (t) => {
  const province = await world(t);
  const { port } = new URL(province.url);
  const { request } = await import('node:http');
  const status = (headers: Record<string, string>, method = 'GET') =>
    new Promise((resolve, reject) => {
      const path = '/__sim/clock';
      const sent = request({ host: '127.0.0.1', port, path, method, headers }, (response) => {
        response.resume();
        resolve(response.statusCode);
      });
      sent.on('error', reject).end();
    });
  t.equal(await status({ host: `127.0.0.1:${port}` }), 200);
  t.equal(await status({ host: `localhost:${port}` }), 200);
  t.equal(await status({ host: 'rebound.example' }), 421);
  t.equal(await status({ 'sec-fetch-site': 'cross-site' }, 'POST'), 403);
  t.equal(await status({ 'sec-fetch-site': 'cross-site' }), 200, 'a link may lead here');
});

t.test('registrations are checked, kept, and the same twice', async (t) => {
  const province = await world(t);
  const good = { callerCode: 'NEW', returnUrlPrefixes: ['https://city.example/'], keys: [publicKeysOf(newCaller())] };
  const [key] = good.keys;
  const bad = [
    null,
    { ...good, callerCode: 'two words' },
    { ...good, returnUrlPrefixes: 'https://city.example/' },
    { ...good, returnUrlPrefixes: ['javascript:alert(1)'] },
    { ...good, returnUrlPrefixes: ['https://user@city.example/'] },
    { ...good, keys: [] },
    { ...good, keys: [{ ...key, signKey: `04${'1'.repeat(128)}` }] },
    { ...good, keys: [{ ...key, notAfter: '2030-01-01' }] },
    { ...good, keys: [key, key] },
    { ...good, disabled: 'no' },
    { ...good, smsSignature: '】' },
  ];
  for (const [index, body] of bad.entries())
    t.equal((await province.sim('POST', 'callers', body)).status, 400, `case ${index}`);
  const first = await province.sim('POST', 'callers', good);
  t.same(await province.sim('POST', 'callers', good), first);
  const { body } = await province.sim('GET', 'callers');
  t.same(
    body.callers.map(({ callerCode }: { callerCode: string }) => callerCode),
    ['EGRET', 'NEW'],
  );
});
