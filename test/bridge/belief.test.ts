import { writeFile } from 'node:fs/promises';
import t from 'tap';
import { shiftedClock } from '../../src/clock.ts';
import { bridgeTo, caller, makePair, type Play, person, returnUrl, sendJson, startPlatform } from './platform.ts';

const ticket = 'T'.repeat(43);
const unusable = { ok: false, code: 'EG-P9999', behaviour: 'outage' };
const unreachable = { ok: false, code: 'EG-P9001', behaviour: 'outage' };

t.test('the signature is of a pinned key in force', async (t) => {
  const platform = await startPlatform(t);
  const stranger = makePair('platform-1');
  const rolled = makePair('platform-2');
  let offset = 0;
  const clock = shiftedClock(() => offset);
  const bridge = bridgeTo(t, platform, { tuning: { threshold: 1_000 }, clock });
  const check = () => bridge.checkRealName(person);
  const playing = (play: Play) => {
    platform.play = () => play;
  };

  playing({ signer: stranger });
  t.match(await check(), unusable, 'another key under a known id');
  for (const [name, change] of Object.entries({
    'without a signature': { signData: undefined },
    'an empty one': { signData: '' },
    'no Base64': { signData: '%%%' },
    'no DER': { signData: Buffer.alloc(64, 1).toString('base64') },
    'another code': { code: '2001', success: false },
    'another time': { timestamp: Date.now() + 1 },
    'one more field': { note: 'x' },
    'data in the clear': { data: { RESULT: '1' } },
  })) {
    playing({ sealed: (answer) => ({ ...answer, ...change }) });
    t.match(await check(), unusable, name);
  }
  playing({ code: '2001', sealed: ({ signData: _, ...rest }) => rest });
  t.match(await check(), unusable, 'a refusal that is not signed');
  playing({ sealed: (answer) => ({ ...answer, extra: { anything: 1 } }) });
  t.match(await check(), { ok: true }, '`extra` is outside the signature, and not read');
  playing({ code: '1001', sealed: ({ signData: _, ...rest }) => rest });
  t.match(
    await check(),
    { ok: false, code: 'EG-P1001', behaviour: 'outage' },
    'whom it does not know, it cannot sign for',
  );
  playing({ code: '1001', head: (head) => ({ ...head, traceId: 'x' }), sealed: ({ signData: _, ...rest }) => rest });
  t.match(await check(), unusable, 'but it answers what was asked');

  // Rolled early: the answer is signed by a key that the file learns only now.
  playing({ signer: rolled });
  t.match(await check(), unusable, 'a key that is not in the file');
  await platform.pin([platform.key, rolled]);
  t.match(await check(), { ok: true }, 'an unknown id reads the file again');
  await writeFile(platform.keysFile, '{"keys": [');
  t.match(await check(), { ok: true }, 'a known id does not');
  playing({ signer: makePair('platform-3') });
  t.match(await check(), unusable, 'a file that is cut is no set of keys');
  t.match(
    bridge.lines.find((line) => line.includes('platform keys: ')),
    /no JSON object with a list/,
  );

  // An old key: it was in force once.
  const over = { notBefore: 0, notAfter: Date.now() - 1 };
  await platform.pin([platform.key, { ...rolled, ...over }]);
  const another = bridgeTo(t, platform, { tuning: { threshold: 1_000 } });
  playing({ signer: rolled });
  t.match(await another.checkRealName(person), unusable, 'a key that is no longer in force');
  playing({ signer: rolled, code: '1102', head: (head) => ({ ...head, timestamp: Date.now() }) });
  t.match(await another.checkRealName(person), unusable, 'nor does it set our clock');
  const future = { ...rolled, notBefore: Date.now() + 3_600_000 };
  await platform.pin([platform.key, future]);
  playing({ signer: rolled });
  t.match(await bridgeTo(t, platform).checkRealName(person), unusable, 'one that is not yet in force');
  playing({});
  t.match(await bridgeTo(t, platform).checkRealName(person), { ok: true }, 'and it is not wrapped for');
  await platform.pin([{ ...platform.key, ...over }]);
  t.match(await bridgeTo(t, platform).checkRealName(person), unreachable, 'no key in force to wrap for: not sent');

  await platform.pin([platform.key]);
  offset = 120_000;
  playing({});
  platform.ahead = 120_000;
  t.match(await check(), { ok: true }, 'after a minute the file is read again');
  playing({ signer: rolled });
  t.match(await check(), unusable, 'so a key that was taken out is believed no longer');
});

t.test('who wrapped for a key that is gone looks into the file before the next question', async (t) => {
  for (const code of ['1104', '1105']) {
    const platform = await startPlatform(t);
    const bridge = bridgeTo(t, platform);
    t.match(await bridge.checkRealName(person), { ok: true });
    const rolled = makePair('platform-2');
    await platform.pin([rolled]);
    platform.play = () => ({ code });
    t.match(await bridge.checkRealName(person), { ok: false, code: `EG-P${code}` });
    platform.key = rolled;
    platform.play = () => undefined;
    t.match(await bridge.checkRealName(person), { ok: true });
    t.equal(platform.asked.at(-1)?.envelope.platformKeyId, 'platform-2');
    t.equal(platform.count('062'), 3);
  }
});

t.test('keys pinned as they are, or not at all', async (t) => {
  const platform = await startPlatform(t);
  const good = {
    keyId: 'k',
    signKey: caller.sign.publicKey,
    encKey: caller.encrypt.publicKey,
    notBefore: 0,
    notAfter: 9e15,
  };
  for (const [name, file] of Object.entries({
    missing: undefined,
    'no JSON': 'x',
    'no list': '{"keys":{}}',
    'no objects': '{"keys":[1]}',
    'no id': JSON.stringify({ keys: [{ ...good, keyId: '' }] }),
    'no point': JSON.stringify({ keys: [{ ...good, signKey: `04${'eb'.repeat(64)}` }] }),
    'one bad of two': JSON.stringify({ keys: [good, { ...good, encKey: 'aa' }] }),
    'times as text': JSON.stringify({ keys: [{ ...good, notAfter: '2099-01-01' }] }),
    'repeated names': `{"keys":[],"keys":[${JSON.stringify(good)}]}`,
  })) {
    const keysFile = `${platform.keysFile}-${name.replaceAll(' ', '-')}`;
    if (file !== undefined) await writeFile(keysFile, file);
    const bridge = bridgeTo(t, { ...platform, keysFile });
    t.match(await bridge.checkRealName(person), { ok: false, behaviour: 'outage' }, name);
    t.match(bridge.lines[0], /platform keys: /, 'the operator reads why');
    bridge.close();
  }
  t.equal(platform.count(), 0, 'nothing was sent');
});

t.test('our own keys: two may overlap', async (t) => {
  const platform = await startPlatform(t);
  const next = makePair('caller-2');
  const bridge = bridgeTo(t, platform, { keys: () => [caller, next] });
  platform.play = () => ({ head: (head) => ({ ...head, callerKeyId: 'caller-1' }) });
  t.match(await bridge.checkRealName(person), { ok: true });
  platform.play = () => ({ head: (head) => ({ ...head, callerKeyId: 'caller-2' }) });
  t.match(await bridge.checkRealName(person), unusable, 'wrapped for one, said to be for the other');
  platform.play = () => ({ head: (head) => ({ ...head, callerKeyId: 'caller-9' }) });
  t.match(await bridge.checkRealName(person), unusable, 'wrapped for nobody we know');
  const none = bridgeTo(t, platform, { keys: () => [] });
  t.match(await none.checkRealName(person), unreachable, 'no key of ours');
});

t.test('clocks that differ', async (t) => {
  const platform = await startPlatform(t);
  const bridge = bridgeTo(t, platform, { tuning: { threshold: 1_000 } });
  const check = () => bridge.checkRealName(person);
  platform.ahead = 250_000;
  t.match(await check(), { ok: true }, 'within the window');
  platform.ahead = 0;
  for (const apart of [-301_000, 301_000]) {
    platform.play = () => ({ head: (head) => ({ ...head, timestamp: Number(head.timestamp) + apart }) });
    t.match(await check(), unusable, `an answer of ${apart} ms`);
  }
  platform.play = () => undefined;

  platform.asked.length = 0;
  platform.ahead = 3_600_000;
  t.match(await check(), { ok: true }, 'an hour apart: one resync');
  t.equal(platform.count('062'), 2, 'and the question once more');
  t.match(await check(), { ok: true });
  t.equal(platform.count('062'), 3, 'the next one is right at once');
  platform.ahead = -7_200_000;
  t.match(await check(), { ok: true }, 'and back');
  t.equal(platform.count('062'), 5);

  // Another bridge each: an outage that its probe confirms opens the breaker.
  const once = () => {
    platform.asked.length = 0;
    return bridgeTo(t, platform).checkRealName(person);
  };
  platform.ahead = 2 * 86_400_000;
  t.match(await once(), { ok: false, code: 'EG-P1102', behaviour: 'outage' }, 'two days are no skew');
  t.equal(platform.count('062'), 1, 'and nothing is tried again');
  platform.ahead = 0;
  platform.play = () => ({ code: '1102' });
  t.match(await once(), { ok: false, code: 'EG-P1102', behaviour: 'outage' }, 'a second 1102 ends it');
  t.equal(platform.count('062'), 2);
  // A 1102 of somebody else would move our clock.
  platform.ahead = 3_600_000;
  platform.play = () => ({ code: '1102', signer: makePair('platform-1') });
  t.match(await once(), unusable, 'a 1102 that is not signed by the platform');
  t.equal(platform.count('062'), 1, 'moves nothing');
});

t.test('a refusal of 1xxx is not asked again', async (t) => {
  for (const code of ['1101', '1103', '1104', '1105', '1003']) {
    const platform = await startPlatform(t);
    const bridge = bridgeTo(t, platform);
    platform.play = () => ({ code });
    t.match(await bridge.checkRealName(person), { ok: false, code: `EG-P${code}` });
    t.equal(platform.count('062'), 1, code);
    await platform.stop();
  }
});

t.test('garbage', async (t) => {
  const platform = await startPlatform(t);
  const elsewhere = await startPlatform(t);
  const bridge = bridgeTo(t, platform, { tuning: { threshold: 1_000 } });
  const big = 70 * 1024;
  const status = (code: number) =>
    ({
      send: (response, json) => response.writeHead(code, { 'content-type': 'application/json' }).end(json),
    }) satisfies Play;
  const sends = (change: (json: string) => string | Buffer, type?: string) =>
    ({ send: (response, json) => sendJson(response, change(json), type) }) satisfies Play;
  const retyped = (changes: Record<string, unknown>) =>
    ({ sealed: (answer) => ({ ...answer, ...changes }) }) satisfies Play;
  const signedAs = (changes: Record<string, unknown>) => ({ head: (head) => ({ ...head, ...changes }) }) satisfies Play;
  const plays: [name: string, play: Play, told?: object][] = [
    ['HTTP 401', status(401), unreachable],
    ['HTTP 429', status(429), unreachable],
    ['HTTP 500', status(500), unreachable],
    ['HTTP 502', status(502), unreachable],
    ['HTTP 503', status(503), unreachable],
    ['HTTP 504', status(504), { ok: false, code: 'EG-P9002', behaviour: 'outage' }],
    ['HTTP 201', status(201), unreachable],
    ['HTTP 204', { send: (response) => response.writeHead(204).end() }, unreachable],
    ['a reset', { send: (response) => response.socket?.resetAndDestroy() }, unreachable],
    [
      'a reset half-way',
      {
        send: (response) =>
          response
            .writeHead(200, { 'content-type': 'application/json', 'content-length': '999' })
            .write('{', () => response.socket?.resetAndDestroy()),
      },
      unreachable,
    ],
    [
      'a redirect',
      { send: (response) => response.writeHead(307, { location: `${elsewhere.url}/gateway/v2/invoke` }).end() },
    ],
    ['a redirect to GET', { send: (response) => response.writeHead(302, { location: `${elsewhere.url}/` }).end() }],
    ['HTML', sends(() => '<!doctype html><title>维护中</title>', 'text/html')],
    ['HTML said to be JSON', sends(() => '<!doctype html><title>维护中</title>')],
    ['JSON said to be text', sends((json) => json, 'text/plain')],
    ['JSON in another charset', sends((json) => json, 'application/json; charset=gbk')],
    ['without a type', { send: (response, json) => response.writeHead(200).end(json) }],
    ['GBK', sends(() => Buffer.from('7b226d7367223a22b2e2cad4bcd7227d', 'hex'))],
    ['truncated', sends((json) => json.slice(0, -20))],
    ['empty', sends(() => '')],
    ['an array', sends((json) => `[${json}]`)],
    ['a byte order mark', sends((json) => `\ufeff${json}`)],
    ['a duplicated key', sends((json) => json.replace('{', '{"success":true,'))],
    ['a key duplicated by an escape', sends((json) => json.replace('{', '{"succes\\u0073":true,'))],
    ['success as text, signed', signedAs({ success: 'true' })],
    ['success as a number, signed', signedAs({ success: 1 })],
    ['code as a number, signed', signedAs({ code: 0 })],
    ['success with a code, signed', signedAs({ code: '2001' })],
    ['no success with 0000, signed', signedAs({ success: false })],
    ['timestamp as text, signed', signedAs({ timestamp: String(Date.now()) })],
    ['timestamp with a fraction, signed', signedAs({ timestamp: Date.now() + 0.5 })],
    ['no timestamp, signed', signedAs({ timestamp: undefined })],
    ['no trace, signed', signedAs({ traceId: undefined })],
    ['no key id, signed', signedAs({ keyId: undefined })],
    ['msg as an object, signed', signedAs({ msg: { text: 'x' } })],
    ['encData as a list', retyped({ encData: ['x'] })],
    ['encData without its key', retyped({ encKey: undefined })],
    ['a key without encData', retyped({ encData: undefined })],
    ['neither', retyped({ encData: undefined, encKey: undefined })],
    ['encData changed', retyped({ encData: Buffer.alloc(64, 7).toString('base64') })],
    ['encKey changed', retyped({ encKey: Buffer.alloc(113, 4).toString('base64') })],
    [
      'encKey in URL-safe letters',
      { sealed: (answer) => ({ ...answer, encKey: String(answer.encKey).replaceAll('=', '') }) },
    ],
    ['data as a list', { plaintext: (json) => `[${json}]` }],
    ['data with a duplicated key', { plaintext: (json) => json.replace('{', '{"RESULT":"0",') }],
    ['data that is no JSON', { plaintext: () => 'RESULT=1' }],
    ['data of another answer', { plaintext: () => '{"RESULT":"1"}' }],
    ['oversized, with its length', sends((json) => json.replace('{', `{"pad":"${'x'.repeat(big)}",`))],
    [
      'oversized, in pieces',
      {
        send: (response, json) => {
          response.writeHead(200, { 'content-type': 'application/json' });
          response.write(json);
          response.end(' '.repeat(big));
        },
      },
    ],
    ['deep', sends((json) => json.replace('{', `{"note":${'['.repeat(20_000)}1${']'.repeat(20_000)},`))],
  ];
  for (const [name, play, told = unusable] of plays) {
    platform.play = () => play;
    t.match(await bridge.checkRealName(person), told, name);
    t.match(await bridge.redeemTicket(ticket, returnUrl), told, `${name}: ticket`);
  }
  t.equal(elsewhere.count(), 0, 'no redirect was followed');
  t.equal(platform.count('103'), plays.length, 'a ticket is never carried twice');
  platform.play = () => undefined;
  t.match(await bridge.checkRealName(person), { ok: true }, 'and a right answer is right again');
  t.equal(platform.count('062'), plays.length + 1);
});
