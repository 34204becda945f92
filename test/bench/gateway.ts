import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { promisify } from 'node:util';
import type { Redis } from 'ioredis';
import { stringify } from 'yaml';
import { Citizen } from '../races/citizen.ts';
import { database } from '../support/database.ts';
import { codeSentTo } from '../support/inbox.ts';
import { client } from '../support/op.ts';
import type { Pair, Person } from '../support/pair.ts';
import { node } from '../support/processes.ts';
import { redis } from '../support/redis.ts';
import { scratch } from '../support/scratch.ts';
import { jwks } from './department.ts';
import { answering, type Measured, measured, type Stage } from './stage.ts';

/** One gateway as a city runs it, on PostgreSQL and Redis, its log on, with a province that sends its messages. */
export interface OneGateway {
  readonly own: Pair;
  readonly port: number;
  readonly admin: number;
  readonly data: string;
  readonly redis: string;
  program(): Measured;
  /** Starts it; `nodeArgs` are for a profile. Does not wait. */
  start(nodeArgs?: readonly string[]): Measured;
  ready(): Promise<void>;
  /** Whether every audit event so far is in the chain. */
  settled(memory: Redis): Promise<boolean>;
  /** Rows of the larger tables, as one line. */
  size(): Promise<string>;
}

export const scope = 'openid profile';
export const password = 'otter-canal-92-plum';
const root = resolve(import.meta.dirname, '../..');
const cli = join(root, 'src/cli/main.ts');

// Everybody comes from one address here. Nothing else differs from what `egret config limits` lists.
const limits = Object.fromEntries(
  ['sign_in', 'codes', 'registrations', 'real_name', 'interactions'].map((name) => [
    `${name}_per_address`,
    { count: 1_000_000, seconds: 60 },
  ]),
);

export async function gateway(
  stage: Stage,
  ports: readonly number[],
  nodeArgs?: readonly string[],
): Promise<OneGateway> {
  const { t } = stage;
  const data = scratch(t, 'bench', 0o711);
  const [store, memory] = await Promise.all([database(t), redis(t)]);
  const [port = 0, admin = 0, provincePort = 0] = ports;
  const issuer = `http://localhost:${port}`;
  const province = `http://127.0.0.1:${provincePort}`;
  const clients = join(data, 'clients');
  fs.mkdirSync(clients);
  [
    client('basic', { auth: 'client_secret_basic', grants: ['authorization_code', 'client_credentials'] }),
    client('entrance', { auth: 'client_secret_basic', grants: ['authorization_code'] }),
    client('signed', { auth: 'private_key_jwt', grants: ['authorization_code'], jwks }),
  ].forEach((each, n) => {
    fs.writeFileSync(join(clients, `${n}.yaml`), stringify(each));
  });
  const platform = node(t, join(root, 'src/demo/province/main.ts'), [
    ...['--port', String(provincePort), '--data', join(data, 'province'), '--with-parent'],
  ]);
  await platform.waitFor(/^province /m);
  const file = join(data, 'egret.yaml');
  const settings = {
    issuer,
    listen: { port },
    admin: { port: admin },
    province: { url: province, platform_keys_file: join(data, 'province/platform-public.json') },
    limits,
  };
  fs.writeFileSync(file, stringify(settings));
  const env = {
    EGRET_CONFIG: file,
    EGRET_DATA: data,
    EGRET_KEY_FILE: join(data, 'keys', 'key-encryption.key'),
    EGRET_CLIENTS: clients,
    EGRET_DATABASE_URL: store.url,
    EGRET_REDIS_URL: memory.url,
  };
  let program: Measured;
  const start = (args?: readonly string[]): Measured => {
    program = measured(stage, cli, ['serve'], { env, nodeArgs: args, cwd: data });
    return program;
  };
  const ready = () => answering(program, `http://127.0.0.1:${admin}/readyz`);
  start(nodeArgs);
  await ready();

  const published = await fetch(`http://127.0.0.1:${admin}/bridge/public-keys`);
  const { keys } = (await published.json()) as { keys: object };
  await fetch(`${province}/__sim/callers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ callerCode: 'EGRET', returnUrlPrefixes: [`${issuer}/signin/`], keys }),
  });
  const side = `http://127.0.0.1:${port}`;
  const own = {
    issuer,
    sides: [side, side] as const,
    province,
    database: store,
    redis: memory,
    ports: [],
    async secret(id: string) {
      const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|NODE_OPTIONS)/.test(name));
      const { stdout } = await promisify(execFile)(process.execPath, [cli, 'clients', 'secret', id], {
        env: { ...Object.fromEntries(mine), ...env },
      });
      return stdout.trim();
    },
    code: (mobile: string, after?: number) => codeSentTo(province, mobile, after),
    async people(count: number, from = 0) {
      const answer = await fetch(`${province}/__sim/pool?from=${from}&n=${count}`);
      return ((await answer.json()) as { people: Person[] }).people;
    },
  } as unknown as Pair;
  return {
    own,
    port,
    admin,
    data,
    redis: memory.socket,
    program: () => program,
    start,
    ready,
    async settled(memory) {
      const lengths = Array.from({ length: 64 }, (_, n) => memory.xlen(`egret:{${String(n).padStart(2, '0')}}:audit`));
      if ((await Promise.all(lengths)).some((length) => length > 0)) return false;
      const [row] = await store.sql<{ any: boolean }[]>`select exists (select from audit_inbox) as any`;
      return row?.any === false;
    },
    async size() {
      const [row] = await store.sql<{ accounts: number; sessions: number; consents: number; audited: number }[]>`
        select (select count(*) from accounts)::int as accounts, (select count(*) from sessions)::int as sessions,
          (select count(*) from consents)::int as consents, (select count(*) from audit_log)::int as audited`;
      return `${row?.accounts} accounts, ${row?.sessions} sessions, ${row?.consents} consents, ${row?.audited} audit events`;
    },
  };
}

/** Registers people through the real forms, who agree at all departments and want no notice again. */
export async function register({ own }: OneGateway, people: readonly Person[]): Promise<void> {
  const waiting = [...people];
  const one = async (person: Person): Promise<void> => {
    const citizen = new Citizen(own);
    await citizen.arrive(await citizen.register(person, citizen.visit('entrance', { scope }).url, { password }));
    for (const id of ['basic', 'signed']) await citizen.roam(id, { scope });
  };
  // a few at a time: each waits for a message and for its password to be hashed
  await Promise.all(
    Array.from({ length: 4 }, async () => {
      for (let person = waiting.shift(); person; person = waiting.shift()) await one(person);
    }),
  );
}

/** Signs in with the password at `entrance`, in a browser of its own: the consents are laid into the session then. */
export async function signIn({ own }: OneGateway, person: Person): Promise<Citizen> {
  const citizen = new Citizen(own);
  const { at } = await citizen.form(citizen.visit('entrance', { scope }).url);
  const { to, page, status } = await citizen.send(at, 'password', { login_id: person.mobile, password });
  const onward = /http-equiv="refresh" content="0;url=([^"]+)"/.exec(page)?.[1]?.replaceAll('&amp;', '&');
  if (!to && !onward) throw new Error(`no way on: ${status} ${page.slice(0, 800)}`);
  if (onward) await citizen.arrive(onward);
  return citizen;
}
