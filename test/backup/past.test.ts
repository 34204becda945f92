import { randomBytes } from 'node:crypto';
import { join } from 'node:path';
import t from 'tap';
import { createAudit } from '../../src/audit/audit.ts';
import { makeBackup, openBackup, restoreBackup } from '../../src/backup/backup.ts';
import { systemClock as clock } from '../../src/clock.ts';
import { createKeys } from '../../src/keys/keys.ts';
import { migrate, readMigrations } from '../../src/store/migrate.ts';
import { event, record, recordMany, trail } from '../audit/support.ts';
import { database, type TestDatabase } from '../support/database.ts';
import { scratch } from '../support/scratch.ts';

t.test('a backup of an older version is brought up to date', async (t) => {
  const pool = { applicationName: 'test' };
  const [old, fresh] = await Promise.all([database(t, { empty: true, pool }), database(t, { empty: true, pool })]);
  // 008 tells from `ended_at` that the departments of a session were told
  await migrate(old, { clock, last: 7 });
  await old.sql`insert into sessions values ('digest', gen_random_uuid(), '07', 'Firefox', '{pwd}', now(), now(), now(), 'x')`;
  const key = randomBytes(32);
  const keysOf = (db: TestDatabase) =>
    createKeys({
      database: db,
      keyEncryptionKey: key,
      clock,
      audit: (auditKey) => createAudit({ database: db, clock, key: auditKey }),
    });
  const { audit } = await keysOf(old);
  const path = join(scratch(t, 'backup'), 'old.backup');
  await makeBackup({ database: old, clock, audit, key, operator: Buffer.alloc(32), by: 'test' }, path);
  const backup = await openBackup(path, key);
  const { migrations } = await restoreBackup(backup, {
    database: fresh,
    clock,
    key,
    operator: () => Buffer.alloc(32),
    by: 'test',
    longest: 3_600_000,
    replace: false,
  });
  await backup.close();
  t.strictSame(
    migrations,
    (await readMigrations()).filter(({ number }) => number > 7).map(({ name }) => name),
  );
  t.match(await fresh.sql`select digest, told_at is not null as told from sessions`, [
    { digest: 'digest', told: true },
  ]);
  const after = (await keysOf(fresh)).audit;
  await after.chainOnce();
  t.match(await after.verify(), { ok: true });
});

t.test('what a restore lost is a note; what was taken away after it is a problem', async (t) => {
  for (const restored of [true, false]) {
    const { db, open, clock: moved } = await trail(t);
    const before = open();
    await recordMany(db, before, 3);
    await before.chainOnce();
    // recorded after the snapshot, and gone with the records; the stream kept the last one
    for (let lost = 0; lost < 3; lost++) before.stamp(event(1));
    const kept = before.stamp(event(2));
    moved.move(5_000);
    const other = open();
    const detail = { made: moved.now() - 10_000 };
    if (restored) await record(db, other, { type: 'records.restored', outcome: 'success', detail });
    else await record(db, other, event(3));
    await other.chainOnce();
    await db.begin((tx) => other.take(tx, [kept]));
    await other.chainOnce();
    moved.move(120_000);
    const found = await other.verify();
    if (restored) t.match(found, { ok: true, notes: [/its events 4-6 .*the records went back to 20/] });
    else t.match(found, { ok: false, problems: [{ kind: 'missing', process: before.process }] });

    const robbed = open();
    await recordMany(db, robbed, 2);
    await db.sql`delete from audit_inbox where arrived = (select min(arrived) from audit_inbox)`;
    await other.chainOnce();
    moved.move(120_000);
    const { problems } = await other.verify();
    t.match(
      problems.filter(({ process }) => process === robbed.process),
      [{ kind: 'missing' }],
    );
  }
});
