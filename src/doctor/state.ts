import type { Problem } from '../errors-problems.ts';
import { serversOf } from '../store/redis.ts';
import { advising, type Check, type Subject, stopping } from './check.ts';
import { clockProblems } from './clocks.ts';

/** What Redis tells; where protocol state is in PostgreSQL there is nothing to ask. */
export const stateChecks: readonly Check[] = [
  stopping('Redis drops nothing when its memory is full', 'state', evictionPolicy),
  advising("this machine's clock and Redis's agree", 'state', async (subject) => {
    const redis = await subject.redis();
    if (!redis) return [];
    const found = serversOf(redis).map((server) =>
      clockProblems('Redis', subject.now, async () => {
        const [seconds, micros] = (await server.time()) as unknown as [string, string];
        return Number(seconds) * 1_000 + Number(micros) / 1_000;
      }),
    );
    return (await Promise.all(found)).flat();
  }),
];

async function evictionPolicy({ redis }: Subject): Promise<Problem[]> {
  const opened = await redis();
  if (!opened) return [];
  // INFO has it too, and CONFIG is closed on many a managed Redis.
  const told = await Promise.all(serversOf(opened).map((server) => server.info('memory')));
  const policies = told.map((memory) => /^maxmemory_policy:(\S+)/m.exec(memory)?.[1]);
  if (policies.every((each) => each === 'noeviction')) return [];
  const policy = policies.find((each) => each !== 'noeviction');
  return [
    {
      code: 'EG-1916',
      text: `maxmemory-policy of Redis is ${policy ?? 'not told'}, by which sessions may be dropped`,
      mend: 'set maxmemory-policy noeviction in redis.conf, and CONFIG SET maxmemory-policy noeviction for now',
    },
  ];
}
