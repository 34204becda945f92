import t, { type Test } from 'tap';
import { accepting, type Disaster, endings, forgotten, serving, singleUse } from '../races/lost-writes.ts';
import { meanwhile } from '../races/meanwhile.ts';
import { races } from '../races/suite.ts';
import { type World, world } from '../races/world.ts';
import { type Member, redisSentinels, type TestSentinels } from '../support/redis-sentinel.ts';
import { wants } from '../support/wants.ts';

// Issue 4, section 1: two gateways on a group under Sentinel, whose primary is lost with what no replica saw.
t.setTimeout(900_000);

t.test('the races, under Sentinel', { ...wants('redis-server'), timeout: 500_000 }, async (t) => {
  const group = await redisSentinels(t);
  const here = await world(t, { redis: group.url });
  const primary = loses(group);
  await races(t, here, {
    'an assertion': primary.prepare,
    async 'a code by SMS'() {
      await primary.strike();
      await serving(here);
      await accepting(here);
    },
  });
});

t.test('two gateways, and Redis under Sentinel', { ...wants('redis-server'), timeout: 900_000 }, async (t) => {
  const group = await redisSentinels(t);
  const here = await world(t, { redis: group.url, window: 0 });

  await t.test('a primary that stands still, is replaced, and goes on', async (t) => {
    const before = await group.primary();
    const storm = await meanwhile(t, here, 'a stopped primary', async () => {
      process.kill(before.server.pid, 'SIGSTOP');
      await group.promoted(before);
      process.kill(before.server.pid, 'SIGCONT');
      await group.following(before);
    });
    t.ok(storm.longest < 15_000, `${Math.round(storm.longest)} ms without a code`);
  });

  await t.test('a primary that is killed with what no replica saw', { timeout: 400_000 }, (t) =>
    forgotten(t, here, { kinds: singleUse, count: 50, disaster: loses(group) }),
  );
  faultless(t, here);
});

t.test('what ended stays ended', { ...wants('redis-server'), timeout: 400_000 }, async (t) => {
  // fifty accounts are disabled meanwhile, by fifty commands
  const group = await redisSentinels(t, 20_000);
  const here = await world(t, { redis: group.url, window: 0 });
  await forgotten(t, here, { kinds: endings, count: 50, disaster: loses(group) });
  faultless(t, here);
});

/** The primary is killed, and the replica that is promoted saw nothing of what was done last. */
function loses(group: TestSentinels): Disaster {
  let lost: Member;
  return {
    async prepare() {
      lost = await group.primary();
      await group.cutOff(lost);
    },
    async strike() {
      await lost.server.kill();
      await group.promoted(lost);
    },
  };
}

function faultless(t: Test, { own }: World): void {
  for (const gateway of own.gateways) t.notMatch(gateway.output(), /unexpected fault|"level":50/, 'no fault in a log');
}
