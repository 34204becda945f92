import { execFile } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Test } from 'tap';
import { stringify } from 'yaml';
import { database, type TestDatabase } from './database.ts';
import { codeSentTo } from './inbox.ts';
import { node, type Program, until } from './processes.ts';
import { redis, type TestRedis } from './redis.ts';
import { scratch } from './scratch.ts';
import type { Engine } from './servers.ts';

/**
 * Two gateway processes on one PostgreSQL, and on one Redis where it holds protocol state, with a province of their
 * own: what a city runs in earnest, and the least that shows whether a process keeps a truth for itself.
 */
export interface Pair {
  readonly issuer: string;
  /** Origins of the two processes, spoken to past any balancer. */
  readonly sides: readonly [string, string];
  readonly gateways: readonly [Program, Program];
  /** Origins of their operators' listeners. */
  readonly admins: readonly [string, string];
  readonly province: string;
  readonly database: TestDatabase;
  readonly redis: TestRedis | undefined;
  /** Ports in a row that were found free for the test's own servers, as many as were asked for. */
  readonly ports: readonly number[];
  /** Settings of the first process, for a command beside it. */
  readonly env: Readonly<Record<string, string>>;
  /** A new process in the place of one that has ended, once it is ready. */
  restart(side: 0 | 1): Promise<Program>;
  /** `egret …` beside the two, as an operator types it; what it printed. Rejects when it fails. */
  egret(...args: string[]): Promise<string>;
  /** A new secret of a client, made by the command line. */
  secret(client: string): Promise<string>;
  /** The latest code sent to this mobile after the first `after` ones, as its owner reads it. */
  code(mobile: string, after?: number): Promise<string>;
  /** People whom the province knows, each with a number and a mobile of their own. */
  people(count: number, from?: number): Promise<readonly Person[]>;
}

export interface Person {
  readonly name: string;
  readonly number: string;
  readonly mobile: string;
}

export interface PairOptions {
  readonly engine?: Engine;
  /** Protocol state in a redis-server of its own, or at this address; ask `wants('redis-server')` first. */
  readonly redis?: boolean | string;
  /** Definitions of clients; `ports` are the free ones asked for. */
  readonly clients: (ports: readonly number[]) => readonly object[];
  readonly ports?: number;
  /** Where the world finds them; the first process's own address unless a balancer stands before them. */
  readonly issuer?: (ports: readonly number[]) => string;
  /** Settings of both, as in config/egret.yaml. */
  readonly settings?: { readonly [name: string]: unknown; readonly listen?: object; readonly limits?: object };
  readonly env?: Record<string, string>;
  /** The command line of an earlier version, for the first of the two: it makes the tables, as of then. */
  readonly earlier?: string;
}

const plenty = { count: 1_000_000, seconds: 60 };
const root = resolve(import.meta.dirname, '../..');
const cli = join(root, 'src/cli/main.ts');

export async function pair(t: Test, options: PairOptions): Promise<Pair> {
  const data = scratch(t, 'pair', 0o711);
  const [store, memory, all] = await Promise.all([
    database(t, { engine: options.engine ?? 'embedded', empty: options.earlier !== undefined }),
    options.redis === true ? redis(t) : undefined,
    freePorts(5 + (options.ports ?? 0)),
  ]);
  const [one = 0, oneAdmin = 0, other = 0, otherAdmin = 0, provincePort = 0, ...ports] = all;
  const issuer = options.issuer?.(ports) ?? `http://localhost:${one}`;
  const province = `http://127.0.0.1:${provincePort}`;
  const clients = join(data, 'clients');
  fs.mkdirSync(clients);
  options.clients(ports).forEach((client, n) => {
    fs.writeFileSync(join(clients, `${n}.yaml`), stringify(client));
  });

  const platform = node(t, join(root, 'src/demo/province/main.ts'), [
    ...['--port', String(provincePort), '--data', join(data, 'province'), '--with-parent'],
  ]);
  await platform.waitFor(/^province /m);

  const env = (name: string, port: number, admin: number): Record<string, string> => {
    const file = join(data, `${name}.yaml`);
    const settings = {
      issuer,
      admin: { port: admin },
      province: { url: province, platform_keys_file: join(data, 'province/platform-public.json') },
      ...options.settings,
      // everybody comes from one address here; an earlier version may not know this cap
      ...(options.earlier ? {} : { limits: { interactions_per_address: plenty, ...options.settings?.limits } }),
      listen: { port, ...options.settings?.listen },
    };
    fs.writeFileSync(file, stringify(settings));
    return {
      EGRET_CONFIG: file,
      EGRET_DATA: data,
      EGRET_KEY_FILE: join(data, 'keys', 'key-encryption.key'),
      EGRET_CLIENTS: clients,
      EGRET_DATABASE_URL: store.url,
      ...(options.redis ? { EGRET_REDIS_URL: memory?.url ?? String(options.redis) } : {}),
      EGRET_LOG: 'warn',
      ...options.env,
    };
  };
  const start = async (own: Record<string, string>, admin: number): Promise<Program> => {
    const gateway = node(t, (own === first && options.earlier) || cli, ['serve'], { env: own });
    let over = false;
    gateway.exit.finally(() => {
      over = true;
    });
    await until(async () => {
      if (over) throw new Error(`the gateway ended: ${gateway.output()}`);
      return fetch(`http://127.0.0.1:${admin}/readyz`).then(
        (answer) => answer.ok,
        () => false,
      );
    }, 60_000);
    return gateway;
  };
  const first = env('one', one, oneAdmin);
  const second = env('other', other, otherAdmin);
  // one after the other, as they are put into service: the first makes the keys
  const gateways = [await start(first, oneAdmin), await start(second, otherAdmin)] as const;

  const { keys } = (await (await fetch(`http://127.0.0.1:${oneAdmin}/bridge/public-keys`)).json()) as { keys: object };
  const introduced = await fetch(`${province}/__sim/callers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ callerCode: 'EGRET', returnUrlPrefixes: [`${issuer}/signin/`], keys }),
  });
  if (!introduced.ok) throw new Error(`the province did not take the keys: ${introduced.status}`);

  const egret = async (...args: string[]): Promise<string> => {
    const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS)/.test(name));
    const { stdout } = await promisify(execFile)(process.execPath, [cli, ...args], {
      env: { ...Object.fromEntries(mine), ...first },
    });
    return stdout.trim();
  };
  return {
    issuer,
    sides: [`http://127.0.0.1:${one}`, `http://127.0.0.1:${other}`],
    gateways,
    admins: [`http://127.0.0.1:${oneAdmin}`, `http://127.0.0.1:${otherAdmin}`],
    restart: (side) => (side === 0 ? start(first, oneAdmin) : start(second, otherAdmin)),
    province,
    database: store,
    redis: memory,
    ports,
    env: first,
    egret,
    secret: (client) => egret('clients', 'secret', client),
    code: (mobile, after) => codeSentTo(province, mobile, after),
    async people(count, from = 0) {
      const answer = await fetch(`${province}/__sim/pool?from=${from}&n=${count}`);
      return ((await answer.json()) as { people: Person[] }).people;
    },
  };
}

/** Ports in a row; below those that connections going out are given, so that none of these takes one in between. */
async function freePorts(count: number): Promise<number[]> {
  for (let tries = 0; tries < 200; tries++) {
    const base = 10_000 + Math.floor(Math.random() * 20_000);
    const row = Array.from({ length: count }, (_, n) => base + n);
    const all = row.flatMap((port) => [free(port, '127.0.0.1'), free(port, '::1')]);
    if ((await Promise.all(all)).every(Boolean)) return row;
  }
  throw new Error('no free ports');
}

const free = (port: number, host: string): Promise<boolean> =>
  new Promise((done) => {
    const probe = net.createServer();
    probe.once('error', () => done(false)).once('listening', () => probe.close(() => done(true)));
    probe.listen(port, host);
  });
