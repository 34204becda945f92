import { randomUUID } from 'node:crypto';
import net from 'node:net';
import type { TransactionSql } from 'postgres';
import t, { type Test } from 'tap';
import { isReachable, isUnreachable, openDatabase } from '../../src/store/database.ts';
import { database } from '../support/database.ts';
import { until } from '../support/processes.ts';
import { wants } from '../support/wants.ts';

const failure = (promise: PromiseLike<unknown>) =>
  Promise.resolve(promise).then(
    () => new Error('it did not fail'),
    (error: unknown) => error as Error & { code?: string },
  );

async function unreachable(t: Test, promise: PromiseLike<unknown>, code: string | RegExp) {
  const error = await failure(promise);
  t.match(error, { code });
  t.ok(isUnreachable(error), `${error.message} is recognised`);
}

for (const engine of ['embedded', 'debian'] as const)
  t.test(`a database of its own, ${engine}`, engine === 'debian' ? wants('postgresql') : {}, async (t) => {
    const one = await database(t, { engine, empty: true });
    const two = await database(t, { engine, empty: true });
    await one.sql`create table here (id integer primary key, at timestamptz, name text)`;
    t.match(await two.sql`select to_regclass('here') as it`, [{ it: null }]);

    const at = new Date(1_800_000_000_123);
    await one.begin(async (tx) => {
      await tx`insert into here ${tx([{ id: 1, at, name: '张三' }])}`;
      await tx.savepoint(async (inner) => inner`insert into here values (2)`);
    });
    t.match(await one.sql`select at, name from here where id = any(${[1, 7]})`, [{ at, name: '张三' }]);
    await t.rejects(
      one.begin(async (tx) => {
        await tx`delete from here`;
        throw new Error('changed my mind');
      }),
      { message: 'changed my mind' },
    );
    t.equal((await one.sql`select from here`).length, 2, 'rolled back');
    t.match(await failure(one.sql`insert into here values (1)`), { code: '23505' });
    t.notOk(isUnreachable(await failure(one.sql`insert into here values (1)`)), 'a duplicate is no outage');
    t.match(
      await one.sql`select current_setting('TimeZone') as zone, current_setting('application_name') as name,
      current_setting('statement_timeout') as statement, current_setting('synchronous_commit') as durable`,
      [{ zone: 'UTC', name: 'egret', statement: '5s', durable: 'on' }],
    );
    // Code points, not the rules of some language: the same order on every engine.
    const sorted = await one.sql<{ v: string }[]>`select v from (values ('b'), ('Z'), ('一')) as t (v) order by v`;
    t.strictSame(
      sorted.map((row) => row.v),
      ['Z', 'b', '一'],
    );
    const mode = async (tx: TransactionSql) =>
      (await tx`select current_setting('transaction_isolation') as isolation`)[0]?.isolation;
    t.equal(await one.begin(mode, { mode: 'isolation level serializable' }), 'serializable');
    t.equal(await one.sql.begin('isolation level repeatable read', mode), 'repeatable read');
    t.equal(await isReachable(one), true);
  });

t.test('arrays, both ways', async (t) => {
  const records = await database(t, { empty: true });
  const words = ['', 'a b', '"', '\\', '\\"{},', 'NULL', 'null', "it's", '一\n二', '{', ' '];
  const id = randomUUID();
  const at = new Date(1_800_000_000_123);
  const [row] =
    await records.sql`select ${words}::text[] as words, ${[id]}::uuid[] as ids, ${[1, -2]}::integer[] as numbers,
    ${records.sql.array([true, false])}::boolean[] as flags, ${records.sql.array([at])}::timestamptz[] as times, ${[]}::text[] as none,
    ${records.sql.array([Buffer.from('ab'), Buffer.of(0, 255)])}::bytea[] as bytes, ${[null, 'x']}::text[] as holes,
    ${[['a', 'b'], ['c', 'd']]}::text[] as grid, ${['9007199254740993']}::bigint[] as large, array[json_build_object('a', 1)] as objects,
    '[0:1]={1,2}'::integer[] as bounds, ${records.sql.array(words)} as inferred`;
  t.strictSame(row, {
    words,
    ids: [id],
    numbers: [1, -2],
    flags: [true, false],
    times: [at],
    none: [],
    bytes: [Buffer.from('ab'), Buffer.of(0, 255)],
    holes: [null, 'x'],
    grid: [
      ['a', 'b'],
      ['c', 'd'],
    ],
    large: ['9007199254740993'],
    objects: [{ a: 1 }],
    bounds: [1, 2],
    inferred: words,
  });
  t.match(await records.sql`select 1 as found where ${id} = any(${[randomUUID(), id]})`, [{ found: 1 }]);
  t.match(
    await records.sql`select word from unnest(${words}::text[]) as t (word) where word in ${records.sql(['"', 'x'])}`,
    [{ word: '"' }],
  );
});

t.test('errors that mean "not now"', async (t) => {
  const records = await database(t, { empty: true, pool: { statementTimeout: 100, idleInTransactionTimeout: 100 } });
  await unreachable(t, records.sql`select pg_sleep(3)`, '57014');
  await unreachable(
    t,
    records.begin(async (tx) => {
      await tx`set transaction read only`;
      await tx`create table nothing (id integer)`;
    }),
    '25006',
  );
  await unreachable(
    t,
    records.begin(async (tx) => {
      await tx`select 1`;
      await until(
        async () =>
          (
            await records.sql`select 1 from pg_stat_activity where datname = current_database() and state = 'idle in transaction'`
          ).length === 0,
      );
      await tx`select 1`;
    }),
    /25P03|CONNECTION_CLOSED|ECONNRESET|EPIPE/,
  );
  await unreachable(
    t,
    records.begin((tx) => tx`select pg_terminate_backend(pg_backend_pid())`),
    /57P01|CONNECTION_CLOSED|ECONNRESET|EPIPE/,
  );
  t.equal(await isReachable(records), true, 'and the pool goes on');

  const refused = openDatabase({ url: 'postgres://egret@127.0.0.1:1/egret' });
  await unreachable(t, refused.sql`select 1`, 'ECONNREFUSED');
  await unreachable(
    t,
    refused.begin((tx) => tx`select 1`),
    'ECONNREFUSED',
  );
  t.equal(await isReachable(refused), false);
  await refused.close();
  await unreachable(t, refused.sql`select 1`, 'CONNECTION_ENDED');
  const nowhere = openDatabase({ url: 'postgres:///egret?host=/tmp/egret-nobody-here' });
  await unreachable(t, nowhere.sql`select 1`, 'ENOENT');
});

t.test('a transaction that loses its connection', async (t) => {
  const records = await database(t, { empty: true, pool: { max: 2 } });
  await records.sql`create table marks (id integer)`;
  const other = openDatabase({ url: records.url, max: 1 });
  t.teardown(() => other.close());
  const pidOf = async (tx: TransactionSql) =>
    (await tx<{ pid: number }[]>`select pg_backend_pid() as pid`)[0]?.pid ?? 0;
  const kill = async (pid: number) => {
    await other.sql`select pg_terminate_backend(${pid})`;
    await until(async () => (await other.sql`select from pg_stat_activity where pid = ${pid}`).length === 0);
  };
  const lost = /57P01|CONNECTION_CLOSED|ECONNRESET|EPIPE/;

  // While it waits for an answer; the driver would roll back on a socket that is gone, and end the process.
  const asked = performance.now();
  await unreachable(
    t,
    records.begin((tx) => tx`select pg_terminate_backend(pg_backend_pid())`),
    lost,
  );
  // While it does something else, and then ends well: the driver would commit whatever runs on the connection now.
  let reached = '';
  await unreachable(
    t,
    records.begin(async (tx) => {
      await tx`insert into marks values (1)`;
      await kill(await pidOf(tx));
      reached = 'the end';
    }),
    lost,
  );
  await until(() => reached === 'the end');
  // While it does something else, and then goes on, whatever it hears.
  const heard: unknown[] = [];
  await unreachable(
    t,
    records.begin(async (tx) => {
      await tx`insert into marks values (2)`;
      await kill(await pidOf(tx));
      heard.push(
        await failure(tx`insert into marks values (3)`),
        await failure(tx.savepoint((inner) => inner`select 1`)),
      );
    }),
    lost,
  );
  await until(() => heard.length === 2);
  t.ok(heard.every(isUnreachable));
  await unreachable(
    t,
    records.begin((tx) => tx.savepoint(async (inner) => kill(await pidOf(inner)))),
    lost,
  );
  // Nobody may speak on a transaction's connection after its end either.
  let kept: TransactionSql | undefined;
  await records.begin(async (tx) => {
    kept = tx;
    await tx`insert into marks values (4)`;
  });
  await unreachable(t, kept!`insert into marks values (5)`, 'CONNECTION_CLOSED');
  t.strictSame([...(await records.sql`select id from marks`)], [{ id: 4 }]);
  t.ok(performance.now() - asked < 3_000, 'without a wait for dead connections');
});

t.test('a server that drops everybody, again and again', async (t) => {
  const records = await database(t, { empty: true, pool: { max: 5 } });
  await records.sql`create table marks (id integer)`;
  const other = openDatabase({ url: records.url, max: 1, applicationName: 'killer' });
  t.teardown(() => other.close());
  let done = 0;
  let lost = 0;
  const strange: unknown[] = [];
  let going = true;
  const count = (work: Promise<unknown>) =>
    work.then(
      () => done++,
      (error: unknown) => (isUnreachable(error) ? lost++ : strange.push(error)),
    );
  const loops = Array.from({ length: 20 }, async (_, id) => {
    while (going)
      await (id % 2
        ? count(records.sql`select ${id}::integer`)
        : count(
            records.begin(async (tx) => {
              await tx`insert into marks values (${id})`;
              await tx`select 1`;
            }),
          ));
  });
  for (let round = 0; round < 15; round++) {
    const before = done;
    await other.sql`select pg_terminate_backend(pid) from pg_stat_activity
      where datname = current_database() and application_name = 'egret'`;
    await until(() => done > before + 20);
  }
  going = false;
  await Promise.all(loops);
  t.strictSame(strange, []);
  t.ok(lost > 0 && done > lost, `${done} done, ${lost} lost`);
});

t.test('an address behind which nobody is', async (t) => {
  const balancer = net.createServer((socket) => socket.destroy());
  await new Promise<void>((resolve) => balancer.listen(0, '127.0.0.1', resolve));
  t.teardown(() => balancer.close());
  let connections = 0;
  balancer.on('connection', () => {
    connections += 1;
  });
  const { port } = balancer.address() as net.AddressInfo;
  const records = openDatabase({
    url: `postgres://egret@127.0.0.1:${port}/egret`,
    statementTimeout: 1,
    acquireTimeout: 500,
  });
  t.teardown(() => records.close());
  const failed = await Promise.all([failure(records.sql`select 1`), failure(records.begin((tx) => tx`select 1`))]);
  t.ok(failed.every(isUnreachable), failed.map((error) => error.message).join('; '));
  const tries = connections;
  await until(() => isReachable(records, 50).then((yes) => !yes));
  t.ok(connections < tries + 100, 'the driver does not go on knocking for those who have left');
});

t.test('a bounded pool', async (t) => {
  const records = await database(t, { empty: true, pool: { max: 1, waiting: 2, acquireTimeout: 150 } });
  await records.sql`create table marks (id integer)`;
  const { promise: held, resolve: letGo } = Promise.withResolvers<void>();
  const holder = records.begin(async (tx) => {
    await tx`select 1`;
    await held;
  });
  const waiting = records.sql`insert into marks values (1)`.then(() => 'done');
  await unreachable(
    t,
    records.begin((tx) => tx`insert into marks values (2)`),
    'POOL_EXHAUSTED',
  );
  await unreachable(t, records.sql`insert into marks values (3)`, 'POOL_EXHAUSTED');
  letGo();
  await holder;
  t.equal(await waiting, 'done', 'who waited within the bounds is served');
  t.strictSame([...(await records.sql`select id from marks`)], [{ id: 1 }], 'and nobody who was refused');
});

t.test('a server that vanished without a word', async (t) => {
  const records = await database(t, { empty: true });
  const wire = await pausableWire(t, new URL(records.url).searchParams.get('host') as string);
  const through = openDatabase({
    url: `postgres://egret@127.0.0.1:${wire.port}${new URL(records.url).pathname}`,
    statementTimeout: 200,
    max: 2,
  });
  t.teardown(() => through.close());
  t.equal(await isReachable(through), true);
  let told = 0;
  await through.sql.listen('news', () => {
    told += 1;
  });
  const other = await through.sql.listen('other', () => {});

  wire.freeze();
  t.equal(await isReachable(through, 100), false, 'readiness does not wait');
  const inside = failure(through.begin((tx) => tx`select 1`));
  await unreachable(t, through.sql`select 1`, 'QUERY_TIMEOUT');
  t.ok(isUnreachable(await inside), 'a transaction is given up as well');
  await other.unlisten();
  t.pass('who listened is let go');
  wire.freshOnly();
  await until(() => isReachable(through, 1_000));
  // Over new connections, the old ones still mute; one of those may be met once more, and is told as lost.
  await until(() =>
    through
      .begin((tx) => tx`select 1`)
      .then(
        () => true,
        (error) => {
          if (!isUnreachable(error)) throw error;
          return false;
        },
      ),
  );
  wire.thaw();
  await until(async () => {
    await records.sql.notify('news', '');
    return told > 0;
  });
});

/** A port before the server's socket, whose connections can be made mute without being closed. */
async function pausableWire(t: Test, folder: string) {
  let frozen = false;
  const pairs = new Map<net.Socket, net.Socket>();
  const server = net.createServer((near) => {
    const far = net.connect(`${folder}/.s.PGSQL.5432`);
    pairs.set(near, far).set(far, near);
    for (const socket of [near, far]) socket.on('error', () => {}).on('close', () => pairs.get(socket)?.destroy());
    if (!frozen) near.pipe(far).pipe(near);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  t.teardown(() => {
    for (const socket of pairs.keys()) socket.destroy();
    server.close();
  });
  return {
    port: (server.address() as net.AddressInfo).port,
    freeze() {
      frozen = true;
      for (const socket of pairs.keys()) socket.unpipe().pause();
    },
    freshOnly() {
      frozen = false;
    },
    thaw() {
      for (const [from, to] of pairs) if (!from.destroyed) from.unpipe().pipe(to);
    },
  };
}
