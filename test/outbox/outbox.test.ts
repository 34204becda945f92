import { randomBytes } from 'node:crypto';
import t, { type Test } from 'tap';
import type { AuditTrail } from '../../src/audit/audit.ts';
import type { Keys } from '../../src/keys/keys.ts';
import {
  createOutbox,
  type Deliverer,
  type Delivery,
  type OutboxOptions,
  type OutboxService,
  type Outcome,
} from '../../src/outbox/outbox.ts';
import { type Moved, movedClock, open } from '../keys/support.ts';
import { database, type TestDatabase } from '../support/database.ts';

const minute = 60_000;
const hour = 60 * minute;

interface Room {
  db: TestDatabase;
  clock: Moved;
  keys: Keys<AuditTrail>;
  /** A node; stopped when the test ends. */
  node(options?: Partial<OutboxOptions>): OutboxService;
  enqueue(
    outbox: OutboxService,
    to: string,
    options?: { kind?: 'sms' | 'logout'; key?: string; expiresIn?: number },
  ): Promise<string>;
  row(id: string): Promise<Record<string, unknown>>;
  events(type: string): Promise<{ detail: Record<string, unknown>; client?: string; outcome: string }[]>;
}

async function room(t: Test): Promise<Room> {
  const db = await database(t);
  const clock = movedClock();
  const keys = await open(db, randomBytes(32), clock);
  const nodes: OutboxService[] = [];
  t.teardown(() => Promise.all(nodes.map((node) => node.stop())));
  return {
    db,
    clock,
    keys,
    node(options = {}) {
      const node = createOutbox({ database: db, vault: keys.vault, audit: keys.audit, clock, ...options });
      nodes.push(node);
      return node;
    },
    enqueue: (outbox, to, { kind = 'logout', key, expiresIn = 24 * hour } = {}) =>
      db.begin((tx) =>
        outbox.enqueue(tx, { kind, to, body: { text: `for ${to}` }, key, expiresAt: clock.now() + expiresIn }),
      ),
    row: async (id) => (await db.sql`select * from outbox where id = ${id}`)[0] ?? {},
    async events(type) {
      const rows = await db.sql<{ event: string }[]>`select event from audit_inbox order by arrived`;
      return rows.map(({ event }) => JSON.parse(event)).filter((event) => event.type === type);
    },
  };
}

async function until(condition: () => boolean | Promise<boolean>, within = 5_000): Promise<void> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > within) throw new Error(`not within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
}

const never: Deliverer = async () => ({ dead: 'unexpected' });
const both = (deliver: Deliverer) => ({ sms: deliver, logout: deliver });

t.test('delivered once, erased, audited', async (t) => {
  const { node, enqueue, row, events, db, clock } = await room(t);
  const outbox = node();
  const got: Delivery[] = [];
  const id = await enqueue(outbox, 'renshe');
  const sms = await enqueue(outbox, '13900000001', { kind: 'sms', expiresIn: 5 * minute });
  const dump = JSON.stringify(await db.sql`select *, encode(sealed, 'escape') as text from outbox`);
  t.notMatch(dump, /13900000001|for renshe/, 'sealed at rest');
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
      { id: sms, to: '13900000001', body: { text: 'for 13900000001' }, attempt: 1 },
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
  t.notMatch(JSON.stringify(delivered), /139/);
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

t.test('three nodes at once deliver each message once', async (t) => {
  const { node, enqueue, db } = await room(t);
  const got = new Map<string, number>();
  const nodes = [node(), node(), node()];
  const writer = node();
  const ids: string[] = [];
  for (let n = 0; n < 60; n++) ids.push(await enqueue(writer, `client-${n % 6}`));
  const share = nodes.map(() => 0);
  for (const [index, each] of nodes.entries())
    each.start(
      both(async ({ id }) => {
        got.set(id, (got.get(id) ?? 0) + 1);
        share[index]! += 1;
        await new Promise((resolve) => setTimeout(resolve, 5));
        return 'delivered';
      }),
    );
  const results = await writer.awaitResult(ids, 20_000);
  t.ok(results.every(({ state }) => state === 'delivered'));
  t.same([...got.values()], Array(60).fill(1));
  t.comment(`shares: ${share.join(', ')}`);
  t.equal((await db.sql`select from audit_inbox where event like '%outbox.delivered%'`).length, 60);
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
    outbox.start(both(async () => ({ dead: 'No such number: 13900000001' })));
    const sms = await enqueue(outbox, '13900000001', { kind: 'sms' });
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
    const id = await enqueue(outbox, '13900000001', { kind: 'sms', expiresIn: 5 * minute });
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

t.test('a process that dies on the way: another one delivers when the lease has ended', async (t) => {
  const { node, enqueue, row, clock } = await room(t);
  const [dead, other] = [node(), node()];
  let started = 0;
  // Killed: it never says what came of it.
  let release = () => {};
  const hanging = new Promise<Outcome>((resolve) => {
    release = () => resolve('delivered');
  });
  const first = node({ deadline: 600_000 });
  first.start(
    both(() => {
      started += 1;
      return hanging;
    }),
  );
  const id = await enqueue(dead, 'renshe');
  first.kick();
  await until(() => started === 1);
  let delivered = 0;
  other.start(
    both(async () => {
      delivered += 1;
      return 'delivered';
    }),
  );
  other.kick();
  await other.awaitResult([id], 300);
  t.equal(delivered, 0, 'the lease holds');
  clock.move(609_000);
  other.kick();
  await other.awaitResult([id], 300);
  t.equal(delivered, 0, 'until it ends');
  clock.move(1_100);
  other.kick();
  t.match(await other.awaitResult([id], 3_000), [{ state: 'delivered', tries: 2 }]);
  t.equal(delivered, 1);

  // The first one wakes up after all: its answer changes nothing any more.
  const before = await row(id);
  release();
  await first.stop();
  t.same(await row(id), before);
});

t.test('a late refusal does not end the attempt of another', async (t) => {
  const { node, enqueue, row, clock } = await room(t);
  const [slow, quick] = [node({ deadline: 600_000 }), node()];
  let answer: (outcome: Outcome) => void = () => {};
  let started = false;
  slow.start(
    both(() => {
      started = true;
      return new Promise((resolve) => {
        answer = resolve;
      });
    }),
  );
  const id = await enqueue(slow, 'renshe');
  slow.kick();
  await until(() => started);
  clock.move(611_000);
  let answerQuick: (outcome: Outcome) => void = () => {};
  let second = false;
  quick.start(
    both(() => {
      second = true;
      return new Promise((resolve) => {
        answerQuick = resolve;
      });
    }),
  );
  await until(() => second);
  answer({ retry: 'http-500' });
  await slow.stop();
  t.match(await row(id), { tries: 2, last_error: null });
  t.ok((await row(id)).lease_until, 'still held by the other');
  answerQuick('delivered');
  t.match(await quick.awaitResult([id], 3_000), [{ state: 'delivered' }]);
});

t.test('the deadline is kept whatever the deliverer does', async (t) => {
  const { node, enqueue, row } = await room(t);
  const outbox = node({ deadline: 100 });
  let aborted = false;
  outbox.start({
    sms: async (_, signal) => {
      signal.addEventListener('abort', () => {
        aborted = true;
      });
      return new Promise(() => {});
    },
    logout: (_, signal) =>
      new Promise((_, reject) => signal.addEventListener('abort', () => reject(signal.reason as Error))),
  });
  const ids = [await enqueue(outbox, '1', { kind: 'sms' }), await enqueue(outbox, 'renshe')];
  outbox.kick();
  for (const id of ids) {
    await until(async () => (await row(id)).last_error !== null);
    t.match(await row(id), { state: 'waiting', last_error: 'timeout', lease_until: null });
  }
  t.ok(aborted);
});

t.test('one that throws is tried again, and told', async (t) => {
  const { node, enqueue, row } = await room(t);
  const troubles: unknown[] = [];
  const outbox = node({ onTrouble: (error) => troubles.push(error) });
  outbox.start(
    both(async () => {
      throw new Error('a fault');
    }),
  );
  const id = await enqueue(outbox, 'renshe');
  outbox.kick();
  await until(async () => (await row(id)).last_error === 'error');
  t.match(troubles, [{ message: 'a fault' }]);
});

t.test('a content that was put into another row is not sent', async (t) => {
  const { node, enqueue, db } = await room(t);
  const troubles: { code?: string }[] = [];
  const outbox = node({ onTrouble: (error) => troubles.push(error as { code?: string }) });
  const [one, two] = [await enqueue(outbox, 'renshe'), await enqueue(outbox, 'yibao')];
  await db.sql`update outbox set sealed = (select sealed from outbox where id = ${two}) where id = ${one}`;
  outbox.start(both(async () => 'delivered'));
  const results = await outbox.awaitResult([one, two], 3_000);
  t.match(
    results.map(({ id, state, lastError }) => ({ id, state, lastError })).sort((a) => (a.id === one ? -1 : 1)),
    [
      { id: one, state: 'dead', lastError: 'unreadable' },
      { id: two, state: 'delivered' },
    ],
  );
  t.match(troubles, [{ code: 'EG-1801' }]);
});

t.test('a department that does not answer leaves room for the others', async (t) => {
  const { node, enqueue } = await room(t);
  const outbox = node({ parallel: 4, perTarget: 2, deadline: 60_000 });
  const under = { dead: 0, most: 0 };
  const release: (() => void)[] = [];
  outbox.start({
    sms: never,
    logout: ({ to }) => {
      if (to !== 'dead') return Promise.resolve('delivered');
      under.dead += 1;
      under.most = Math.max(under.most, under.dead);
      return new Promise((resolve) =>
        release.push(() => {
          under.dead -= 1;
          resolve('delivered');
        }),
      );
    },
  });
  const dead: string[] = [];
  for (let n = 0; n < 10; n++) dead.push(await enqueue(outbox, 'dead'));
  const living: string[] = [];
  for (let n = 0; n < 10; n++) living.push(await enqueue(outbox, 'living'));
  outbox.kick();
  const results = await outbox.awaitResult(living, 5_000);
  t.ok(results.every(({ state }) => state === 'delivered'));
  t.equal(under.most, 2);
  t.equal(outbox.counters.inFlight, 2);
  // Room that becomes free is used at once, without waiting for the timer.
  const freeing = setInterval(() => release.shift()?.(), 5);
  const start = performance.now();
  const rest = await outbox.awaitResult(dead, 5_000);
  clearInterval(freeing);
  t.ok(rest.every(({ state }) => state === 'delivered'));
  t.ok(performance.now() - start < 2_000);
  t.equal(under.most, 2);
});

t.test('waiting for answers', async (t) => {
  const { node, enqueue, db } = await room(t);
  const [waiter, other] = [node(), node()];

  await t.test('ends when the time is over, and says what stands', async (t) => {
    const id = await enqueue(waiter, 'renshe');
    const start = performance.now();
    t.match(await waiter.awaitResult([id], 250), [{ id, state: 'waiting' }]);
    const took = performance.now() - start;
    t.ok(took >= 245 && took < 1_500, `${took} ms`);
    t.same(await waiter.awaitResult([], 60_000), []);
    await db.sql`delete from outbox`;
  });

  await t.test('hears of what another node delivers', async (t) => {
    const id = await enqueue(waiter, 'renshe');
    const waiting = waiter.awaitResult([id], 10_000);
    const start = performance.now();
    other.start(both(async () => 'delivered'));
    t.match(await waiting, [{ state: 'delivered' }]);
    t.ok(performance.now() - start < 1_500);
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

async function calls(db: TestDatabase): Promise<number[]> {
  await new Promise((resolve) => setTimeout(resolve, 50));
  const [row] = await db.sql`select idx_scan + seq_scan as scans from pg_stat_user_tables where relname = 'outbox'`;
  return [Number(row?.scans ?? 0)];
}

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
  clock.move(23 * 24 * hour);
  outbox.kick();
  await until(async () => (await db.sql`select from outbox`).length === 0);
});
