import t from 'tap';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { databaseState } from '../../src/provider/provider.ts';
import { digestOfUid } from '../../src/sessions/sessions.ts';
import { tellOfEndings } from '../../src/signout/signout.ts';
import { openDatabase } from '../../src/store/database.ts';
import { Jar } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { code, jwks } from '../support/department.ts';
import { accountId, op } from '../support/op.ts';
import { until } from '../support/processes.ts';
import { sqlWire } from '../support/sql-wire.ts';

/** When a process looks for sessions whose departments do not know yet, counted on the wire before PostgreSQL. */
t.setTimeout(120_000);

t.test('who was not told yet is looked for when there is a reason to', async (t) => {
  const records = await database(t);
  const wire = await sqlWire(t, records.url);
  const wired = openDatabase({ url: wire.url });
  t.teardown(() => wired.close());
  const own = await op(t, wired, undefined, jwks);
  let moved = 0;
  const clock = { now: () => Date.now(), monotonic: () => performance.now() + moved };
  const { vault, audit } = own.keys;
  const { endings: sessions } = own;
  const troubles: unknown[] = [];
  const teller = tellOfEndings({
    database: wired,
    audit,
    outbox: createOutbox({ database: wired, vault, audit, clock }),
    sessions,
    browserSessions: own.sessions,
    clients: own.clients,
    clock,
    reference: (id) => vault.mac('audit-ref', id),
    onTrouble: (error) => troubles.push(error),
  });
  t.teardown(() => sessions.stop());
  t.teardown(() => teller.stop());

  const heard = (text: RegExp): number => wire.heard.filter(({ statements }) => text.test(statements[0] ?? '')).length;
  const looked = () => heard(/^select digest, bucket, account_id, ended_by from sessions where ended_at is not null /);
  const readings = () =>
    heard(/^select pg_snapshot_xmin\(pg_current_snapshot\(\)\)::text as open, .* from endings where xid >= /);
  const quiet = async (name: string): Promise<void> => {
    wire.reset();
    await until(() => readings() >= 3);
    t.equal(looked(), 0, name);
  };
  const signedIn = async (): Promise<string> => {
    const jar = new Jar();
    await code(own, jar, 'basic');
    const { uid, expiresAt } = (await own.sessions.read(jar.get('egret')))!;
    await records.begin((tx) => sessions.begin(tx, { uid, accountId, device: '', methods: ['pwd'], expiresAt }));
    return digestOfUid(uid);
  };
  const isTold = async (digest: string): Promise<boolean> => {
    const [row] = await records.sql<{ told_at: Date | null }[]>`select told_at from sessions where digest = ${digest}`;
    return row?.told_at instanceof Date;
  };
  const endAll = () => records.begin((tx) => sessions.endAll(tx, accountId, 'staff'));

  const before = await signedIn();
  await endAll();
  await sessions.start();
  teller.start();
  await until(() => isTold(before));
  t.pass('at the start');
  await quiet('nothing ended since');

  const one = await signedIn();
  await endAll();
  await until(() => isTold(one));
  t.ok(looked() > 0, 'when a reading brings an ending');
  await quiet('it is told');

  const two = await signedIn();
  const lost = databaseState(wired);
  own.replaceState({ ...lost, load: () => Promise.reject(new Error('the protocol state is away')) });
  await endAll();
  await until(() => troubles.length >= 3);
  t.notOk(await isTold(two), 'while it fails, again and again');
  own.replaceState(lost);
  await until(() => isTold(two));
  await quiet('it is told at last');

  // as a process leaves it that read of the ending, and died
  await records.sql`update sessions set told_at = null where digest = ${one}`;
  await quiet('nobody says so');
  moved += 60_000;
  await until(() => isTold(one));
  t.pass('a minute later another finds it');
  await quiet('and is done');
});
