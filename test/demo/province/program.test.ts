import { type ChildProcess, spawn } from 'node:child_process';
import { readFileSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:net';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { startProvince } from '../../../src/demo/province/province.ts';

const main = new URL('../../../src/demo/province/main.ts', import.meta.url).pathname;

function start(t: Test, args: string[], env: Record<string, string> = {}) {
  const child: ChildProcess = spawn(process.execPath, [main, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['pipe', 'pipe', 'pipe'],
  });
  t.teardown(() => child.kill('SIGKILL'));
  let out = '';
  let err = '';
  child.stdout!.on('data', (chunk) => (out += chunk));
  child.stderr!.on('data', (chunk) => (err += chunk));
  const ended = new Promise<number | null>((resolve) => child.on('close', resolve));
  const ready = new Promise<string>((resolve, reject) => {
    child.stdout!.on('data', () => /(http:\S+)\n/.test(out) && resolve(/(http:\S+)\n/.exec(out)![1]!));
    void ended.then(() => reject(new Error(`ended: ${err}`)));
  });
  ready.catch(() => {});
  return { child, ready, ended, out: () => out, err: () => err };
}

t.test('one line when it is ready; ends with its parent; keeps keys and callers', async (t) => {
  const data = join(t.testdir(), 'deep', 'province');
  const first = start(t, ['--port', '0', '--data', data, '--with-parent']);
  const url = await first.ready;
  t.match(first.out(), /^province {2}http:\/\/127\.0\.0\.1:\d+\n$/);
  t.equal(statSync(join(data, 'province.json')).mode & 0o777, 0o600);
  t.equal(statSync(data).mode & 0o777, 0o700);
  const pinned = readFileSync(join(data, 'platform-public.json'), 'utf8');
  t.notMatch(pinned, 'privateKey');
  const [key] = JSON.parse(pinned).keys;
  const registration = {
    callerCode: 'KEPT',
    returnUrlPrefixes: [],
    keys: [{ ...key, keyId: 'mine', notBefore: 0, notAfter: 1 }],
  };
  const headers = { 'content-type': 'application/json' };
  await fetch(`${url}/__sim/callers`, { method: 'POST', headers, body: JSON.stringify(registration) });

  // Somebody who waits for an answer does not hold it up.
  const waiting = fetch(`${url}/gateway/v2/invoke`, {
    method: 'POST',
    headers: { ...headers, 'x-sim-fault': 'hang' },
    body: '{}',
  });
  waiting.catch(() => {});
  for (;;) {
    const ledger = (await (await fetch(`${url}/__sim/ledger`)).json()) as { entries: { fault?: string }[] };
    if (ledger.entries.some(({ fault }) => fault === 'hang')) break;
  }
  first.child.stdin!.end();
  t.equal(await first.ended, 0);
  await t.rejects(waiting);
  t.equal(first.err(), '');

  const second = start(t, ['--port', '0', '--data', data]);
  const again = await second.ready;
  t.equal(readFileSync(join(data, 'platform-public.json'), 'utf8'), pinned, 'the same keys');
  const { callers } = (await (await fetch(`${again}/__sim/callers`)).json()) as { callers: { callerCode: string }[] };
  t.same(
    callers.map(({ callerCode }) => callerCode),
    ['KEPT'],
  );
  second.child.kill('SIGTERM');
  t.equal(await second.ended, 0);
});

t.test('never in production', async (t) => {
  const data = t.testdir();
  const refused = start(t, ['--port', '0', '--data', data], { NODE_ENV: 'production' });
  t.equal(await refused.ended, 1);
  t.match(refused.err(), /^[^\n]*NODE_ENV=production[^\n]*\n$/, 'one sentence');
  t.equal(refused.out(), '');
});

t.test('one sentence for a taken port, a closed folder, a damaged file, a wrong argument', async (t) => {
  const taken = createServer();
  await new Promise<void>((resolve) => taken.listen(0, '127.0.0.1', resolve));
  t.teardown(() => taken.close());
  const { port } = taken.address() as { port: number };
  const data = t.testdir({ file: 'not a folder', damaged: { 'province.json': '{"keys":' } });
  await t.rejects(startProvince({ port, data: join(data, 'a') }), {
    message: `Port ${port} is taken: stop the program that has it, or choose another with --port.`,
  });
  await t.rejects(startProvince({ port: 0, data: join(data, 'file', 'x') }), {
    message: /^The data folder \S+ cannot be used \(ENOTDIR\)/,
  });
  await t.rejects(startProvince({ port: 0, data: join(data, 'damaged') }), { message: /is damaged: delete it/ });
  writeFileSync(join(data, 'damaged', 'province.json'), '{"keys":[],"callers":{"x":{}},"settings":{}}');
  await t.rejects(startProvince({ port: 0, data: join(data, 'damaged') }), { message: /is damaged/ });

  for (const args of [['--port', 'many'], ['--nonsense']]) {
    const refused = start(t, args);
    t.equal(await refused.ended, 1, args.join(' '));
    t.notMatch(refused.err(), /\n {4}at /, 'no stack');
  }
});
