import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { join, resolve } from 'node:path';
import t from 'tap';
import { database } from '../support/database.ts';
import { program } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';

t.setTimeout(240_000);

const egret = join(resolve(import.meta.dirname, '../..'), 'src/cli/egret');

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}

t.test('serve: up, beside the command line, refused a second time, and down', async (t) => {
  const db = await database(t);
  const folder = scratch(t, 'serve');
  const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS)/.test(name));
  const env = {
    ...Object.fromEntries(mine),
    EGRET_BASE_PORT: `${await freePort()}`,
    EGRET_DATABASE_URL: db.url,
    EGRET_DATA: folder,
    EGRET_KEY_FILE: join(folder, 'key'),
  };
  const run = (...args: string[]) => program(t, egret, args, { cwd: '/', env });
  const gateway = run('serve');
  await gateway.waitFor(/"ready"/);

  const second = run('serve');
  t.equal((await second.exit).code, 1);
  t.match(second.output(), /EG-1905 .* port \d+ is taken, .*EGRET_BASE_PORT/);
  t.notMatch(second.output(), /^\s+at /m);

  const list = run('clients', 'list');
  t.equal((await list.exit).code, 0);
  t.match(list.output(), /renshe +active/, 'applied at the start in development');

  t.strictSame(await gateway.stop('SIGTERM'), { code: 0, signal: null });
});

t.test('serve: what it cannot start with is said in one line', async (t) => {
  const db = await database(t);
  const folder = scratch(t, 'serve');
  const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS)/.test(name));
  const env = {
    ...Object.fromEntries(mine),
    EGRET_BASE_PORT: `${await freePort()}`,
    EGRET_DATABASE_URL: db.url,
    EGRET_DATA: folder,
    EGRET_KEY_FILE: join(folder, 'key'),
  };
  const nobody = await freePort();
  const broken = join(folder, 'clients');
  fs.mkdirSync(broken);
  fs.writeFileSync(join(broken, 'bad.yaml'), 'a: [');
  for (const [more, code, said] of [
    [
      { EGRET_DATABASE_URL: `postgres://a:hidden@127.0.0.1:${nobody}/a` },
      3,
      /^EG-1702 {2}The records cannot be reached/,
    ],
    [{ EGRET_CLIENTS: join(folder, 'nowhere') }, 1, /^EG-1601 {2}\S+nowhere does not exist$/],
    [{ EGRET_CLIENTS: broken }, 1, /^EG-1601 {2}\S+bad\.yaml: .*$/],
    [{ EGRET_BASE_PORT: 'x' }, 1, /^EG-1901 {2}.*EGRET_BASE_PORT.*$/],
  ] as const) {
    const refused = program(t, egret, ['serve'], { cwd: '/', env: { ...env, ...more } });
    t.equal((await refused.exit).code, code);
    t.match(refused.output().trim(), said);
    t.equal(refused.output().trim().split('\n').length, 1, refused.output());
    t.notMatch(refused.output(), /hidden/);
  }
});
