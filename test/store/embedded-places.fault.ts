import { execFileSync } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { isUnreachable, openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { program, until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';

const user = join(import.meta.dirname, '../support/embedded-user.ts');
const fills = join(import.meta.dirname, '../support/full-disk.ts');

t.setTimeout(120_000);

/** A disk of a few megabytes that only one program sees: in a namespace where whoever we are may mount one. */
const onDisk = (size: string, at: string, ...command: string[]): string[] => [
  ...[
    '--user',
    '--map-root-user',
    '--mount',
    'sh',
    '-c',
    'mount -t tmpfs -o size="$1" tmpfs "$2" && shift 2 && exec "$@"',
  ],
  ...['sh', size, at, ...command],
];

/** A skip where a container forbids such a thing, with CI=true too: no package mends it. */
function wantsNamespaces(): { skip?: string } {
  try {
    execFileSync('unshare', onDisk('1m', '/mnt', 'true'), { stdio: 'pipe' });
    return {};
  } catch (error) {
    return { skip: `left out: no disk of our own may be mounted here (${(error as Error).message.split('\n')[1]})` };
  }
}

/** Nobody else has a folder that only root may enter. */
const wantsRoot = (): { skip?: string } =>
  process.getuid?.() === 0 ? wantsNamespaces() : { skip: 'left out: it is for root to try' };

/** Runs one of our programs on a disk of this size; what it printed, a line each, and then what lies in its folder. */
async function ranOn(t: Test, size: string, file: string): Promise<string[]> {
  const disk = scratch(t, 'disk', 0o755);
  const data = join(disk, 'data');
  const node = ['env', '-u', 'NODE_OPTIONS', process.execPath, file, data];
  const ran = program(t, 'unshare', onDisk(size, disk, 'sh', '-c', '"$@"; ls -A "$0"', data, ...node));
  await ran.exit;
  return ran.output().trim().split('\n');
}

t.test('a full disk', wantsNamespaces(), async (t) => {
  await t.test('at the first start', async (t) => {
    const [said, ...left] = await ranOn(t, '20m', user);
    t.strictSame(left, ['run'], 'nothing half made is left');
    t.match(said, /^EG-1712: The disk that holds \S+ is full: free some space on it and start again\.$/);
  });
  await t.test('under its users: nothing that was confirmed is lost, and it is back by itself', async (t) => {
    const [filled, rows, log, back, kept] = await ranOn(t, '160m', fills);
    t.equal(filled, 'filled ENOSPC');
    t.equal(rows, 'rows: 53100, away', 'a full disk is told as one that is away');
    t.match(log, /^log: .*, away$/);
    t.ok(Number(/^back after (\d+) ms$/.exec(back ?? '')?.[1]) < 10_000, `${back}`);
    const [, found, confirmed] = /^rows: (\d+) of (\d+)$/.exec(kept ?? '') ?? [];
    t.ok(found && found === confirmed, `${kept} that were confirmed`);
    t.comment(`${log}; ${back}; ${kept}`);
  });
});

t.test('a folder that only root may enter', wantsRoot(), async (t) => {
  const data = join(scratch(t, 'closed', 0o700), 'data');
  const server = await startEmbedded(data);
  const records = openDatabase({ ...server, max: 1 });
  t.match(await records.sql`select current_user as who`, [{ who: 'egret' }]);
  t.equal(fs.statSync(join(data, 'pg')).uid, 0, 'nothing of it was given away');
  await records.close();
  server.release();
  await until(() => !fs.existsSync(join(data, 'pg/postmaster.pid')));
});

t.test('one process of the server is killed', async (t) => {
  const data = join(scratch(t, 'embedded', 0o755), 'data');
  const server = await startEmbedded(data);
  const records = openDatabase({ ...server, max: 2 });
  const { sql } = records;
  await sql`create table kept (id integer)`;
  await sql`insert into kept values (1)`;
  const [backend] = await sql<{ pid: number }[]>`select pg_backend_pid() as pid`;
  process.kill(backend?.pid ?? 0, 'SIGKILL');
  // PostgreSQL ends all its processes then, and begins again from its log
  const began = performance.now();
  const failed: unknown[] = [];
  await until(() =>
    sql`insert into kept values (2)`.then(
      () => true,
      (error) => {
        failed.push(error);
        return false;
      },
    ),
  );
  t.comment(`back after ${Math.round(performance.now() - began)} ms, ${failed.length} refused meanwhile`);
  t.ok(
    failed.every((error) => isUnreachable(error)),
    'who asked meanwhile was told that the records are away',
  );
  t.match(await sql`select id from kept order by id`, [{ id: 1 }, { id: 2 }], 'what was confirmed is there, once');
  await records.close();
  server.release();
  await until(() => !fs.existsSync(join(data, 'pg/postmaster.pid')));
});
