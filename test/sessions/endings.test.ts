import t from 'tap';
import { shiftedClock, systemClock } from '../../src/clock.ts';
import { createSessions } from '../../src/sessions/sessions.ts';
import { database, type TestDatabase } from '../support/database.ts';
import { wants } from '../support/wants.ts';

/** What one process ends, another hears of, whenever it commits: each has a room of its own over the same records. */
t.setTimeout(60_000);

const hour = 3_600_000;

t.test('endings that commit late', async (t) => {
  const db = await database(t);
  let ahead = 0;
  const clock = shiftedClock(() => ahead);
  const here = createSessions({ database: db, clock: systemClock });
  const there = createSessions({ database: db, clock });
  const until = systemClock.now() + hour;
  const end = (ref: string, held = async () => {}) =>
    db.begin(async (tx) => {
      await here.record(tx, { kind: 'session', ref, until });
      entered();
      await held();
    });
  let entered = () => {};
  const known = (ref: string) => there.ended('session', ref, 0);
  const heard: boolean[] = [];
  there.onNews('session', () => heard.push(known('late')));

  await t.test('one that began first and commits long after the other', async (t) => {
    const { promise: held, resolve: release } = Promise.withResolvers<void>();
    const inside = new Promise<void>((resolve) => {
      entered = resolve;
    });
    const late = end('late', () => held);
    await inside;
    await end('early');
    await there.refresh();
    t.ok(known('early'));
    t.notOk(known('late'), 'it has not happened yet');
    for (const seconds of [9, 11, 600]) {
      ahead = seconds * 1_000;
      await there.refresh();
    }
    t.same(heard, [false], 'told once, however often it is read');
    release();
    await late;
    await there.refresh();
    t.ok(known('late'), 'heard of, ten minutes after it was written');
    t.same(heard, [false, true], 'and its listeners are told');
    await there.refresh();
    await end('after');
    await there.refresh();
    t.ok(known('after'));
    t.equal(heard.length, 3);
  });

  await t.test('one that is rolled back ends nothing there', async (t) => {
    await t.rejects(
      end('undone', () => Promise.reject(new Error('no'))),
      /no/,
    );
    await there.refresh();
    t.notOk(known('undone'));
  });

  await t.test('a process that starts later knows all of them', async (t) => {
    const third = createSessions({ database: db, clock });
    await third.refresh();
    t.ok(['early', 'late', 'after'].every((ref) => third.ended('session', ref, 0)));
  });
});

t.test('the records go on at a server that is behind', wants('postgresql'), async (t) => {
  const both = [await database(t), await database(t, { engine: 'debian' })];
  const counts = await Promise.all(
    both.map(async ({ sql }) => (await sql<{ xid: bigint }[]>`select pg_current_xact_id()::text::int8 as xid`)[0]?.xid),
  );
  if (Number(counts[0]) < Number(counts[1])) both.reverse();
  const [ahead, behind] = both as [TestDatabase, TestDatabase];
  let now = ahead;
  const sql = new Proxy(ahead.sql, { apply: (_target, _self, args) => Reflect.apply(now.sql, undefined, args) });
  const sessions = createSessions({ database: { ...ahead, sql }, clock: systemClock });
  await sessions.refresh();
  now = behind;
  const other = createSessions({ database: behind, clock: systemClock });
  await behind.begin((tx) => other.record(tx, { kind: 'session', ref: 'there', until: systemClock.now() + hour }));
  await sessions.refresh();
  t.ok(sessions.ended('session', 'there', 0));
});
