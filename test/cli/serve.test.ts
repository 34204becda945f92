import { once } from 'node:events';
import net from 'node:net';
import { join, resolve } from 'node:path';
import t from 'tap';
import { database } from '../support/database.ts';
import { program } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';

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
