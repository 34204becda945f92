import t from 'tap';
import type { TestRedis } from '../support/redis.ts';
import { wants } from '../support/wants.ts';
import { disastersOf } from './disasters.ts';
import { endings, forgotten, singleUse } from './lost-writes.ts';
import { world } from './world.ts';

// Redis forgets what it answered, five of each kind; `npm run faults` has fifty, and every way of forgetting.
t.setTimeout(240_000);

t.test('two gateways, and a Redis that lost writes', wants('redis-server'), async (t) => {
  const here = await world(t, { redis: true, window: 0 });
  const disasters = disastersOf(here.own.redis as TestRedis, here.own.sides);
  const kinds = { ...endings, ...singleUse };
  const few = ['a sign-out', 'an assertion', 'an authorization code'];
  const rounds = [
    { name: 'killed, and back with an older snapshot', kinds },
    {
      name: 'its memory lost',
      kinds: Object.fromEntries(Object.entries(kinds).filter(([kind]) => few.includes(kind))),
      hasty: true,
    },
  ];
  for (const { name, ...round } of rounds) {
    const disaster = disasters[name];
    if (!disaster) throw new Error(name);
    await t.test(name, (t) => forgotten(t, here, { ...round, count: 5, disaster }));
  }
  for (const gateway of here.own.gateways)
    t.notMatch(gateway.output(), /unexpected fault|"level":50/, 'no fault in a log');
});
