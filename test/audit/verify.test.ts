import { createHash, randomBytes } from 'node:crypto';
import t from 'tap';
import { link } from '../../src/audit/chain.ts';
import type { TestDatabase } from '../support/database.ts';
import { event, forget, record, recordMany, trail } from './support.ts';

t.test('what verify finds', async (t) => {
  const cases: [
    name: string,
    harm: (sql: TestDatabase['sql']) => Promise<unknown>,
    problems: { kind: string; number?: number }[],
  ][] = [
    ['nothing wrong', async () => {}, []],
    [
      'an event changed',
      (sql) => sql`update audit_log set event = replace(event, '"tries":5', '"tries":6') where number = 5`,
      [{ kind: 'changed', number: 5 }],
    ],
    [
      'one bit of a MAC',
      (sql) => sql`update audit_log set mac = set_byte(mac, 3, get_byte(mac, 3) # 1) where number = 7`,
      [{ kind: 'changed', number: 7 }],
    ],
    [
      'a hash changed',
      (sql) => sql`update audit_log set hash = set_byte(hash, 0, get_byte(hash, 0) # 1) where number = 5`,
      [
        { kind: 'moved', number: 5 },
        { kind: 'moved', number: 6 },
      ],
    ],
    [
      'an event deleted',
      (sql) => sql`delete from audit_log where number = 4`,
      [{ kind: 'missing', number: 4 }, { kind: 'missing' }],
    ],
    [
      'the first ones deleted',
      (sql) => sql`delete from audit_log where number <= 3`,
      [{ kind: 'missing', number: 1 }, { kind: 'missing' }],
    ],
    ['the tail cut', (sql) => sql`delete from audit_log where number > 8`, [{ kind: 'cut', number: 12 }]],
    ['everything deleted', (sql) => sql`delete from audit_log`, [{ kind: 'cut', number: 12 }]],
    [
      'two events in each other’s place',
      async (sql) => {
        const [four] = await sql<Row[]>`select event, mac from audit_log where number = 4`;
        const [nine] = await sql<Row[]>`select event, mac from audit_log where number = 9`;
        await sql`delete from audit_log where number in (4, 9)`;
        await insert(sql, 4, nine!);
        await insert(sql, 9, four!);
      },
      [
        { kind: 'moved', number: 4 },
        { kind: 'moved', number: 5 },
        { kind: 'moved', number: 9 },
        { kind: 'moved', number: 10 },
      ],
    ],
    [
      'an event of one’s own put in, the others moved up and chained anew',
      async (sql) => {
        await sql`update audit_log set number = -number where number >= 6`;
        await sql`update audit_log set number = -number + 1 where number < 0`;
        const [model] = await sql<{ event: string }[]>`select event from audit_log where number = 5`;
        const forged = { ...JSON.parse(model!.event), id: '00000000-0000-4000-8000-000000000000', number: 99 };
        await insert(sql, 6, { event: JSON.stringify(forged), mac: randomBytes(32) });
        await rechain(sql);
      },
      [{ kind: 'changed', number: 6 }, { kind: 'inserted' }, { kind: 'missing' }],
    ],
    [
      'an event put behind the end',
      async (sql) => {
        const [last] = await sql<Row[]>`select event, mac from audit_log where number = 12`;
        await sql`delete from audit_log where number = 12`;
        await insert(sql, 13, last!);
      },
      [
        { kind: 'missing', number: 12 },
        { kind: 'inserted', number: 13 },
      ],
    ],
    [
      'one deleted, the others moved up, all chained anew with a head to fit',
      async (sql) => {
        await sql`delete from audit_log where number = 4`;
        await sql`update audit_log set number = -number where number > 4`;
        await sql`update audit_log set number = -number - 1 where number < 0`;
        const { number, hash } = await rechain(sql);
        await sql`update audit_head set number = ${number}, hash = ${hash}`;
      },
      [{ kind: 'head', number: 11 }, { kind: 'missing' }],
    ],
    ['the head deleted', (sql) => sql`delete from audit_head`, [{ kind: 'head' }]],
    [
      'a former head put back, the tail cut to fit',
      async (sql) => {
        await sql`delete from audit_log where number > 6`;
        await sql`update audit_head set number = former.number, hash = former.hash, mac = former.mac from former`;
      },
      // Nothing in the database tells of it; what the processes write next does (see below).
      [],
    ],
  ];

  const { db, open, clock } = await trail(t);
  for (const [name, harm, problems] of cases)
    t.test(name, async (t) => {
      await forget(db);
      const audit = open();
      await recordMany(db, audit, 6);
      await audit.chainOnce();
      await db.sql`drop table if exists former`;
      await db.sql`create table former as select * from audit_head`;
      await recordMany(db, audit, 6);
      await audit.chainOnce();
      await harm(db.sql);
      clock.move(120_000);
      const verification = await open().verify();
      t.match(
        verification.problems.map(({ kind, number }) => ({ kind, number })),
        problems,
      );
      t.equal(verification.problems.length, problems.length, verification.problems.map(({ text }) => text).join('; '));
      t.equal(verification.ok, problems.length === 0);
    });

  t.test('a tail cut together with its head: the next event tells', async (t) => {
    await forget(db);
    const audit = open();
    await recordMany(db, audit, 6);
    await audit.chainOnce();
    const former = await db.sql`select * from audit_head`;
    await recordMany(db, audit, 6);
    await audit.chainOnce();
    await db.sql`delete from audit_log where number > 6`;
    await db.sql`update audit_head set number = 6, hash = ${former[0]!.hash}, mac = ${former[0]!.mac}`;
    await recordMany(db, audit, 1);
    await t.rejects(audit.chainOnce(), { code: 'EG-1811', message: /went back from number 12 to 6/ });
    // Another node has not seen the end that was cut, and chains on; the numbers of the first process do not.
    const other = open();
    await other.chainOnce();
    clock.move(120_000);
    t.match(await other.verify(), {
      ok: false,
      problems: [{ kind: 'missing', text: /its events 7-12 did not arrive/ }],
    });
  });

  t.test('taken away, changed or slipped in before it was chained', async (t) => {
    await forget(db);
    const audit = open();
    await recordMany(db, audit, 5);
    await db.sql`delete from audit_inbox where event like '%"tries":2%'`;
    await db.sql`update audit_inbox set event = replace(event, '"tries":4', '"tries":7') where event like '%"tries":4%'`;
    const [model] = await db.sql<{ event: string }[]>`select event from audit_inbox limit 1`;
    const slipped = JSON.stringify({ ...JSON.parse(model!.event), id: '00000000-0000-4000-8000-000000000000' });
    await db.sql`insert into audit_inbox (event, mac) values (${slipped}, ${randomBytes(32)})`;
    t.match(await audit.verify(), {
      ok: false,
      unchained: { count: 5 },
      problems: [{ kind: 'changed' }, { kind: 'changed' }],
    });
    await audit.chainOnce();
    await audit.chainOnce();
    clock.move(120_000);
    const verification = await audit.verify();
    t.match(
      verification.problems.map(({ kind }) => kind),
      ['rejected', 'missing', 'missing'],
    );
    t.match(audit.counters, { rejected: 2, chained: 4 });
  });

  t.test('a forged head: nothing is chained onto it', async (t) => {
    await forget(db);
    const audit = open();
    await recordMany(db, audit, 3);
    await audit.chainOnce();
    await db.sql`update audit_head set number = 2`;
    await recordMany(db, audit, 3);
    await t.rejects(audit.chainOnce(), { code: 'EG-1811', message: /forged/ });
    await db.sql`delete from audit_head`;
    await t.rejects(audit.chainOnce(), { code: 'EG-1811', message: /missing/ });
    t.match(await audit.verify(), { ok: false, unchained: { count: 3 } });
  });
});

t.test('a process that dies with an act open', async (t) => {
  const { db, open, clock } = await trail(t);
  const dead = open();
  // Rolled back, and nobody is left to say so; but the event written meanwhile knew of it.
  await db
    .begin(async (tx) => {
      await dead.record(tx, event(1));
      await record(db, dead, event(2));
      throw new Error('rolled back');
    })
    .catch(() => {});
  const other = open();
  await other.chainOnce();
  clock.move(120_000);
  const { problems, notes } = await other.verify();
  t.same([problems, notes], [[], []], 'its transaction was rolled back');

  const robbed = open();
  await db.begin(async (tx) => {
    await robbed.record(tx, event(3));
    await record(db, robbed, event(4));
  });
  await db.sql`delete from audit_inbox where event like '%"tries":3%'`;
  await other.chainOnce();
  clock.move(120_000);
  t.match(
    await other.verify(),
    { ok: false, problems: [{ kind: 'missing', process: robbed.process }] },
    'its transaction was committed: someone took it away',
  );
});

interface Row {
  readonly event: string;
  readonly mac: Buffer;
}

async function insert(sql: TestDatabase['sql'], number: number, row: Row) {
  await sql`insert into audit_log (number, event, mac, hash) values (${number}, ${row.event}, ${row.mac}, '')`;
}

/** What someone with the database's password can do, but without the key. */
async function rechain(sql: TestDatabase['sql']): Promise<{ number: number; hash: Buffer }> {
  let hash: Buffer = createHash('sha256').update('egret audit').digest();
  let number = 0;
  for (const row of await sql`select number, event as text, mac from audit_log order by number`) {
    number = Number(row.number);
    hash = link(hash, number, { text: row.text, mac: row.mac });
    await sql`update audit_log set hash = ${hash} where number = ${number}`;
  }
  return { number, hash };
}
