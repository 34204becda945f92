import t from 'tap';
import { type AuditEvent, type AuditTrail, createAudit } from '../../src/audit/audit.ts';
import { event, key, record, recordMany, trail } from './support.ts';

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

  t.test('one that came again while it was being chained is not chained twice', async (t) => {
    const [before] = await drainer.tail(1);
    await db.sql`insert into audit_inbox (event, mac) select event, mac from audit_log where number = 1`;
    await drainer.chainOnce();
    t.same(await drainer.tail(1), [before]);
    t.match(await drainer.verify({ grace: 0 }), { ok: true, unchained: { count: 0 } });
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

t.test('by itself', async (t) => {
  const { db, open, clock } = await trail(t);
  const troubles: unknown[] = [];
  const audit = createAudit({ database: db, clock, key, onTrouble: (error) => troubles.push(error) });
  audit.start();
  await recordMany(db, audit, 3);
  const start = performance.now();
  while ((await audit.tail(3)).length < 3 && performance.now() - start < 3_000)
    await new Promise((resolve) => setTimeout(resolve, 20));
  t.ok(performance.now() - start < 2_500, 'chained within a second');
  await recordMany(db, audit, 3);
  await audit.stop();
  t.equal((await open().tail(10)).length, 6, 'and once more at the end');
  t.same(troubles, []);
});
