import { createHmac, randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import { type AuditEvent, type AuditKey, type AuditTrail, createAudit } from '../../src/audit/audit.ts';
import { link } from '../../src/audit/chain.ts';
import { type Moved, movedClock } from '../keys/support.ts';
import { database, type TestDatabase } from '../support/database.ts';

const secret = randomBytes(32);
const key: AuditKey = {
  current: () => 'k1',
  mac: (id, data) => (id === 'k1' ? createHmac('sha256', secret).update(data).digest() : undefined),
};

const event = (n: number): AuditEvent => ({ type: 'code.verified', outcome: 'success', detail: { tries: n } });

interface Trail {
  db: TestDatabase;
  clock: Moved;
  open(): AuditTrail;
}

async function trail(t: Test): Promise<Trail> {
  const db = await database(t);
  const clock = movedClock();
  return { db, clock, open: () => createAudit({ database: db, clock, key }) };
}

const record = (db: TestDatabase, audit: AuditTrail, event: AuditEvent) => db.begin((tx) => audit.record(tx, event));

async function recordMany(db: TestDatabase, audit: AuditTrail, count: number): Promise<void> {
  await db.begin(async (tx) => {
    for (let n = 1; n <= count; n++) await audit.record(tx, event(n));
  });
}

t.test('recording', async (t) => {
  const { db, open } = await trail(t);
  const audit = open();

  t.test('what the table does not have is refused', async (t) => {
    const bad: unknown[] = [
      { type: 'no.such', outcome: 'success' },
      { type: 'toString', outcome: 'success' },
      { type: 'code.verified', outcome: 'success', detail: { mobile: 'x' } },
      { type: 'code.verified', outcome: 'success', detail: { purpose: 'x'.repeat(201) } },
      { type: 'code.verified', outcome: 'success', detail: { purpose: { deep: 1 } } },
      { type: 'code.verified', outcome: 'success', detail: { tries: Number.NaN } },
      { type: 'consent.given', outcome: 'success', detail: { scopes: Array(101).fill('x') } },
    ];
    for (const one of bad) {
      await t.rejects(record(db, audit, one as AuditEvent), { code: 'EG-1810' });
      t.throws(() => audit.stamp(one as AuditEvent), { code: 'EG-1810' });
    }
    t.equal((await db.sql`select from audit_inbox`).length, 0);
  });

  t.test('what is written', async (t) => {
    await record(db, audit, {
      type: 'sign-in.password',
      outcome: 'refused',
      actor: Buffer.from('reference'),
      subject: 'ref',
      client: 'renshe',
      code: 'EG-1701',
      case: '20260101-ABCD',
      detail: { left: 3, browser: 'known' },
    });
    await audit.chainOnce();
    const [logged] = await audit.tail(1);
    t.match(logged, {
      place: 1,
      v: 1,
      process: audit.process,
      key: 'k1',
      type: 'sign-in.password',
      outcome: 'refused',
      actor: 'cmVmZXJlbmNl',
      subject: 'ref',
      client: 'renshe',
      code: 'EG-1701',
      case: '20260101-ABCD',
      detail: { left: 3, browser: 'known' },
    });
    const [row] = await db.sql`select type, process, process_number, at, event_id from audit_log`;
    t.match(row, { type: 'sign-in.password', process: audit.process, event_id: logged!.id });
    t.equal(row!.at.getTime(), logged!.at);
  });

  t.test('a rolled back act has no event, and leaves no gap', async (t) => {
    const rolledBack = db.begin(async (tx) => {
      await audit.record(tx, event(1));
      throw new Error('refused');
    });
    await t.rejects(rolledBack, /refused/);
    await db.begin(async (tx) => {
      await audit.record(tx, event(2));
      // A savepoint that is given up inside an act that is not.
      await tx
        .savepoint(async (inner) => {
          await audit.record(inner, event(3));
          throw new Error('inner');
        })
        .catch(() => {});
      await audit.record(tx, event(4));
    });
    await audit.settle();
    await audit.settle();
    await audit.chainOnce();
    const voided = (await audit.tail(50)).filter(({ type }) => type === 'audit.voided');
    t.ok(voided.length > 0);
    const { problems, notes } = await audit.verify({ grace: 0 });
    t.same([problems, notes], [[], []]);
  });
});

t.test('two that chain at once, while three write', async (t) => {
  const { db, open } = await trail(t);
  const [one, two, three] = [open(), open(), open()];
  let writing = true;
  const chain = async (audit: AuditTrail) => {
    let moved = 0;
    while (writing) moved += await audit.chainOnce();
    return moved;
  };
  const chains = [chain(one), chain(two)];
  await Promise.all(
    [one, two, three].map(async (audit) => {
      for (let n = 0; n < 40; n++) {
        const act = db.begin(async (tx) => {
          await audit.record(tx, event(n));
          if (n % 5 === 0) throw new Error('rolled back');
          await audit.record(tx, event(n));
        });
        await act.catch(() => {});
      }
    }),
  );
  writing = false;
  await Promise.all(chains);
  for (const audit of [one, two, three]) await audit.settle();
  await one.chainOnce();
  const rows = await db.sql<{ number: string }[]>`select number from audit_log order by number`;
  t.same(
    rows.map(({ number }) => Number(number)),
    rows.map((_, index) => index + 1),
    'numbered without a hole',
  );
  const events = await one.tail(10_000);
  t.equal(events.filter(({ type }) => type === 'code.verified').length, 3 * 32 * 2);
  const { problems, notes, unchained } = await one.verify({ grace: 0 });
  t.same([problems, notes, unchained.count], [[], [], 0]);
});

t.test('stamped events', async (t) => {
  const { db, open, clock } = await trail(t);
  const writer = open();
  const drainer = open();
  const take = (stamped: string[]) => db.begin((tx) => drainer.take(tx, stamped));

  t.test('are taken once, however often they come', async (t) => {
    const stamped = Array.from({ length: 20 }, (_, n) => writer.stamp(event(n)));
    for (const one of stamped) t.match(JSON.parse(one), { type: 'code.verified', mac: String });
    t.same(await take(stamped), { taken: 20, known: 0, rejected: 0 });
    t.same(await take(stamped), { taken: 0, known: 20, rejected: 0 }, 'still in the inbox');
    await drainer.chainOnce();
    t.same(await take(stamped), { taken: 0, known: 20, rejected: 0 }, 'already chained');
    t.same(await take([stamped[0]!, stamped[0]!]), { taken: 0, known: 2, rejected: 0 });
    await drainer.chainOnce();
    t.match(await drainer.verify({ grace: 0 }), { ok: true, events: 20 });
  });

  t.test('are taken once by two that drain while one chains', async (t) => {
    const stamped = Array.from({ length: 300 }, (_, n) => writer.stamp(event(n)));
    let draining = true;
    const chaining = (async () => {
      while (draining) await drainer.chainOnce();
    })();
    const other = open();
    for (let start = 0; start < stamped.length; start += 20) {
      const batch = stamped.slice(start, start + 20);
      await Promise.all([take(batch), db.begin((tx) => other.take(tx, batch))]);
    }
    draining = false;
    await chaining;
    await drainer.chainOnce();
    t.match(await drainer.verify({ grace: 0 }), { ok: true, events: 320, unchained: { count: 0 } });
  });

  t.test('one whose write was refused leaves no gap', async (t) => {
    const [refused, doubtful, arrived] = [writer.stamp(event(1)), writer.stamp(event(2)), writer.stamp(event(3))];
    writer.unsent(refused, 'refused');
    writer.unsent(doubtful, 'unknown');
    writer.unsent(arrived, 'unknown');
    drainer.unsent(refused, 'refused');
    await take([writer.stamp(event(4)), arrived]);
    await writer.settle();
    await writer.chainOnce();
    const between = await drainer.verify({ grace: 0 });
    t.equal(between.ok, true);
    t.match(between.notes, [/has not said what became of its event \d+$/]);
    clock.move(600_000);
    await writer.settle();
    await writer.chainOnce();
    t.same((await drainer.verify({ grace: 0 })).notes, []);
    const voided = (await drainer.tail(50)).filter(({ type }) => type === 'audit.voided').map(({ detail }) => detail);
    t.match(voided, [{ why: 'refused' }, { why: 'unknown' }]);
  });

  t.test('one that never arrives is a gap, after its time', async (t) => {
    writer.stamp(event(1));
    await take([writer.stamp(event(2))]);
    await drainer.chainOnce();
    t.match(await drainer.verify(), { ok: true, notes: [/did not arrive yet/] });
    clock.move(61_000);
    t.match(await drainer.verify(), { ok: false, problems: [{ kind: 'missing', process: writer.process }] });
  });

  t.test('forged or damaged ones are kept apart, and hold up nothing', async (t) => {
    const good = writer.stamp(event(1));
    const changed = writer.stamp(event(2)).replace('"tries":2', '"tries":9');
    const foreign = good.replace(/"key":"k1"/, '"key":"k9"');
    t.same(await take([changed, good, foreign, '{}', 'rubbish', '']), { taken: 1, known: 0, rejected: 5 });
    await drainer.chainOnce();
    t.equal((await db.sql`select from audit_rejected`).length, 5);
    t.match(await drainer.tail(2), [{ detail: { tries: 1 } }, { type: 'audit.rejected', detail: { count: 5 } }]);
    const kinds = (await drainer.verify()).problems.map(({ kind }) => kind);
    t.ok(kinds.includes('rejected'));
  });
});

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

  for (const [name, harm, problems] of cases)
    t.test(name, async (t) => {
      const { db, open, clock } = await trail(t);
      const audit = open();
      await recordMany(db, audit, 6);
      await audit.chainOnce();
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
    const { db, open, clock } = await trail(t);
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
    const { db, open, clock } = await trail(t);
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
    const { db, open } = await trail(t);
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

t.test('by itself', async (t) => {
  const { db, open, clock } = await trail(t);
  const troubles: unknown[] = [];
  const audit = createAudit({ database: db, clock, key, onTrouble: (error) => troubles.push(error) });
  audit.start();
  await recordMany(db, audit, 3);
  const start = performance.now();
  while ((await audit.tail(3)).length < 3 && performance.now() - start < 3_000)
    await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(performance.now() - start < 1_500, 'chained within a second');
  await recordMany(db, audit, 3);
  await audit.stop();
  t.equal((await open().tail(10)).length, 6, 'and once more at the end');
  t.same(troubles, []);
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
  const { createHash } = await import('node:crypto');
  let hash: Buffer = createHash('sha256').update('egret audit').digest();
  let number = 0;
  for (const row of await sql`select number, event as text, mac from audit_log order by number`) {
    number = Number(row.number);
    hash = link(hash, number, { text: row.text, mac: row.mac });
    await sql`update audit_log set hash = ${hash} where number = ${number}`;
  }
  return { number, hash };
}
