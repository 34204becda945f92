import t, { type Test } from 'tap';
import { systemClock } from '../../src/clock.ts';
import { keyOf, type ProtocolState, redisState } from '../../src/provider/provider.ts';
import type { Key } from '../../src/provider/state/state.ts';
import { storeAway } from '../../src/store/away.ts';
import { type Database, openDatabase } from '../../src/store/database.ts';
import { storeEpochs } from '../../src/store/epochs.ts';
import { migrate } from '../../src/store/migrate.ts';
import { openRedis, redisReady } from '../../src/store/redis.ts';
import { Jar } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { assertion, assertionType, code, jwks } from '../support/department.ts';
import { op } from '../support/op.ts';
import { until } from '../support/processes.ts';
import { freePort, redis, type TestRedis } from '../support/redis.ts';
import { asking } from '../support/redis-cluster.ts';
import { wants } from '../support/wants.ts';

// Which Redis it is, and what that makes of what was made before (DESIGN rule 2, src/store/epochs.ts).
t.test('epochs of Redis', wants('redis-server'), async (t) => {
  const records = await database(t);
  await migrate(records, { clock: systemClock });
  const server = await redis(t);
  const one = await process(t, records, server);
  const other = await process(t, records, server);
  const state = async () => [...(await records.sql`select min(number), max(number), count(*)::int from store_epochs`)];
  const code = (bucket = '07'): Key => keyOf('AuthorizationCode', `${bucket}${crypto.randomUUID()}`);
  const put = async (to: ProtocolState, key: Key, single = true) =>
    to.commit({ lock: key, put: [{ key, payload: 'x', expiresAt: Date.now() + 60_000, single }] });
  const spend = (at: ProtocolState, key: Key) => at.commit({ lock: key, spend: { key, for: 'x' } });
  const mark = (at: ProtocolState, usableFrom: number, key = keyOf('Replay', crypto.randomUUID())) =>
    at.commit({ lock: key, absent: key, usableFrom, put: [{ key, payload: '', expiresAt: Date.now() + 60_000 }] });
  const moment = async () => {
    const now = Date.now();
    await until(() => Date.now() > now + 1);
    return Date.now();
  };

  await t.test('the first one has lost nothing', async (t) => {
    await Promise.all([one.state.ping(), other.state.ping()]);
    t.same(await state(), [{ min: 1, max: 1, count: 64 }]);
    t.same([one.begun, other.begun], [[], []], 'and is nothing to tell');
    t.same(await mark(one.state, 1), { ok: true, repeated: false }, 'an assertion, however old');
    await put(one.state, keyOf('Session', '07lives'), false);
  });

  await t.test('a server that started again begins the next, once for all processes', async (t) => {
    const [spent, fresh] = [code(), code('63')];
    await put(one.state, spent);
    await put(one.state, fresh);
    const kept = await server.keep();
    await spend(other.state, spent);
    const before = Date.now();
    await server.kill();
    await server.start(kept);
    await Promise.all([one, other].map(({ state }) => until(() => isServed(state))));
    t.same(await state(), [{ min: 2, max: 2, count: 64 }]);
    t.same([...one.begun, ...other.begun], [64], 'told by one of them');
    for (const { state: at } of [one, other]) {
      t.match(await spend(at, spent), { why: 'gone' }, 'what was spent');
      t.match(await spend(at, fresh), { why: 'gone' }, 'what was not');
      t.equal(await at.load(spent), undefined);
      t.match(
        await at.load(keyOf('Session', '07lives')),
        { entry: { payload: 'x' } },
        'what is not single-use lives on',
      );
      t.match(await mark(at, before), { why: 'stale' }, 'what may have been marked');
      t.match(await mark(at, await moment()), { ok: true }, 'what cannot have been');
    }
    const next = code();
    await put(one.state, next);
    t.match(await spend(other.state, next), { ok: true }, 'what is made now is good');
    t.match(await spend(one.state, next), { why: 'spent' }, 'once');
  });

  await t.test('so does one that is emptied while it runs', async (t) => {
    const client = openRedis(server.url);
    t.teardown(() => client.disconnect());
    await redisReady(client);
    await client.flushall();
    const before = Date.now();
    t.match(await mark(one.state, before), { why: 'stale' });
    t.same(await state(), [{ min: 3, max: 3, count: 64 }]);
  });

  await t.test('a server that is left behind serves nobody of whom another was told', async (t) => {
    const promoted = await redis(t);
    const third = await process(t, records, promoted);
    await third.state.ping();
    t.same(await state(), [{ min: 4, max: 4, count: 64 }]);
    const made = await moment();
    const key = keyOf('Replay', 'a jti');
    t.match(await mark(third.state, made, key), { ok: true });
    // whoever still has a connection to the old one finds that it is not the one agreed upon
    await until(() => one.heard > 3);
    t.match(await mark(one.state, made, key), { why: 'stale' }, 'the same one, at the old server');
  });

  await t.test('a primary that was a replica in between, without a start', async (t) => {
    const ports = [await freePort(), await freePort()] as const;
    const [first, second] = await Promise.all(
      ports.map(async (port) => {
        const own = await redis(t, { args: ['--port', `${port}`, '--repl-diskless-sync-delay', '0'] });
        return { ...(await asking(t, own.url)), own };
      }),
    );
    if (!first || !second) throw new Error('two servers');
    const at = await process(t, records, first.own);
    await at.state.ping();
    const spent = code();
    await put(at.state, spent);
    const follow = async (one: typeof first, port: number) => {
      await one.ask('REPLICAOF', '127.0.0.1', port);
      await until(async () => String(await one.ask('INFO', 'replication')).includes('master_link_status:up'));
    };
    await follow(second, ports[0]);
    // its first replica gave it another name already
    await at.state.ping();
    const fresh = code();
    await put(at.state, fresh);
    await first.ask('WAIT', 1, 5_000);
    await second.ask('REPLICAOF', 'NO', 'ONE');
    t.match(await spend(at.state, fresh), { ok: true }, 'what the other one never hears of');
    await follow(first, ports[1]);
    await first.ask('REPLICAOF', 'NO', 'ONE');
    t.match(await spend(at.state, fresh), { why: 'gone' });
    t.match(await spend(at.state, spent), { why: 'gone' });
  });

  await t.test('with the records away nothing is agreed upon, and nothing served', async (t) => {
    const lone = await redis(t);
    const away = openDatabase({ url: `postgres://nobody@127.0.0.1:${await freePort()}/nothing` });
    t.teardown(() => away.close());
    const asking = await process(t, away, lone);
    t.ok(storeAway(await put(asking.state, code()).catch((error: unknown) => error)));
    t.ok(storeAway(await asking.state.ping().catch((error: unknown) => error)));
  });
});

t.test("a client's assertion, over HTTP", wants('redis-server'), async (t) => {
  const server = await redis(t);
  const records = await database(t);
  await migrate(records, { clock: systemClock });
  const own = await op(t, records, (await process(t, records, server)).state, jwks);
  await code(own, new Jar(), 'basic');
  const now = () => Math.floor(Date.now() / 1000);
  const present = async (claims: Record<string, unknown>) => {
    const form = {
      grant_type: 'authorization_code',
      code: '07none',
      redirect_uri: 'http://127.0.0.1:9/callback',
      client_id: 'signed',
      client_assertion: await assertion(own, claims),
      client_assertion_type: assertionType,
    };
    const answer = await fetch(`${own.issuer}/token`, { method: 'POST', body: new URLSearchParams(form) });
    const { error } = (await answer.json()) as { error: string };
    return [answer.status, error, answer.headers.get('retry-after')];
  };
  const good = [400, 'invalid_grant', null];
  const refused = [401, 'invalid_client', null];
  t.same(await present({}), good, 'it is the code that is refused');
  t.same(await present({ iat: now() + 60 }), refused, 'from a future in which its mark may be lost');
  const long = { exp: now() + 600 };
  await server.kill();
  await server.start();
  await until(async () => (await present({ ...long, iat: now() - 60 }))[0] === 401);
  t.same(await present({ ...long, iat: now() - 60 }), refused, 'older than the loss: never again');
  t.same(await present({ ...long, iat: undefined }), refused, 'of an unknown age');
  t.same(await present({}), [503, 'temporarily_unavailable', '1'], 'as old as the loss: come again');
  await until(async () => (await present({}))[0] !== 503);
  t.same(await present({}), good, 'a new one is good');
  t.same(await present({ ...long, iat: undefined, nbf: now() }), good, 'or one that says from when on it is');
});

/** What one gateway process has of this: a connection of its own, and what it told and heard. */
async function process(t: Test, records: Database, { url }: TestRedis) {
  const client = openRedis(url);
  t.teardown(() => client.disconnect());
  await redisReady(client);
  const begun: number[] = [];
  const epochs = storeEpochs({
    database: records,
    clock: systemClock,
    record: async () => {},
    onBegun: (buckets) => begun.push(buckets),
    onTrouble: (error) => t.comment(String(error)),
  });
  const own = { begun, heard: 0 };
  const state = redisState(client, {
    agree: epochs.agree,
    watch: (heard) =>
      epochs.watch((numbers) => {
        heard(numbers);
        own.heard = numbers.get('07') ?? 0;
      }),
  });
  return Object.assign(own, { state });
}

const isServed = (state: ProtocolState): Promise<boolean> =>
  state.ping().then(
    () => true,
    (error: unknown) => {
      if (storeAway(error)) return false;
      throw error;
    },
  );
