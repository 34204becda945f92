import t from 'tap';
import { disastersOf } from '../races/disasters.ts';
import { endings, forgotten, singleUse } from '../races/lost-writes.ts';
import { world } from '../races/world.ts';
import type { TestRedis } from '../support/redis.ts';
import { wants } from '../support/wants.ts';

// Issue 4, section 1: fifty of each kind, used, and forgotten by Redis in every way: none is used again, none comes back.
t.setTimeout(1_800_000);

t.test('two gateways, and a Redis that lost writes', { ...wants('redis-server'), timeout: 1_800_000 }, async (t) => {
  const here = await world(t, { redis: true, window: 0 });
  const disasters = disastersOf(here.own.redis as TestRedis, here.own.sides);
  for (const [name, disaster] of Object.entries(disasters))
    for (const [what, kinds] of Object.entries({ 'what is single-use': singleUse, 'what ended': endings }))
      await t.test(`${name}: ${what}`, { timeout: 400_000 }, (t) => forgotten(t, here, { kinds, count: 50, disaster }));
  for (const gateway of here.own.gateways)
    t.notMatch(gateway.output(), /unexpected fault|"level":50/, 'no fault in a log');
});
