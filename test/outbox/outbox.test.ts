import t from 'tap';
import type { Delivery, Outcome } from '../../src/outbox/outbox.ts';
import { until } from '../keys/support.ts';
import type { TestDatabase } from '../support/database.ts';
import { both, hour, minute, room } from './support.ts';

t.test('delivered once, erased, audited', async (t) => {
  const { node, enqueue, row, events, db, clock } = await room(t);
  const outbox = node();
  const got: Delivery[] = [];
  const id = await enqueue(outbox, 'renshe');
  const sms = await enqueue(outbox, '15400000117', { kind: 'sms', expiresIn: 5 * minute });
  const dump = JSON.stringify(await db.sql`select *, encode(sealed, 'escape') as text from outbox`);
  t.notMatch(dump, /15400000117|for renshe/, 'sealed at rest');
  t.match(await outbox.list({ state: 'waiting' }), [
    { id: sms, kind: 'sms', target: null, tries: 0 },
    { id, kind: 'logout', target: 'renshe', tries: 0 },
  ]);
  outbox.start(
    both(async (message) => {
      got.push(message);
      return 'delivered';
    }),
  );
  const results = await outbox.awaitResult([id, sms], 3_000);
  t.match(
    results.map(({ state, tries }) => ({ state, tries })),
    [
      { state: 'delivered', tries: 1 },
      { state: 'delivered', tries: 1 },
    ],
  );
  t.same(
    got.sort((one, other) => (one.to < other.to ? -1 : 1)),
    [
      { id: sms, to: '15400000117', body: { text: 'for 15400000117' }, attempt: 1 },
      { id, to: 'renshe', body: { text: 'for renshe' }, attempt: 1 },
    ],
  );
  t.match(await row(id), { sealed: null, lease_until: null, last_error: null });
  t.match(await row(sms), { sealed: null });
  t.ok(Math.abs(((await row(id)).answered_at as Date).getTime() - clock.now()) < 5_000);
  const delivered = await events('outbox.delivered');
  t.equal(delivered.length, 2);
  t.match(
    delivered.find(({ client }) => client),
    { client: 'renshe', outcome: 'success', detail: { message: id, kind: 'logout', tries: 1 } },
  );
  t.notMatch(JSON.stringify(delivered), /15400000117/);
  t.match(outbox.counters, { attempts: 2, delivered: 2, dead: 0, retried: 0 });
  t.same(await outbox.backlog(), { waiting: 0, oldest: undefined });
});

t.test('what is rolled back is never sent; one key is one message', async (t) => {
  const { node, enqueue, db, clock } = await room(t);
  const outbox = node();
  const rolledBack = db.begin(async (tx) => {
    await outbox.enqueue(tx, { kind: 'sms', to: '1', body: {}, expiresAt: clock.now() + hour });
    throw new Error('refused');
  });
  await t.rejects(rolledBack);
  const ids = await Promise.all(Array.from({ length: 5 }, () => enqueue(outbox, 'renshe', { key: 'session 1' })));
  t.equal(new Set(ids).size, 1);
  t.not(await enqueue(outbox, '1', { kind: 'sms', key: 'session 1' }), ids[0], 'a key belongs to a kind');
  t.equal((await outbox.list()).length, 2);
});

t.test('retried with growing pauses, dead after a day, tried again by hand', async (t) => {
  const { node, enqueue, row, events, clock } = await room(t);
  const outbox = node({ chance: () => 0.5 });
  let outcome: Outcome = { retry: 'http-503' };
  const attempts: number[] = [];
  outbox.start(
    both(async ({ attempt }) => {
      attempts.push(attempt);
      return outcome;
    }),
  );
  const id = await enqueue(outbox, 'renshe');
  outbox.kick();

  await t.test('pauses', async (t) => {
    const pauses: number[] = [];
    for (let tries = 1; tries <= 12; tries++) {
      await until(async () => (await row(id)).tries === tries && (await row(id)).lease_until === null);
      const { next_attempt_at, state, last_error } = await row(id);
      t.match({ state, last_error }, { state: 'waiting', last_error: 'http-503' });
      const left = (next_attempt_at as Date).getTime() - clock.now();
      pauses.push(left);
      clock.move(left + 1);
      outbox.kick();
    }
    const expected = [1.5, 3, 6, 12, 24, 48, 96, 192, 384, 675, 675, 675].map((seconds) => seconds * 1_000);
    for (const [index, each] of pauses.entries())
      t.ok(each <= expected[index]! && each > expected[index]! - 1_000, `${each} ms, about ${expected[index]}`);
  });

  await t.test('dead after 24 hours', async (t) => {
    await until(async () => (await row(id)).tries === 13 && (await row(id)).lease_until === null);
    clock.move(20 * hour);
    outbox.kick();
    await until(async () => (await row(id)).tries === 14 && (await row(id)).lease_until === null);
    t.equal((await row(id)).state, 'waiting');
    clock.move(4 * hour);
    outbox.kick();
    const before = attempts.length;
    const [result] = await outbox.awaitResult([id], 5_000);
    t.match(result, { state: 'dead', lastError: 'http-503' });
    t.equal(attempts.length, before, 'not sent once more');
    t.match(await events('outbox.dead'), [{ client: 'renshe', outcome: 'refused', detail: { reason: 'http-503' } }]);
  });

  await t.test('by hand', async (t) => {
    outcome = 'delivered';
    t.same(await outbox.retry(id, { by: 'operator' }), { ok: true });
    const [result] = await outbox.awaitResult([id], 5_000);
    t.match(result, { state: 'delivered' });
    t.match(await row(id), { sealed: null });
    t.match(await events('outbox.retried'), [{ client: 'renshe', detail: { message: id, by: 'operator' } }]);
    t.same(await outbox.retry(id), { ok: false, reason: 'nothing-left' });
    t.same(await outbox.retry('00000000-0000-4000-8000-000000000000'), { ok: false, reason: 'unknown' });
  });
});

t.test('one that waits can be tried at once', async (t) => {
  const { node, enqueue, row } = await room(t);
  const outbox = node();
  let outcome: Outcome = { retry: 'http-500' };
  outbox.start(both(async () => outcome));
  const id = await enqueue(outbox, 'renshe');
  outbox.kick();
  await until(async () => (await row(id)).last_error === 'http-500');
  outcome = 'delivered';
  await outbox.retry(id);
  t.match(await outbox.awaitResult([id], 1_000), [{ state: 'delivered', tries: 2 }]);
});

t.test('the end of a message', async (t) => {
  const { node, enqueue, row, clock } = await room(t);
  const outbox = node();

  await t.test('one that is refused for good is dead at once; an SMS leaves nothing behind', async (t) => {
    outbox.start(both(async () => ({ dead: 'No such number: 15400000117' })));
    const sms = await enqueue(outbox, '15400000117', { kind: 'sms' });
    const logout = await enqueue(outbox, 'renshe');
    outbox.kick();
    const results = await outbox.awaitResult([sms, logout], 3_000);
    t.match(results, [
      { state: 'dead', lastError: 'other' },
      { state: 'dead', lastError: 'other' },
    ]);
    t.match(await row(sms), { sealed: null });
    t.ok((await row(logout)).sealed, 'a logout can be tried again by hand');
    t.same(await outbox.retry(sms), { ok: false, reason: 'nothing-left' });
    await outbox.stop();
  });

  await t.test('one that expired is not sent', async (t) => {
    const id = await enqueue(outbox, '15400000117', { kind: 'sms', expiresIn: 5 * minute });
    clock.move(5 * minute);
    let sent = 0;
    outbox.start(
      both(async () => {
        sent += 1;
        return 'delivered';
      }),
    );
    t.match(await outbox.awaitResult([id], 3_000), [{ state: 'dead', lastError: 'expired' }]);
    t.equal(sent, 0);
    t.match(await row(id), { sealed: null });
  });
});

t.test('waiting for answers', async (t) => {
  const { node, enqueue, db } = await room(t);
  const [waiter, other] = [node(), node()];

  await t.test('ends when the time is over, and says what stands', async (t) => {
    const id = await enqueue(waiter, 'renshe');
    const start = performance.now();
    t.match(await waiter.awaitResult([id], 250), [{ id, state: 'waiting' }]);
    const took = performance.now() - start;
    t.ok(took >= 245 && took < 2_500, `${took} ms`);
    t.same(await waiter.awaitResult([], 60_000), []);
    await db.sql`delete from outbox`;
  });

  await t.test('hears of what another node delivers', async (t) => {
    const id = await enqueue(waiter, 'renshe');
    const waiting = waiter.awaitResult([id], 10_000);
    const start = performance.now();
    other.start(both(async () => 'delivered'));
    t.match(await waiting, [{ state: 'delivered' }]);
    t.ok(performance.now() - start < 2_500);
    await other.stop();
  });

  await t.test('many waiters ask together', async (t) => {
    const ids = await Promise.all(Array.from({ length: 10 }, () => enqueue(waiter, 'renshe')));
    const [before] = await db.sql`select pg_stat_force_next_flush()`.then(() => calls(db));
    const results = await Promise.all(ids.map((id) => waiter.awaitResult([id], 1_000)));
    t.equal(results.length, 10);
    const [after] = await calls(db);
    t.ok(after! - before! < 60, `${after! - before!} scans for ten waiters in a second`);
    await db.sql`delete from outbox`;
  });

  await t.test('hears at once of its own', async (t) => {
    let answer: (outcome: Outcome) => void = () => {};
    waiter.start(
      both(
        () =>
          new Promise((resolve) => {
            answer = resolve;
          }),
      ),
    );
    const id = await enqueue(waiter, 'renshe');
    waiter.kick();
    await until(() => waiter.counters.inFlight === 1);
    const waiting = waiter.awaitResult([id], 5_000);
    answer('delivered');
    t.match(await waiting, [{ state: 'delivered' }]);
    t.match(await waiter.results([id]), [{ state: 'delivered' }]);
  });
});

t.test('listed in pages', async (t) => {
  const { node, enqueue, clock } = await room(t);
  const outbox = node();
  for (let n = 0; n < 7; n++) {
    await enqueue(outbox, `client-${n}`);
    clock.move(1_000);
  }
  const first = await outbox.list({ limit: 4 });
  const second = await outbox.list({ limit: 4, after: first.at(-1) });
  t.same(
    [...first, ...second].map(({ target }) => target),
    [6, 5, 4, 3, 2, 1, 0].map((n) => `client-${n}`),
  );
  t.same(await outbox.list({ state: 'dead' }), []);
});

t.test('what is over is forgotten', async (t) => {
  const { node, enqueue, row, clock, db } = await room(t);
  const outbox = node();
  outbox.start({ sms: async () => 'delivered', logout: async () => ({ dead: 'http-400' }) });
  const [sms, logout] = [await enqueue(outbox, '1', { kind: 'sms' }), await enqueue(outbox, 'renshe')];
  outbox.kick();
  await outbox.awaitResult([sms, logout], 3_000);
  t.ok((await row(logout)).sealed);
  clock.move(7 * 24 * hour + 10 * minute);
  outbox.kick();
  await until(async () => (await row(logout)).sealed === null);
  t.same(await outbox.retry(logout), { ok: false, reason: 'nothing-left' });
  await db.sql`
    insert into outbox (id, kind, state, created_at, next_attempt_at, expires_at, answered_at)
    select gen_random_uuid(), 'logout', 'dead', at, at, at, at
    from (select to_timestamp(${clock.now() / 1_000}) as at, generate_series(1, 2500)) as made`;
  clock.move(23 * 24 * hour);
  const sweeps = () => outbox.kick();
  sweeps();
  await until(async () => (await db.sql`select from outbox where sealed is null and kind = 'sms'`).length === 0);
  t.equal((await db.sql`select from outbox`).length, 2_501 - 1, 'not yet thirty days old');
  clock.move(8 * 24 * hour);
  sweeps();
  await until(async () => (await db.sql`select from outbox`).length === 0, 20_000);
});

async function calls(db: TestDatabase): Promise<number[]> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const [row] = await db.sql`select idx_scan + seq_scan as scans from pg_stat_user_tables where relname = 'outbox'`;
  return [Number(row?.scans ?? 0)];
}
