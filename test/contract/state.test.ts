import t, { type Test } from 'tap';
import { wants } from '../support/wants.ts';
import { type Bench, onCluster, onDatabase, onRedis, onSentinels } from './engines.ts';
import { keeping } from './keeping.ts';
import { once } from './once.ts';
import { race } from './race.ts';

// The contract of protocol state (src/provider/state/state.ts): one suite, unchanged on every engine.
const engines: [name: string, needs: { skip?: string }, open: (t: Test) => Promise<Bench>][] = [
  ['PostgreSQL, embedded', {}, (t) => onDatabase(t, 'embedded')],
  ["PostgreSQL, the system's", wants('postgresql'), (t) => onDatabase(t, 'debian')],
  ['Redis', wants('redis-server'), onRedis],
  ['Redis Cluster', wants('redis-server'), onCluster],
  ['Redis under Sentinel', wants('redis-server'), onSentinels],
];

for (const [name, needs, open] of engines)
  t.test(name, needs, async (t) => {
    const bench = await open(t);
    for (const [what, work] of Object.entries({ ...keeping, ...once, ...race }))
      await t.test(what, async (t) => {
        bench.offset = 0;
        await bench.clear();
        await work(t, bench);
      });
  });
