/**
 * What a roam costs here, against a bare oidc-provider. Both run as processes of their own beside one Redis; blocks of
 * equal roams go by turns to one and to the other, so that what else the machine does falls on both. Measured is the
 * CPU time of the whole server process, everything it does in the background included: a block of the gateway is over
 * when the last of its audit events is in the chain.
 *
 * A roam is `GET /authorize` with a session cookie, the code, `POST /token`; the consent stands, the notice is switched
 * off. It is the first visit of that session (the session is put back before each, by the benchmark, at both); the
 * same with the grant standing from an earlier visit is told beside it. The gateway runs as `egret serve` with its
 * defaults: audit, endings, metrics, log lines on.
 */
import { hash } from 'node:crypto';
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { Jar, pkce } from '../support/browser.ts';
import { authorizeUrl } from '../support/department.ts';
import { redirect } from '../support/op.ts';
import { until } from '../support/processes.ts';
import { jwks, privateKey } from './department.ts';
import { fixed, load, machine, median, quantile, spread } from './figures.ts';
import { gateway, register, scope, signIn } from './gateway.ts';
import { freePorts } from './ports.ts';
import { closeConnections, type Kind, roams, type Target, type Visitor } from './roaming.ts';
import { type Measured, measured, type Stage, stage } from './stage.ts';

export interface RoamOptions {
  readonly blocks: number;
  /** Roams of a block. */
  readonly roams: number;
  /** At once, each by a session of its own. */
  readonly concurrency: number;
  /** Folder for a CPU profile of the gateway. */
  readonly profile?: string;
}

interface Side {
  readonly name: string;
  readonly target: Target;
  readonly program: Measured;
  readonly visitors: readonly Visitor[];
  /** Until what it does in the background for the roams so far is done. */
  settled(): Promise<unknown>;
}

interface Block {
  /** CPU milliseconds a roam. */
  readonly cpu: number;
  readonly wall: readonly number[];
  /** CPU milliseconds a roam in Redis. */
  readonly redis: number;
}

const target = 0.9;
/** Before the first block, at each side: what a process compiles in its first minutes is not what it costs. */
const warmUp = 20_000;
const names = { signed: 'private_key_jwt', basic: 'client_secret_basic' } as const;
const kinds = ['signed', 'basic'] as const;

/** Answers whether the ratio of a first visit is within the target for both kinds of client. */
export async function roamBenchmark(options: RoamOptions): Promise<boolean> {
  const on = stage();
  try {
    const [port = 0, ...ports] = await freePorts(4);
    const own = await gateway(on, ports, options.profile ? profiling(options.profile) : undefined);
    const people = await own.own.people(options.concurrency);
    await register(own, people);
    const secret = await own.own.secret('basic');
    const redis = new Redis({ path: own.redis });
    on.t.teardown(() => redis.disconnect());
    const visitors: Visitor[] = [];
    for (const person of people) {
      const { jar } = await signIn(own, person);
      const uid = jar.get('egret')?.split('.')[0] ?? '';
      const key = `egret:{${uid.slice(0, 2)}}:s:${hash('sha256', uid, 'base64url')}`;
      visitors.push({ cookie: jar.header('/authorize'), forget: await restorer(redis, key) });
    }
    const gatewaySide: Side = {
      name: 'gateway',
      target: { issuer: own.own.issuer, port: own.port, secret, key: privateKey },
      program: own.program(),
      visitors,
      settled: () => until(() => own.settled(redis)),
    };
    const reference = await startReference(on, port, own.redis, redis, options.concurrency);
    // a new secret is known within a second
    await until(() => roams(gatewaySide.target, 'basic', visitors.slice(0, 1), 1, true).then(...yesOrNo));

    console.log(machine());
    console.log(`${await version(redis)}, PostgreSQL on the same machine; ${await own.size()}`);
    console.log(
      `${options.blocks} blocks a side by turns, ${options.roams} roams a block, ${options.concurrency} at once, after ${warmUp} to warm up; ${load()}`,
    );
    let well = true;
    for (const kind of kinds) {
      for (const first of [true, false]) {
        const ratio = await compare(kind, first, [reference, gatewaySide], redis, options);
        if (first && ratio > target) well = false;
      }
    }
    console.log(`\n${load()}`);
    return well;
  } finally {
    closeConnections();
    await on.down();
  }
}

const yesOrNo = [() => true, () => false] as const;
const profiling = (folder: string): string[] => ['--cpu-prof', `--cpu-prof-dir=${resolve(folder)}`];

async function compare(
  kind: Kind,
  first: boolean,
  sides: readonly [Side, Side],
  redis: Redis,
  options: RoamOptions,
): Promise<number> {
  for (const side of sides) await roams(side.target, kind, side.visitors, warmUp, first);
  const blocks: readonly [Block[], Block[]] = [[], []];
  for (let n = 0; n < options.blocks; n++)
    for (const index of [0, 1] as const)
      blocks[index].push(await block(sides[index], kind, first, options.roams, redis));
  const ratios = blocks[1].map(({ cpu }, n) => cpu / (blocks[0][n] as Block).cpu);
  const ratio = median(ratios);
  console.log(`\n${names[kind]}, ${first ? 'first visit' : 'another visit'}`);
  for (const index of [0, 1] as const) {
    const own = blocks[index];
    const wall = own.flatMap((each) => each.wall);
    console.log(
      `  ${sides[index].name.padEnd(9)} CPU ms a roam ${spread(own.map((each) => each.cpu))}; wall p50 ${fixed(quantile(wall, 0.5), 1)} ms, p99 ${fixed(quantile(wall, 0.99), 1)} ms; in Redis ${fixed(median(own.map((each) => each.redis)))} CPU ms`,
    );
  }
  const verdict = first ? `; target ≤ ${target}: ${ratio <= target ? 'held' : 'MISSED'}` : '';
  console.log(
    `  ratio of CPU, block by block: median ${fixed(ratio)}, quartiles ${fixed(quantile(ratios, 0.25))}–${fixed(quantile(ratios, 0.75))}, all ${fixed(Math.min(...ratios))}–${fixed(Math.max(...ratios))}${verdict}`,
  );
  return ratio;
}

async function block(side: Side, kind: Kind, first: boolean, count: number, redis: Redis): Promise<Block> {
  const ofRedis = await cpuOfRedis(redis);
  const before = await side.program.meter();
  const wall = await roams(side.target, kind, side.visitors, count, first);
  await side.settled();
  const after = await side.program.meter();
  const used = ((await cpuOfRedis(redis)) - ofRedis) * 1_000;
  return { cpu: (after.cpu - before.cpu) / 1_000 / count, wall, redis: used / count };
}

async function startReference(
  on: Stage,
  port: number,
  socket: string,
  redis: Redis,
  concurrency: number,
): Promise<Side> {
  const secret = 'a-secret-of-the-reference-0123456789abcdef';
  const issuer = `http://localhost:${port}`;
  const file = join(import.meta.dirname, 'reference.ts');
  const program = measured(on, file, [JSON.stringify({ port, redis: socket, jwks, secret, redirect })]);
  await until(async () => {
    if (program.over()) throw new Error(`the reference ended: ${program.output()}`);
    return fetch(`http://127.0.0.1:${port}/.well-known/openid-configuration`).then(...yesOrNo);
  });
  const visitors: Visitor[] = [];
  for (let n = 0; n < concurrency; n++) {
    const jar = new Jar();
    const url = authorizeUrl({ issuer }, 'entrance', pkce().challenge, { scope });
    const { to, answer } = await jar.follow(url);
    if (!to?.includes('code=')) throw new Error(`no session at the reference: ${answer.status} ${to}`);
    const forget = await restorer(redis, `oidc:Session:${jar.get('_session')}`);
    visitors.push({ cookie: jar.header('/authorize'), forget });
  }
  return {
    name: 'reference',
    target: { issuer, port, secret, key: privateKey },
    program,
    visitors,
    settled: async () => {},
  };
}

/** Puts a key back as it is now. */
async function restorer(redis: Redis, key: string): Promise<() => Promise<unknown>> {
  const [value, left] = [await redis.dumpBuffer(key), await redis.pttl(key)];
  if (!value) throw new Error(`no session at ${key}`);
  return () => redis.restore(key, left, value, 'REPLACE');
}

/** Seconds of CPU that the server has used. */
async function cpuOfRedis(redis: Redis): Promise<number> {
  const text = await redis.info('cpu');
  return ['user', 'sys'].reduce(
    (sum, each) => sum + Number(new RegExp(`used_cpu_${each}:([\\d.]+)`).exec(text)?.[1]),
    0,
  );
}

async function version(redis: Redis): Promise<string> {
  const text = await redis.info('server');
  return `Redis ${/redis_version:(\S+)/.exec(text)?.[1]} on a unix socket`;
}
