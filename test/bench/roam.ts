/**
 * What a roam costs here, against a bare oidc-provider. Both run as processes of their own beside one Redis; blocks of
 * equal roams go by turns to one and to the other, so that what else the machine does falls on both. Measured is the
 * CPU time of the whole server process, everything it does in the background included.
 *
 * A roam is `GET /authorize` with a session cookie, the code, `POST /token`; session, grant and consent stand, the
 * notice is switched off. The gateway runs as `egret serve` with its defaults: audit, endings, metrics, log lines on.
 */
import { join, resolve } from 'node:path';
import { Redis } from 'ioredis';
import { Jar, pkce } from '../support/browser.ts';
import { authorizeUrl } from '../support/department.ts';
import { redirect } from '../support/op.ts';
import { until } from '../support/processes.ts';
import { jwks } from './department.ts';
import { fixed, load, machine, median, quantile, spread } from './figures.ts';
import { gateway, register, scope, signIn } from './gateway.ts';
import { freePorts } from './ports.ts';
import { closeConnections, type Kind, roams, type Target } from './roaming.ts';
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
  readonly program: () => Measured;
  readonly cookies: readonly string[];
}

interface Block {
  /** CPU milliseconds a roam. */
  readonly cpu: number;
  readonly wall: readonly number[];
}

const target = 0.9;
const kinds: readonly Kind[] = ['signed', 'basic'];

/** Answers whether every ratio is within the target. */
export async function roamBenchmark(options: RoamOptions): Promise<boolean> {
  const on = stage();
  try {
    const [port = 0, ...ports] = await freePorts(4);
    const profile = options.profile && [
      '--cpu-prof',
      `--cpu-prof-dir=${resolve(options.profile)}`,
      '--cpu-prof-interval=500',
    ];
    const own = await gateway(on, ports, profile || undefined);
    await register(own, await own.own.people(options.concurrency));
    const people = await own.own.people(options.concurrency);
    const secret = await own.own.secret('basic');
    const cookies: string[] = [];
    for (const person of people) cookies.push((await signIn(own, person)).jar.header('/authorize'));
    const gatewaySide: Side = {
      name: 'gateway',
      target: { issuer: own.own.issuer, port: own.port, secret },
      program: own.program,
      cookies,
    };
    const reference = await startReference(on, port, own.redis, options.concurrency);
    const redis = new Redis({ path: own.redis });
    on.t.teardown(() => redis.disconnect());

    console.log(machine());
    console.log(`${await version(redis)}; PostgreSQL on the same machine; ${await own.size()}`);
    console.log(
      `${options.blocks} blocks a side by turns, ${options.roams} roams a block, ${options.concurrency} at once; ${load()}`,
    );
    // a new secret is known within a second
    await until(() => roams(gatewaySide.target, 'basic', cookies.slice(0, 1), 1).then(...yesOrNo));
    let well = true;
    for (const kind of kinds) well = (await compare(kind, [reference, gatewaySide], redis, options)) && well;
    console.log(load());
    return well;
  } finally {
    closeConnections();
    await on.down();
  }
}

const yesOrNo = [() => true, () => false] as const;

async function compare(
  kind: Kind,
  [reference, own]: readonly [Side, Side],
  redis: Redis,
  options: RoamOptions,
): Promise<boolean> {
  for (const side of [reference, own]) await roams(side.target, kind, side.cookies, Math.max(1_000, options.roams));
  const blocks: [Block[], Block[]] = [[], []];
  const redisCpu: [number, number] = [0, 0];
  for (let n = 0; n < options.blocks; n++) {
    for (const [index, side] of [reference, own].entries()) {
      const before = await cpuOfRedis(redis);
      blocks[index as 0 | 1].push(await block(side, kind, options.roams));
      redisCpu[index as 0 | 1] += (await cpuOfRedis(redis)) - before;
    }
  }
  const ratios = blocks[1].map(({ cpu }, n) => cpu / (blocks[0][n] as Block).cpu);
  const ratio = median(ratios);
  console.log(`\n${kind === 'signed' ? 'private_key_jwt' : 'client_secret_basic'}`);
  for (const [index, side] of [reference, own].entries()) {
    const own = blocks[index as 0 | 1];
    const wall = own.flatMap((each) => each.wall);
    const ofRedis = (redisCpu[index as 0 | 1] * 1_000) / (options.blocks * options.roams);
    console.log(
      `  ${side.name.padEnd(9)} CPU ms a roam ${spread(own.map((each) => each.cpu))}; wall p50 ${fixed(quantile(wall, 0.5), 1)} ms, p99 ${fixed(quantile(wall, 0.99), 1)} ms; Redis ${fixed(ofRedis)} CPU ms`,
    );
  }
  console.log(
    `  ratio of CPU, block by block: median ${fixed(ratio)}, quartiles ${fixed(quantile(ratios, 0.25))}–${fixed(quantile(ratios, 0.75))}, all ${fixed(Math.min(...ratios))}–${fixed(Math.max(...ratios))}; target ≤ ${target}: ${ratio <= target ? 'held' : 'MISSED'}`,
  );
  return ratio <= target;
}

async function block(side: Side, kind: Kind, count: number): Promise<Block> {
  const program = side.program();
  const before = await program.meter();
  const wall = await roams(side.target, kind, side.cookies, count);
  const after = await program.meter();
  return { cpu: (after.cpu - before.cpu) / 1_000 / count, wall };
}

async function startReference(on: Stage, port: number, redis: string, concurrency: number): Promise<Side> {
  const secret = 'a-secret-of-the-reference-0123456789abcdef';
  const issuer = `http://localhost:${port}`;
  const file = join(import.meta.dirname, 'reference.ts');
  const program = measured(on, file, [JSON.stringify({ port, redis, jwks, secret, redirect })]);
  await until(async () => {
    if (program.over()) throw new Error(`the reference ended: ${program.output()}`);
    return fetch(`${issuer.replace('localhost', '127.0.0.1')}/.well-known/openid-configuration`).then(...yesOrNo);
  });
  const cookies: string[] = [];
  for (let n = 0; n < concurrency; n++) {
    const jar = new Jar();
    for (const kind of kinds) {
      const url = authorizeUrl({ issuer }, kind, pkce().challenge, { scope });
      const { to, answer } = await jar.follow(url);
      if (!to?.includes('code=')) throw new Error(`no session at the reference: ${answer.status} ${to}`);
    }
    cookies.push(jar.header('/authorize'));
  }
  return { name: 'reference', target: { issuer, port, secret }, program: () => program, cookies };
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
