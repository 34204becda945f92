import t from 'tap';
import { wants } from '../support/wants.ts';
import { races } from './suite.ts';
import { world } from './world.ts';

// One suite, on either engine; test/faults has it on Debian's PostgreSQL, on a cluster and under Sentinel.
t.setTimeout(700_000);

const engines = [
  ['PostgreSQL', {}, { redis: false }],
  ['Redis', wants('redis-server'), { redis: true }],
] as const;

for (const [name, needs, engine] of engines)
  t.test(`protocol state in ${name}`, { ...needs, timeout: 340_000 }, async (t) => races(t, await world(t, engine)));
