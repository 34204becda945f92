import t from 'tap';
import { systemClock } from '../../src/clock.ts';
import { createSessions } from '../../src/sessions/sessions.ts';
import { redisHeartbeat } from '../../src/store/heartbeat.ts';
import { openRedis, redisReady } from '../../src/store/redis.ts';
import { database } from '../support/database.ts';
import { until } from '../support/processes.ts';
import { redis } from '../support/redis.ts';
import { wants } from '../support/wants.ts';

t.test('what processes tell each other through Redis', wants('redis-server'), async (t) => {
  const server = await redis(t);
  const open = async () => {
    const client = openRedis(server.url);
    t.teardown(() => client.disconnect());
    await redisReady(client);
    return { client, heartbeat: redisHeartbeat(client) };
  };
  const [one, other] = [await open(), await open()];

  await t.test('when somebody last reached the records, and with which keys', async (t) => {
    t.match(await other.heartbeat.listen(1_000), { age: Number.POSITIVE_INFINITY, epoch: 0, endings: [] });
    await one.heartbeat.beat(7);
    const heard = await other.heartbeat.listen(1_000);
    t.equal(heard.epoch, 7);
    t.ok(heard.age >= 0 && heard.age < 1_000, `${heard.age} ms ago`);
    await other.heartbeat.beat(6);
    t.equal((await one.heartbeat.listen(1_000)).epoch, 7, 'who lags behind hides nothing');
    // twenty seconds go by
    await one.client.hincrby('egret:{records}:beat', 'at', -20_000);
    t.ok((await one.heartbeat.listen(1_000)).age >= 20_000);
    await other.heartbeat.beat(6);
    t.equal((await one.heartbeat.listen(1_000)).epoch, 6, 'after a restore an earlier one is in force');
  });

  await t.test('what ended just now is heard without the records', async (t) => {
    const records = await database(t);
    const common = { database: records, clock: systemClock };
    const here = createSessions({ ...common, mirror: one.heartbeat.mirror });
    const there = createSessions(common);
    const began = systemClock.now() - 1_000;
    await records.begin((tx) => here.record(tx, { kind: 'account', ref: 'a', until: began + 60_000 }));
    t.equal(there.ended('account', 'a', began), false, 'it reads no records');
    await until(async () => (await other.heartbeat.listen(10_000)).endings.length > 0);
    there.hear((await other.heartbeat.listen(10_000)).endings);
    t.equal(there.ended('account', 'a', began), true);
    t.equal(there.ended('account', 'b', began), false);

    // recorded by a program that tells nobody, as the command line: whoever reads it does
    const silent = createSessions(common);
    await records.begin((tx) => silent.record(tx, { kind: 'account', ref: 'c', until: began + 60_000 }));
    await here.refresh();
    await until(async () => {
      there.hear((await other.heartbeat.listen(10_000)).endings);
      return there.ended('account', 'c', began);
    });
  });
});
