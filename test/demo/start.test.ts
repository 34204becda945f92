import { spawnSync } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { dirname, join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { freeBase } from '../support/city.ts';
import { database } from '../support/database.ts';
import { node, type Program, program, until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { wantsAnotherUser } from '../support/wants.ts';

const main = resolve(import.meta.dirname, '../../src/demo/main.ts');
const reset = resolve(import.meta.dirname, '../../src/demo/reset.ts');
const root = process.getuid?.() === 0;
// A dozen cities start here, and the machine may be busy.
t.setTimeout(600_000);

/** Somebody without rights; root tries as this one what root may do anyway. */
const nobody = root ? { uid: 65534, gid: 65534 } : {};

interface Place {
  readonly base: number;
  readonly data: string;
  readonly env: Record<string, string>;
}

async function place(t: Test): Promise<Place> {
  const folder = scratch(t, 'start', 0o755);
  if (root) fs.chownSync(folder, 65534, 65534);
  const base = await freeBase();
  const data = join(folder, 'data');
  return {
    base,
    data,
    env: { EGRET_BASE_PORT: `${base}`, EGRET_DATA: data, EGRET_KEY_FILE: join(folder, 'keys/key') },
  };
}

const begin = (t: Test, own: Place, who: object = {}): Program => node(t, main, [], { env: own.env, ...who });
const ready = (program: Program) => program.waitFor(/Ctrl-C ends everything/, 110_000);

/** Processes that have this text in their command line or were started in it: name → pids. Only what we started. */
function pidsOf(own: Place): number[] {
  return fs
    .readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name) && Number(name) !== process.pid)
    .filter((pid) => {
      try {
        const command = fs.readFileSync(`/proc/${pid}/cmdline`, 'utf8');
        if (command.includes(own.data)) return true;
        return fs.readFileSync(`/proc/${pid}/environ`, 'utf8').includes(`EGRET_DATA=${own.data}\0`);
      } catch {
        return false; // gone meanwhile
      }
    })
    .map(Number);
}

const nobodyLeft = (own: Place) => until(() => pidsOf(own).length === 0, 60_000);

/** Refused: one line, not a stack, code 1, and nothing of it runs. */
async function refused(t: Test, own: Place, program: Program, said: RegExp) {
  const { code } = await program.exit;
  t.equal(code, 1);
  t.match(program.output(), said);
  t.equal(program.output().trim().split('\n').length, 1, program.output());
  await nobodyLeft(own);
}

const knows = async (own: Place): Promise<number> => {
  const state = await fetch(`http://127.0.0.1:${own.base + 202}/`);
  return state.status;
};

t.test('a start, told to somebody who sees it for the first time', { timeout: 590_000 }, async (t) => {
  const own = await place(t);
  const city = begin(t, own);
  await ready(city);
  const said = city.output();
  for (const line of [
    new RegExp(`^gateway +http://localhost:${own.base}$`, 'm'),
    new RegExp(`^province +http://127\\.0\\.0\\.1:${own.base + 100} `, 'm'),
    new RegExp(`^SMS inbox +http://127\\.0\\.0\\.1:${own.base + 100}/__sim/inbox$`, 'm'),
    ...['人社', '公积金', '医保', '市场监管', '好差评'].map(
      (name, n) => new RegExp(`^ +${name} +http://127\\.0\\.0\\.1:${own.base + 201 + n}$`, 'm'),
    ),
    /测试甲, number 350299199001010117, mobile 15400000117/,
    /^Ready in \d+\.\d s\./m,
  ])
    t.match(said, line);
  for (const [, url = ''] of said.matchAll(/(http:\/\/[\w.:/]+)/g)) {
    const path = url.endsWith(`:${own.base + 1}`) ? `${url}/readyz` : url;
    t.ok((await fetch(path, { redirect: 'manual' })).status < 400, `${path} answers`);
  }

  await t.test('a second one in its place is refused in a sentence', async (t) => {
    const busy = begin(t, own);
    t.equal((await busy.exit).code, 1);
    t.match(busy.output(), /^An Egret already runs with the data folder \S+: end it, or .*EGRET_BASE_PORT=\d+ .*\n$/);
    const elsewhere = { ...own, data: `${own.data}-2`, env: { ...own.env, EGRET_DATA: `${own.data}-2` } };
    const taken = begin(t, elsewhere);
    const sentence = new RegExp(`^Port ${own.base} is taken .*: end it, or .*EGRET_BASE_PORT=\\d+ EGRET_DATA=`);
    await refused(t, elsewhere, taken, sentence);
    const forget = node(t, reset, [], { env: own.env });
    t.equal((await forget.exit).code, 1);
    t.match(forget.output(), /is in use: stop what was started/);
  });

  await t.test('a second one beside it, and each ends alone, by SIGTERM', async (t) => {
    const beside = await place(t);
    const second = begin(t, beside);
    await ready(second);
    t.equal(await knows(beside), 200);
    t.strictSame(await second.stop('SIGTERM'), { code: 0, signal: null });
    await nobodyLeft(beside);
    t.equal(await knows(own), 200, 'the first goes on');
  });

  await t.test('Ctrl-C ends all of it', async (t) => {
    const secret = fs.readFileSync(join(own.data, 'portals/gongjijin.secret'), 'utf8');
    t.match(secret, /^[\w-]{43}$/);
    t.ok(pidsOf(own).length >= 5, 'gateway, province, portals, database and the one that started them');
    t.strictSame(await city.stop('SIGINT'), { code: 0, signal: null });
    await nobodyLeft(own);
  });

  await t.test('kill -9 of everything at once, and the next start has the data', async (t) => {
    const again = begin(t, own);
    await ready(again);
    const key = await (await fetch(`http://localhost:${own.base}/jwks`)).text();
    t.match(key, '"kid"');
    for (const pid of pidsOf(own)) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // ended with another one
      }
    }
    await again.exit;
    const next = begin(t, own);
    await ready(next);
    t.equal(await (await fetch(`http://localhost:${own.base}/jwks`)).text(), key, 'the keys are the same');
    t.equal(await knows(own), 200);

    // only the one that started them: the others notice, and a start at once waits for that
    next.child.kill('SIGKILL');
    await next.exit;
    const last = begin(t, own);
    await ready(last);
    t.equal(await (await fetch(`http://localhost:${own.base}/jwks`)).text(), key);
    await last.stop('SIGTERM');
    await nobodyLeft(own);
  });

  await t.test('reset forgets it', async (t) => {
    const done = node(t, reset, [], { env: own.env });
    t.equal((await done.exit).code, 0);
    t.match(done.output(), /is forgotten; the next start begins anew/);
    t.notOk(fs.existsSync(own.data));
    t.ok(fs.existsSync(own.env.EGRET_KEY_FILE as string), 'the key-encryption key stays');
  });
});

t.test('told to end while it starts, nothing is left', { timeout: 590_000 }, async (t) => {
  const own = await place(t);
  const early = begin(t, own);
  await until(() => fs.existsSync(join(own.data, 'logs/gateway.log')));
  await early.stop('SIGINT');
  t.notMatch(early.output(), /^\s+at /m, 'no stack');
  await nobodyLeft(own);
});

t.test('under npm, which passes no kill on', { timeout: 590_000 }, async (t) => {
  const own = await place(t);
  const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS|npm_)/.test(name));
  const env = { ...Object.fromEntries(mine), ...own.env };
  const npm = program(t, 'npm', ['start'], { cwd: resolve(import.meta.dirname, '../..'), env });
  await ready(npm);
  t.ok(pidsOf(own).length >= 5);
  npm.child.kill('SIGKILL');
  await nobodyLeft(own);
  t.pass('the city noticed');
});

t.test('beside a database of its own, and another one next time', { timeout: 590_000 }, async (t) => {
  const own = await place(t);
  const secrets: string[] = [];
  const first = await database(t);
  for (const { url } of [first, first, await database(t)]) {
    const city = begin(t, { ...own, env: { ...own.env, EGRET_DATABASE_URL: url } });
    await ready(city);
    secrets.push(fs.readFileSync(join(own.data, 'portals/gongjijin.secret'), 'utf8'));
    t.notOk(fs.existsSync(join(own.data, 'pg')), 'nothing is embedded');
    await city.stop('SIGTERM');
    await nobodyLeft(own);
  }
  t.equal(secrets[1], secrets[0], 'kept');
  t.not(secrets[2], secrets[0], 'made again where nobody knows the old one');
});

const unshare = [
  '-n',
  'sh',
  '-c',
  'ip link set lo up && echo 1 >/proc/sys/net/ipv6/conf/all/disable_ipv6 && exec "$@"',
];
const canUnshare = spawnSync('unshare', [...unshare, 'sh', 'true']).status === 0;

t.test(
  'on a machine without IPv6',
  { timeout: 590_000, ...(canUnshare ? {} : { skip: 'left out: no network namespaces for this user' }) },
  async (t) => {
    const own = await place(t);
    const leash = `--import=${new URL('../support/leash.ts', import.meta.url).href}`;
    const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS|npm_)/.test(name));
    const city = program(t, 'unshare', [...unshare, 'sh', process.execPath, leash, main], {
      env: { ...Object.fromEntries(mine), ...own.env },
    });
    await ready(city);
    t.match(fs.readFileSync(join(own.data, 'logs/gateway.log'), 'utf8'), /no IPv6: the other addresses/);
    t.strictSame(await city.stop('SIGTERM'), { code: 0, signal: null });
    await nobodyLeft(own);
  },
);

t.test('as an ordinary user', { ...wantsAnotherUser(), timeout: 590_000 }, async (t) => {
  const own = await place(t);
  const city = begin(t, own, nobody);
  await ready(city);
  t.equal(await knows(own), 200);
  if (root) t.equal(fs.statSync(join(own.data, 'pg')).uid, 65534);
  t.strictSame(await city.stop('SIGINT'), { code: 0, signal: null });
  await nobodyLeft(own);
});

t.test('what cannot start says why, in one sentence', { timeout: 590_000 }, async (t) => {
  const own = await place(t);
  fs.writeFileSync(own.data, '');
  await refused(t, own, begin(t, own), /^The data folder \S+ is not a folder: .*EGRET_DATA/);
  fs.rmSync(own.data);

  const { skip } = wantsAnotherUser();
  if (skip) t.comment(skip);
  if (!skip) {
    fs.mkdirSync(own.data, { mode: 0o555 });
    await refused(t, own, begin(t, own, nobody), /^The data folder \S+ cannot be written by this user: .*EGRET_DATA/);
    fs.rmSync(own.data, { recursive: true });
  }
  // a folder which another user began
  if (root && !skip) {
    fs.mkdirSync(join(own.data, 'logs'), { recursive: true, mode: 0o700 });
    await refused(t, own, begin(t, own, nobody), /^The data folder \S+ cannot be written by this user/);
    fs.rmSync(own.data, { recursive: true });
  }

  const held = net.createServer().listen(own.base + 203, '127.0.0.1');
  await refused(t, own, begin(t, own), new RegExp(`^Port ${own.base + 203} is taken `));
  held.close();

  for (const [env, said] of [
    [{ EGRET_BASE_PORT: '80' }, /^EG-1901 .*base_port/],
    [{ EGRET_BASE_PROT: '4000' }, /^EG-1901 .*EGRET_BASE_PROT/],
    [{ EGRET_MODE: 'production', EGRET_ISSUER: 'https://a.test', EGRET_DATABASE_URL: 'postgres://a/b' }, /egret serve/],
  ] as const) {
    const wrong = node(t, main, [], { env: { ...own.env, ...env } });
    await refused(t, own, wrong, said);
  }

  // the gateway cannot read its key: the whole city ends, and says which program and why
  const closed = join(dirname(own.data), 'closed');
  fs.mkdirSync(closed);
  fs.writeFileSync(join(closed, 'key'), 'no key', { mode: 0o600 });
  const city = node(t, main, [], { env: { ...own.env, EGRET_KEY_FILE: join(closed, 'key') } });
  t.equal((await city.exit).code, 1);
  t.match(city.output(), /^The gateway ended \(1\)\. EG-1803 /);
  t.notMatch(city.output(), /^\s+at /m);
  await nobodyLeft(own);
});
