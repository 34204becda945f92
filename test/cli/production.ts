import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { parse, stringify } from 'yaml';
import { database, type TestDatabase } from '../support/database.ts';
import { redis, type TestRedis } from '../support/redis.ts';
import { scratch } from '../support/scratch.ts';
import { type Run, root, runner } from './world.ts';

/** A city as production wants it: an ordinary role on the system's PostgreSQL, a Redis, a key, every setting right. */
export interface City {
  readonly run: Run;
  readonly env: Readonly<Record<string, string>>;
  /** As the superuser, whom the gateway must not be. */
  readonly db: TestDatabase;
  readonly role: string;
  readonly redis: TestRedis;
  readonly folder: string;
  readonly ports: { readonly public: number; readonly admin: number };
  /** The environment with these settings changed in the file. */
  with(settings: object): Record<string, string>;
}

/** Ask `wants('postgresql', 'redis-server')` first. */
export async function productionCity(t: Test): Promise<City> {
  const db = await database(t, { engine: 'debian', empty: true });
  const role = `city_${process.pid}_${randomBytes(4).toString('hex')}`;
  const name = new URL(db.url).pathname.slice(1);
  await db.sql.unsafe(`create role ${role} login`);
  await db.sql.unsafe(`alter database ${name} owner to ${role}`);
  t.teardown(async () => {
    await db.sql.unsafe(`alter database ${name} owner to egret`);
    await db.sql.unsafe(`drop owned by ${role} cascade`);
    await db.sql.unsafe(`drop role ${role}`);
  });
  const memory = await redis(t);
  const folder = scratch(t, 'production');
  fs.writeFileSync(join(folder, 'key'), ownKey(), { mode: 0o600 });
  const ports = { public: await freePort(), admin: await freePort() };
  const settings = {
    mode: 'production',
    issuer: 'https://id.city.example',
    listen: { hosts: ['127.0.0.1'], port: ports.public, grace: 0 },
    admin: { port: ports.admin },
    trusted_proxies: ['127.0.0.1'],
    province: { url: 'https://province.invalid', platform_keys_file: join(folder, 'platform.json') },
  };
  let files = 0;
  const written = (changed: object): string => {
    const file = join(folder, `egret-${files++}.yaml`);
    fs.writeFileSync(file, stringify({ ...settings, ...changed }));
    return file;
  };
  const env = {
    EGRET_CONFIG: written({}),
    EGRET_DATA: join(folder, 'data'),
    EGRET_KEY_FILE: join(folder, 'key'),
    EGRET_DATABASE_URL: db.url.replace('egret@', `${role}@`),
    EGRET_REDIS_URL: memory.url,
  };
  return {
    run: runner(t, env),
    env,
    db,
    role,
    redis: memory,
    folder,
    ports,
    with: (changed) => ({ EGRET_CONFIG: written(changed) }),
  };
}

/** A key-encryption key as keys/README.md has an operator make it. */
export const ownKey = (): string => `${Buffer.concat([Buffer.of(1), randomBytes(31)]).toString('base64url')}\n`;

/** The definition of a department of the project, with https addresses, and then bent. */
export const definition = (bent: object = {}): { client_id: string } =>
  parse(
    stringify({
      ...parse(
        fs
          .readFileSync(join(root, 'config/clients/renshe.yaml'), 'utf8')
          .replaceAll('http://127.0.0.1:4201', 'https://renshe.example'),
      ),
      ...bent,
    }),
  );

/** The problems on standard error, a line each. */
export const told = (err: string): string[] => err.split('\n').filter((line) => /^EG-P?\d{4} /.test(line));

/** The codes of these lines. */
export const codes = (lines: readonly string[]): string[] => lines.map((line) => line.split(' ')[0] ?? '').sort();

async function freePort(): Promise<number> {
  const server = net.createServer().listen(0, '127.0.0.1');
  await once(server, 'listening');
  const { port } = server.address() as net.AddressInfo;
  server.close();
  await once(server, 'close');
  return port;
}
