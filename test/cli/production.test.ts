import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sealAccount } from '../../src/accounts/account.ts';
import { insertAccount } from '../../src/accounts/records.ts';
import { lookAtKeys } from '../../src/keys/keys.ts';
import { closeRedis, openRedis, redisReady } from '../../src/store/redis.ts';
import { program, until } from '../support/processes.ts';
import { wants } from '../support/wants.ts';
import { codes, definition, ownKey, productionCity, told } from './production.ts';
import { egret } from './world.ts';

t.setTimeout(240_000);

t.test(
  'production: a good configuration starts; what the stores tell refuses it',
  wants('postgresql', 'redis-server'),
  async (t) => {
    const city = await productionCity(t);
    const { run, db, env, ports } = city;
    const tables = async () => (await db.sql`select from pg_tables where schemaname = 'public'`).length;
    const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS)/.test(name));
    const refused = async (what: string, code: string, text: RegExp, more: Record<string, string> = {}, exit = 1) => {
      const ran = await run('serve', { env: more });
      t.equal(ran.code, exit, what);
      t.strictSame(codes(told(ran.err)), [code], `${what}: ${ran.err}`);
      t.match(ran.err, text, what);
      t.match(ran.err, /\. Mend: \S.*\.\n$/, what);
    };

    await refused('a superuser', 'EG-1915', /superuser.*create a role/, { EGRET_DATABASE_URL: db.url });
    await db.sql.unsafe(`grant pg_execute_server_program to ${city.role}`);
    await refused('a role that may run programs', 'EG-1915', /pg_execute_server_program/);
    await db.sql.unsafe(`revoke pg_execute_server_program from ${city.role}`);

    const redis = openRedis(city.redis.url);
    t.teardown(() => closeRedis(redis));
    await redisReady(redis);
    for (const policy of ['allkeys-lru', 'volatile-ttl']) {
      await redis.config('SET', 'maxmemory-policy', policy);
      await refused(policy, 'EG-1916', new RegExp(`is ${policy}.*noeviction in redis\\.conf`));
    }
    await redis.config('SET', 'maxmemory-policy', 'noeviction');
    await refused(
      'no Redis',
      'EG-1703',
      /nothing is known of it.*start Redis/,
      { EGRET_REDIS_URL: `${city.redis.url}-no` },
      3,
    );
    const nobody = env.EGRET_DATABASE_URL?.replace(/host=.*/, `host=${encodeURIComponent(city.folder)}`) ?? '';
    await refused(
      'no PostgreSQL',
      'EG-1702',
      /nothing is known of them.*start PostgreSQL/,
      { EGRET_DATABASE_URL: nobody },
      3,
    );
    t.equal(await tables(), 0, 'a refused start has written nothing');

    const gateway = program(t, egret, ['serve'], { cwd: '/', env: { ...Object.fromEntries(mine), ...env } });
    await gateway.waitFor(/"ready"/);
    const ready = () => fetch(`http://127.0.0.1:${ports.admin}/readyz`);
    await until(async () => (await ready()).ok);
    t.match(await (await ready()).json(), { ok: true, database: 'ok', state: 'ok', keys: 'ok' });
    const discovery = await fetch(`http://127.0.0.1:${ports.public}/.well-known/openid-configuration`);
    t.match(await discovery.json(), { issuer: 'https://id.city.example' });
    t.strictSame(await gateway.stop(), { code: 0, signal: null });

    fs.writeFileSync(join(city.folder, 'other'), ownKey(), { mode: 0o600 });
    await refused('another key', 'EG-1802', /sealed under/, { EGRET_KEY_FILE: join(city.folder, 'other') });

    const insert = (bent: object) => {
      const one = definition(bent);
      return db.sql`insert into clients (client_id, definition, updated_at)
      values (${one.client_id}, ${JSON.stringify(one)}::text::jsonb, now())
      on conflict (client_id) do update set definition = excluded.definition`;
    };
    await insert({ redirect_uris: ['http://renshe.example/callback'] });
    await refused('a client with http', 'EG-1920', /renshe.*must be https.*clients apply/);
    await insert({ pkce: 'none' });
    await refused('a client without PKCE', 'EG-1919', /renshe: pkce .*take pkce out/);
    await db.sql`update clients set state = 'stopped'`;
    await db.sql`update clients_version set version = version + 1`;

    const opened = await lookAtKeys(db, Buffer.from(fs.readFileSync(join(city.folder, 'key'), 'utf8'), 'base64url'));
    const now = Date.now();
    const person = { name: '测试甲', idNumber: '350299199001010117', mobile: '15400000117', cardType: '111' as const };
    const account = {
      ...person,
      id: randomUUID(),
      state: 'active' as const,
      level: 2 as const,
      realNameAt: now,
      mobileIsLogin: true,
      mobileProvedAt: now,
      createdAt: now,
      updatedAt: now,
    };
    if (!opened) throw new Error('the first start made no keys');
    await insertAccount(db.sql, sealAccount(opened.vault, account));
    await refused('a test person', 'EG-1912', /1 accounts are test people.*a new database/);
  },
);
