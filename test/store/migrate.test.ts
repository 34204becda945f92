import fs from 'node:fs';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { systemClock as clock } from '../../src/clock.ts';
import { openDatabase } from '../../src/store/database.ts';
import { migrate, pendingMigrations, readMigrations } from '../../src/store/migrate.ts';
import { database } from '../support/database.ts';
import { until } from '../support/processes.ts';
import { wants } from '../support/wants.ts';

async function fresh(t: Test, files: Record<string, string>) {
  const records = await database(t, { empty: true });
  const folder = t.testdir(files);
  return { records, folder, options: { clock, folder } };
}

const two = {
  '001_first.sql': 'create table first (id integer primary key);\ncreate table also (id integer);',
  '002_second.sql': 'insert into first values (1);',
};

t.test('many nodes at once apply each file once', async (t) => {
  const { records, options } = await fresh(t, two);
  const nodes = Array.from({ length: 6 }, () => openDatabase({ url: records.url, max: 2 }));
  t.teardown(() => Promise.all(nodes.map((node) => node.close())));
  const applied = await Promise.all(nodes.map((node) => migrate(node, options)));
  t.strictSame(applied.flat().sort(), Object.keys(two));
  t.match(await records.sql`select id from first`, [{ id: 1 }]);
  t.strictSame(await migrate(records, options), [], 'and not again');
  t.strictSame(await pendingMigrations(records, options.folder), []);
});

t.test('a node waits for another one that takes its time', async (t) => {
  const { records, options } = await fresh(t, {
    '001_slow.sql': 'select pg_sleep(1); create table slow (id integer);',
  });
  const hasty = openDatabase({ url: records.url, statementTimeout: 200 });
  t.teardown(() => hasty.close());
  const [one, other] = await Promise.all([migrate(hasty, options), migrate(hasty, options)]);
  t.strictSame([...one, ...other], ['001_slow.sql']);
});

t.test('what is pending, before anything was applied and after', async (t) => {
  const { records, folder, options } = await fresh(t, two);
  t.strictSame(await pendingMigrations(records, folder), Object.keys(two));
  await migrate(records, options);
  fs.writeFileSync(join(folder, '003_third.sql'), 'create table third (id integer)');
  t.strictSame(await pendingMigrations(records, folder), ['003_third.sql']);
  t.strictSame(await migrate(records, options), ['003_third.sql']);
});

t.test('a file that was changed after it was applied', async (t) => {
  const { records, folder, options } = await fresh(t, two);
  await migrate(records, options);
  fs.appendFileSync(join(folder, '001_first.sql'), ' ');
  fs.writeFileSync(join(folder, '003_third.sql'), 'create table third (id integer)');
  const refusal = { code: 'EG-1720', message: /001_first\.sql was changed/ };
  await t.rejects(migrate(records, options), refusal);
  await t.rejects(pendingMigrations(records, folder), refusal);
  t.match(await records.sql`select to_regclass('third') as it`, [{ it: null }], 'nothing after it is applied');
});

t.test('a database that is newer than the program', async (t) => {
  const { records, folder, options } = await fresh(t, two);
  await migrate(records, options);
  fs.rmSync(join(folder, '002_second.sql'));
  await t.rejects(migrate(records, options), { code: 'EG-1721', message: /002_second\.sql/ });
});

t.test('versions that run together', async (t) => {
  const later = { '003_third.sql': '-- needs: 002\ncreate table third (id integer);' };
  const { records, folder, options } = await fresh(t, { ...two, ...later });
  await migrate(records, options);
  fs.rmSync(join(folder, '003_third.sql'));
  t.strictSame(await migrate(records, options), [], 'the version before starts again');
  t.strictSame(await pendingMigrations(records, folder), []);

  fs.writeFileSync(join(folder, '003_third.sql'), later['003_third.sql']);
  fs.writeFileSync(join(folder, '004_fourth.sql'), '-- Nobody reads it any more.\n-- needs: 003\ndrop table also;');
  t.strictSame(await migrate(records, options), ['004_fourth.sql']);
  fs.rmSync(join(folder, '004_fourth.sql'));
  t.strictSame(await migrate(records, options), [], 'who has what it needs');
  fs.rmSync(join(folder, '003_third.sql'));
  const refusal = { code: 'EG-1721', message: /004_fourth\.sql, .* \(it needs 3, and 2 is the last one here\)/ };
  await t.rejects(migrate(records, options), refusal, 'who has not');
  await t.rejects(pendingMigrations(records, folder), refusal);
});

t.test('which versions may run beside a migration is said in it', async (t) => {
  const refusal = { code: 'EG-1722', message: /^012_a\.sql: a line "-- needs: NNN" says/ };
  await t.rejects(readMigrations(t.testdir({ '012_a.sql': 'select 1' })), refusal);
  await t.rejects(readMigrations(t.testdir({ '012_a.sql': '-- needs: 013\nselect 1' })), refusal, 'a later one');
  t.match(await readMigrations(t.testdir({ '012_a.sql': '-- needs: 011\nselect 1' })), [{ needs: 11 }]);
});

t.test('a file that fails leaves nothing of itself', async (t) => {
  const { records, options } = await fresh(t, {
    '001_first.sql': 'create table first (id integer);',
    '002_second.sql': 'create table second (id integer);\nselect nonsense;',
  });
  await t.rejects(migrate(records, options), { code: 'EG-1722', message: /^002_second\.sql, line 2: .*nonsense/ });
  t.match(await records.sql`select name from migrations`, [{ name: '001_first.sql' }]);
  t.match(await records.sql`select to_regclass('second') as it`, [{ it: null }]);
  const open =
    await records.sql`select 1 from pg_stat_activity where datname = current_database() and state like 'idle in%'`;
  t.strictSame(open.length, 0);
});

t.test('one number twice, and a name without one', async (t) => {
  const twice = t.testdir({ '001_a.sql': '', '001_b.sql': '' });
  await t.rejects(readMigrations(twice), { code: 'EG-1722', message: /001_a\.sql and 001_b\.sql/ });
  await t.rejects(readMigrations(t.testdir({ 'first.sql': '' })), { code: 'EG-1722', message: /first\.sql/ });
});

t.test('a node that is killed while it migrates', async (t) => {
  const { records, options } = await fresh(t, {
    '001_slow.sql': 'create table slow (id integer); select pg_sleep(30);',
  });
  const failed = migrate(records, options).catch((error) => error);
  const other = openDatabase({ url: records.url, max: 1 });
  t.teardown(() => other.close());
  await until(async () => {
    const killed = await other.sql`
      select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and query like '%pg_sleep(30)%' and pid <> pg_backend_pid()`;
    return killed.length > 0;
  });
  t.ok((await failed) instanceof Error);
  t.match(await other.sql`select to_regclass('slow') as it, to_regclass('migrations') as too`, [
    { it: null, too: null },
  ]);
});

for (const engine of ['embedded', 'debian'] as const)
  t.test(`the migrations of this version, ${engine}`, engine === 'debian' ? wants('postgresql') : {}, async (t) => {
    const records = await database(t, { engine });
    t.strictSame(await pendingMigrations(records), []);
    t.strictSame(await migrate(records, { clock }), []);
  });
