import t from 'tap';
import type { Deliverer, Outcome } from '../../src/outbox/outbox.ts';
import { until } from '../keys/support.ts';
import { both, room } from './support.ts';

const never: Deliverer = async () => ({ dead: 'unexpected' });

t.test('a process that dies on the way: another one delivers when the lease has ended', async (t) => {
  const { node, enqueue, row, clock } = await room(t);
  const [dead, other] = [node(), node()];
  let started = 0;
  // Killed: it never says what came of it.
  let release = () => {};
  const hanging = new Promise<Outcome>((resolve) => {
    release = () => resolve('delivered');
  });
  // One place, which it fills: it cannot take the message itself again.
  const first = node({ deadline: 600_000, parallel: 1 });
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
  const [slow, quick] = [node({ deadline: 600_000, parallel: 1 }), node()];
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

t.test('a message that another node is just taking is passed over, not waited for', async (t) => {
  const { node, enqueue, db } = await room(t);
  const outbox = node();
  const [taken, free] = [await enqueue(outbox, 'renshe'), await enqueue(outbox, 'yibao')];
  const got: string[] = [];
  await db.begin(async (tx) => {
    await tx`select from outbox where id = ${taken} for update`;
    outbox.start(
      both(async ({ id }) => {
        got.push(id);
        return 'delivered';
      }),
    );
    await until(() => got.length > 0, 2_000);
    t.same(got, [free]);
    await tx`update outbox set lease_until = next_attempt_at + interval '1 hour', tries = 1 where id = ${taken}`;
  });
  outbox.kick();
  await outbox.awaitResult([taken], 300);
  t.same(got, [free], 'the other one holds it');
});
