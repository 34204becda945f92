import t from 'tap';
import { races } from '../races/suite.ts';
import { world } from '../races/world.ts';
import { wants } from '../support/wants.ts';

// Issue 3, section 2: the races on the other engine of PostgreSQL, the oldest one that is supported.
t.setTimeout(400_000);

t.test("the races, on Debian's PostgreSQL", { ...wants('postgresql'), timeout: 390_000 }, async (t) =>
  races(t, await world(t, { redis: false, engine: 'debian' })),
);
