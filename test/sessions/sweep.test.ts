import { randomUUID } from 'node:crypto';
import t from 'tap';
import { shiftedClock } from '../../src/clock.ts';
import { createSessions, digestOfUid } from '../../src/sessions/sessions.ts';
import { database } from '../support/database.ts';

/** No index grows with use: sessions and endings go when nothing of them can live any more, and not before. */
t.setTimeout(60_000);

const hour = 3_600_000;
const day = 24 * hour;

t.test('sessions and endings go with their time', async (t) => {
  const db = await database(t);
  let ahead = 0;
  const clock = shiftedClock(() => ahead);
  const sessions = createSessions({ database: db, clock });
  const accountId = randomUUID();
  const begin = (uid: string) =>
    db.begin((tx) =>
      sessions.begin(tx, { uid, accountId, device: 'Firefox', methods: ['pwd'], expiresAt: clock.now() + 12 * hour }),
    );
  const rows = async () => {
    const [row] = await db.sql<{ sessions: string[] | null; endings: number }[]>`
      select (select array_agg(device order by device) from sessions) as sessions,
        (select count(*)::int from endings) as endings`;
    return [row?.sessions?.length ?? 0, row?.endings];
  };
  await begin('00expires');
  await begin('00ends');
  await db.begin((tx) => sessions.end(tx, { uid: '00ends' }, 'person'));
  await begin('00untold');
  await db.begin((tx) => sessions.endAll(tx, accountId, 'account', { uid: '00expires' }));
  await db.begin((tx) => sessions.record(tx, { kind: 'consent', ref: 'x', until: clock.now() + 12 * hour }));
  t.equal(await sessions.sweep(), 0);
  t.equal((await sessions.list(accountId)).length, 1);

  ahead = 13 * hour;
  t.equal(await sessions.sweep(), 0, 'over, and nothing of it is gone for another day');
  t.same(await rows(), [3, 3]);
  ahead = 12 * hour + day + 60_000;
  await begin('00later');
  t.equal(await sessions.sweep(), 2 + 3);
  t.same(await rows(), [2, 0], 'one stands, one has departments that nobody told');
  const untold = await db.begin((tx) => sessions.untold(tx, 10));
  t.match(untold, [{ digest: digestOfUid('00untold') }]);
  await db.begin((tx) => sessions.markTold(tx, [digestOfUid('00untold')]));
  t.equal(await sessions.sweep(), 1);
  t.equal((await sessions.list(accountId)).length, 1, 'the one that stands');

  await db.sql`
    insert into endings (kind, ref, at, until)
    select 'visit', int8send(n), ${new Date(clock.now() - 9 * day)}, ${new Date(clock.now() - 2 * day)}
    from generate_series(1, 2500) as n`;
  await db.sql`
    insert into sessions (digest, account_id, bucket, device, methods, started_at, expires_at)
    select n::text, ${accountId}, '00', '', '{}', ${new Date(0)}, ${new Date(0)} from generate_series(1, 2500) as n`;
  t.equal(await sessions.sweep(), 5_000, 'a backlog goes at once');
  t.same(await rows(), [1, 0]);
});
