import t from 'tap';
import { endings, forgotten, settled, singleUse } from '../races/lost-writes.ts';
import { meanwhile } from '../races/meanwhile.ts';
import { races } from '../races/suite.ts';
import { type World, world } from '../races/world.ts';
import { redisCluster } from '../support/redis-cluster.ts';
import { wants } from '../support/wants.ts';

// Issue 4, section 1: two gateways on a cluster of three primaries: slots move, a node is lost, then all that was new.
t.setTimeout(900_000);

t.test('the races, on a cluster', { ...wants('redis-server'), timeout: 500_000 }, async (t) => {
  const cluster = await redisCluster(t);
  const here = await world(t, { redis: cluster.url });
  const bucket = bucketsOf(here)[0] ?? '';
  await races(t, here, {
    async 'an authorization code'() {
      await cluster.move(bucket);
      await settled();
    },
    async 'a code by SMS'() {
      const node = await cluster.owner(bucket);
      await node.server.kill();
      await cluster.whole(node);
      await settled();
    },
  });
});

t.test('two gateways, and a Redis Cluster', { ...wants('redis-server'), timeout: 900_000 }, async (t) => {
  const cluster = await redisCluster(t);
  const here = await world(t, { redis: cluster.url, window: 0 });
  const buckets = bucketsOf(here);

  await t.test('the slots of everybody move, a node is lost', { timeout: 120_000 }, async (t) => {
    const moves = await meanwhile(t, here, 'moving slots', async () => {
      for (const bucket of buckets) await cluster.move(bucket);
    });
    t.ok(moves.longest < 10_000, `${Math.round(moves.longest)} ms without a code`);
    const loss = await meanwhile(t, here, 'a lost node', async () => {
      const node = await cluster.owner(buckets[0] ?? '');
      await node.server.kill();
      await cluster.whole(node);
    });
    t.ok(loss.longest < 15_000, `${Math.round(loss.longest)} ms without a code`);
  });

  for (const [what, kinds] of Object.entries({ 'what is single-use': singleUse, 'what ended': endings }))
    await t.test(`each primary is lost with what no replica saw: ${what}`, { timeout: 400_000 }, async (t) => {
      await cluster.complete();
      await settled();
      const primaries = await cluster.primaries();
      const disaster = {
        async prepare() {
          for (const primary of primaries) await cluster.cutOff(primary);
        },
        async strike() {
          for (const primary of primaries) {
            await primary.server.kill();
            await cluster.whole(primary);
          }
        },
      };
      await forgotten(t, here, { kinds, count: 50, disaster });
    });
  for (const gateway of here.own.gateways)
    t.notMatch(gateway.output(), /unexpected fault|"level":50/, 'no fault in a log');
});

const bucketsOf = ({ citizens }: World): string[] =>
  citizens.map((citizen) => (citizen.jar.get('egret') ?? '').slice(0, 2));
