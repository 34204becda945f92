import net from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { closeRedis, openRedis, redisReady } from '../../src/store/redis.ts';
import { scratch } from '../support/scratch.ts';
import { wants } from '../support/wants.ts';
import { codes, productionCity, told } from './production.ts';
import { json } from './world.ts';

t.setTimeout(240_000);

t.test('doctor: everything that is wrong, at once', wants('postgresql', 'redis-server'), async (t) => {
  const city = await productionCity(t);
  const { run, db } = city;
  const redis = openRedis(city.redis.url);
  t.teardown(() => closeRedis(redis));
  await redisReady(redis);
  await redis.config('SET', 'maxmemory-policy', 'allkeys-lru');
  const env = {
    ...city.with({
      issuer: 'http://localhost',
      trusted_proxies: ['0.0.0.0/0'],
      province: { url: 'http://localhost:4100' },
    }),
    EGRET_DATABASE_URL: db.url,
    EGRET_KEY_FILE: join(city.folder, 'none'),
    EGRET_NOPE: '1',
  };
  const alone = ['EG-1803', 'EG-1901', 'EG-1910', 'EG-1913', 'EG-1917', 'EG-1918'];
  for (const verb of ['config check', 'serve']) {
    const ran = await run(verb, { env });
    t.equal(ran.code, 1);
    t.strictSame(codes(told(ran.err)), alone, `${verb}: ${ran.err}`);
  }
  const doctor = await run('doctor', { env });
  t.equal(doctor.code, 1);
  t.strictSame(codes(told(doctor.err)), [...alone, 'EG-1903', 'EG-1915', 'EG-1916', 'EG-1923', 'EG-1925'].sort());
  for (const line of told(doctor.err)) t.match(line, /^EG-\d{4} {2}.*\. Mend: \S.*\.$/);
  t.match(doctor.out, /^NOT {2}the database's user is an ordinary role$/m);
  t.match(doctor.out, /^ok {3}PostgreSQL is 15 or newer$/m);
  t.equal((await db.sql`select from pg_tables where schemaname = 'public'`).length, 0, 'it changes nothing');
});

t.test('doctor: what the running stores tell', wants('postgresql', 'redis-server'), async (t) => {
  const city = await productionCity(t);
  const { run, db } = city;
  t.equal((await run('migrate')).code, 0);
  t.equal((await run('keys list')).code, 0);
  const found = async (env: Record<string, string> = {}) => {
    const ran = await run('doctor --json', { env });
    const { ok, checks, problems } = json(ran) as {
      ok: boolean;
      checks: { ok: boolean }[];
      problems: { code: string }[];
    };
    t.equal(ran.code, ok ? 0 : 1);
    t.equal(
      ok,
      checks.every((check) => check.ok),
    );
    t.strictSame(codes(told(ran.err)), problems.map(({ code }) => code).sort());
    return told(ran.err).sort();
  };
  // No standby and no province in this test: the rest is in order.
  const rest = ['EG-1923', 'EG-1925'];
  t.strictSame(codes(await found()), rest);

  const moved = await found({
    NODE_OPTIONS: `--import=data:text/javascript,${encodeURIComponent('const now=Date.now;Date.now=()=>now()+90000')}`,
  });
  t.strictSame(codes(moved), ['EG-1923', 'EG-1924', 'EG-1924', 'EG-1925']);
  t.match(moved.join('\n'), /clock of PostgreSQL is -\d+\.\d s from/);
  t.match(moved.join('\n'), /clock of Redis is -\d+\.\d s from .*Mend: let chrony/);

  t.match(
    (await found({ EGRET_DATABASE_URL: await olderServer(t, city.env.EGRET_DATABASE_URL ?? '', db) })).join('\n'),
    /EG-1922 .* PostgreSQL .*Mend: .*pg_upgrade/,
  );

  const [first] = await db.sql<{ number: number; name: string; digest: string }[]>`
    select number, name, digest from migrations order by number`;
  await db.sql`update migrations set digest = 'x' where number = ${first?.number ?? 0}`;
  t.match((await found()).join('\n'), /EG-1720 .*was changed after it was applied/);
  await db.sql`update migrations set digest = ${first?.digest ?? ''} where number = ${first?.number ?? 0}`;
  await db.sql`delete from migrations where number = (select max(number) from migrations)`;
  t.match((await found()).join('\n'), /EG-1903 .*lacks \d{3}_.*Mend: run `egret migrate`/);
  await db.sql`drop table clients cascade`;
  await db.sql.unsafe('create table clients (client_id text)');
  const closed = await found();
  t.strictSame(codes(closed), ['EG-1903', ...rest, 'EG-1926'].sort(), 'what cannot be asked is no pass');
  t.match(closed.join('\n'), /EG-1926 .*clients of the records.*could not be made.*Mend: see that the role/);

  await city.redis.kill();
  t.match((await found()).join('\n'), /EG-1703 .*Mend: start Redis/);
});

/** The same server through a proxy before its socket, where it says that it is a version older. */
async function olderServer(
  t: Parameters<typeof scratch>[0],
  url: string,
  db: { sql: Awaited<ReturnType<typeof productionCity>>['db']['sql'] },
): Promise<string> {
  const [row] = await db.sql<{ number: string }[]>`select current_setting('server_version_num') as number`;
  const number = row?.number ?? '';
  const real = decodeURIComponent(/[?&]host=([^&]*)/.exec(url)?.[1] ?? '');
  const folder = scratch(t, 'older');
  const sockets = new Set<net.Socket>();
  const server = net.createServer((client) => {
    const upstream = net.connect(`${real}/.s.PGSQL.5432`);
    for (const one of [client, upstream])
      sockets.add(one.on('error', () => {}).on('close', () => [client, upstream].map((each) => each.destroy())));
    client.pipe(upstream);
    upstream.on('data', (bytes) =>
      client.write(Buffer.from(bytes.toString('latin1').replace(number, number.replace(/^\d\d/, '14')), 'latin1')),
    );
  });
  await new Promise<void>((done) => server.listen(`${folder}/.s.PGSQL.5432`, done));
  t.teardown(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return url.replace(encodeURIComponent(real), encodeURIComponent(folder));
}
