import t from 'tap';
import type { TestRedis } from '../support/redis.ts';
import { wants } from '../support/wants.ts';
import { disastersOf } from './disasters.ts';
import { endings, forgotten, type Kinds, singleUse } from './lost-writes.ts';
import { world } from './world.ts';

// Redis forgets what it answered, five of each kind; `npm run faults` has fifty, and every way of forgetting.
t.setTimeout(240_000);

t.test('two gateways, and a Redis that lost writes', wants('redis-server'), async (t) => {
  const here = await world(t, { redis: true });
  const disasters = disastersOf(here.own.redis as TestRedis, here.own.sides);
  const { 'an assertion': assertion, ...others } = singleUse as { 'an assertion': Kinds[string] };
  const rounds: [disaster: string, kinds: Kinds][] = [
    ['killed, and back with an older snapshot', { ...endings, ...others }],
    // what is single-use is gone with it, but an assertion was never there
    ['its memory lost', { 'an assertion': assertion }],
  ];
  for (const [name, kinds] of rounds) {
    const disaster = disasters[name];
    if (!disaster) throw new Error(name);
    await t.test(name, (t) => forgotten(t, here, { kinds, count: 5, disaster }));
  }
  for (const gateway of here.own.gateways)
    t.notMatch(gateway.output(), /unexpected fault|"level":50/, 'no fault in a log');
});
