import t, { type Test } from 'tap';
import {
  closeRedis,
  isRedisReady,
  isRedisUnreachable,
  type OpenRedisOptions,
  openRedis,
  redisReady,
} from '../../src/store/redis.ts';
import { until } from '../support/processes.ts';
import { redis as startRedis } from '../support/redis.ts';
import { wants } from '../support/wants.ts';

async function connected(t: Test, options: OpenRedisOptions = {}) {
  const server = await startRedis(t);
  const redis = openRedis(server.url, options);
  t.teardown(() => redis.disconnect());
  await redisReady(redis);
  return { server, redis };
}

const failure = (promise: Promise<unknown>) =>
  promise.then(
    (value) => t.fail(`expected a failure, got ${value}`),
    (error: unknown) => error as Error,
  ) as Promise<Error>;

t.test('a command is sent once, now, or not at all', wants('redis-server'), async (t) => {
  const { server, redis } = await connected(t);
  t.equal(await redis.incr('count'), 1);

  await server.kill();
  const early = await failure(redis.incr('count'));
  t.ok(isRedisUnreachable(early), early.message);
  await until(() => !isRedisReady(redis));
  const offline = await failure(redis.incr('count'));
  t.match(offline, { message: /isn't writeable/ });
  t.ok(isRedisUnreachable(offline));

  await server.start();
  await redisReady(redis);
  t.equal(await redis.get('count'), null, 'nothing was kept back and sent now');
  await closeRedis(redis);
  t.ok(isRedisUnreachable(await failure(redis.get('count'))), 'closed');
});

t.test('a reply that is lost is given up in time, and the connection with it', wants('redis-server'), async (t) => {
  const { server, redis } = await connected(t, { commandTimeout: 200 });
  process.kill(server.pid, 'SIGSTOP');
  t.teardown(() => process.kill(server.pid, 'SIGCONT'));
  const asked = performance.now();
  const error = await failure(redis.incr('count'));
  t.ok(isRedisUnreachable(error), error.message);
  t.ok(performance.now() - asked < 1_000, 'in time');
  await until(() => !isRedisReady(redis), 3_000);
  process.kill(server.pid, 'SIGCONT');
  await redisReady(redis);
  t.equal(await redis.get('count'), '1', 'carried out, and once');
});

for (const autoPipelining of [false, true])
  t.test(
    `a script that the server forgot is sent whole, once, autoPipelining ${autoPipelining}`,
    wants('redis-server'),
    async (t) => {
      const { server, redis } = await connected(t, { autoPipelining });
      redis.defineCommand('bump', { numberOfKeys: 1, lua: "return redis.call('incrby', KEYS[1], ARGV[1])" });
      const bump = (by: number) =>
        (redis as unknown as { bump(key: string, by: number): Promise<number> }).bump('n', by);
      const calls = async (name: string) =>
        Number(new RegExp(`cmdstat_${name}:calls=(\\d+)`).exec(await redis.info('commandstats'))?.[1] ?? 0);

      t.equal(await bump(1), 1);
      t.equal(await bump(1), 2);
      t.strictSame([await calls('eval'), await calls('evalsha')], [1, 1]);
      await redis.script('FLUSH');
      t.equal(await bump(5), 7, 'after NOSCRIPT');
      t.strictSame([await calls('eval'), await calls('evalsha')], [2, 2]);
      t.equal(await bump(5), 12);

      await server.kill();
      await server.start();
      await redisReady(redis);
      t.equal(await bump(3), 3, 'after a restart');
      t.strictSame([await calls('eval'), await calls('evalsha')], [1, 0], 'whole again, without a NOSCRIPT');
    },
  );

t.test('who cannot be reached', async (t) => {
  const nobody = openRedis('unix:///tmp/egret-nobody-here');
  t.teardown(() => nobody.disconnect());
  t.match(await failure(redisReady(nobody, 100)), { code: 'EG-1703', message: /ENOENT/ });
  const secure = openRedis('rediss://user:secret@127.0.0.1:1/2');
  t.teardown(() => secure.disconnect());
  t.match(secure.options, { tls: Object, username: 'user', password: 'secret', db: 2, host: '127.0.0.1' });
  const error = await failure(redisReady(secure, 100));
  t.match(error, { code: 'EG-1703', message: /ECONNREFUSED/ });
  t.notMatch(error.message, /secret/);
  t.notOk(isRedisUnreachable(new Error('a bug')));
  t.notOk(isRedisUnreachable(Object.assign(new Error('WRONGTYPE Operation against a key'), { name: 'ReplyError' })));
  t.ok(isRedisUnreachable(Object.assign(new Error('LOADING Redis is loading'), { name: 'ReplyError' })));
});

t.test('a server that cannot serve', wants('redis-server'), async (t) => {
  const { redis } = await connected(t);
  await redis.config('SET', 'maxmemory', '1');
  const full = await failure(redis.set('a', 'b'));
  t.ok(isRedisUnreachable(full), full.message);
  await redis.config('SET', 'maxmemory', '0');
  await redis.call('REPLICAOF', '127.0.0.1', '1');
  const replica = await failure(redis.set('a', 'b'));
  t.ok(isRedisUnreachable(replica), replica.message);
});
