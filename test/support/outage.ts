import fs from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { parse, stringify } from 'yaml';
import { Citizen } from '../races/citizen.ts';
import { type Receiver, receiver } from '../signout/receiver.ts';
import { Jar } from './browser.ts';
import { database, type TestDatabase } from './database.ts';
import { authenticate } from './department.ts';
import { client, redirect } from './op.ts';
import { type Pair, type Person, pair } from './pair.ts';
import { node, type Program, until } from './processes.ts';
import { scratch } from './scratch.ts';
import { type SqlWire, sqlWire } from './sql-wire.ts';

export const password = 'otter-canal-92-plum';
/** What is asked for, so that a consent is needed. */
const scope = 'openid profile';

/** What readiness says, and how it was answered. */
export interface Ready {
  readonly status: number;
  readonly ok: boolean;
  readonly reason: string;
  readonly database: string;
  readonly state: string;
}

/** A gateway process by its two origins. */
export interface Side {
  readonly origin: string;
  readonly admin: string;
  readonly program: Program;
}

/** Two gateways whose way to PostgreSQL can be cut, a third with a way of its own, and people who are signed in. */
export interface City {
  readonly own: Pair;
  readonly records: TestDatabase;
  readonly wire: SqlWire;
  readonly sides: readonly Side[];
  readonly people: readonly Person[];
  readonly departments: Receiver;
  readonly department: { readonly issuer: string; readonly secret: string };
  /** Starts the third one. */
  third(): Promise<{ side: Side; wire: SqlWire }>;
  /** A browser of this person, signed in, and agreed at `basic`; its requests go to the first two by turns. */
  signedIn(person: Person): Promise<Citizen>;
}

export async function city(t: Test, settings: object = {}): Promise<City> {
  const records = await database(t);
  const wire = await sqlWire(t, records.url);
  const own = await pair(t, {
    redis: true,
    ports: 3,
    env: { EGRET_DATABASE_URL: wire.url, EGRET_LOG: 'info' },
    clients: ([port]) => [
      client('basic', {
        auth: 'client_secret_basic',
        grants: ['authorization_code', 'refresh_token', 'client_credentials'],
        backchannel_logout_uri: `http://127.0.0.1:${port}/basic`,
      }),
    ],
    settings: {
      limits: Object.fromEntries(
        ['sign_in', 'codes', 'registrations'].map((name) => [`${name}_per_address`, { count: 100_000, seconds: 60 }]),
      ),
      accounts: { resend_after: 1, argon2: { memory_cost: 8_192, time_cost: 1 } },
      ...settings,
    },
  });
  const [port = 0, public3 = 0, admin3 = 0] = own.ports;
  const departments = await receiver(t, port, own.issuer);
  const department = { issuer: own.issuer, secret: await own.secret('basic') };
  const sideOf = (origin: string, program: Program): Side => ({
    origin,
    program,
    admin: origin.replace(/\d+$/, (digits) => String(Number(digits) + 1)),
  });
  return {
    own,
    records,
    wire,
    sides: [sideOf(own.sides[0], own.gateways[0]), sideOf(own.sides[1], own.gateways[1])],
    people: await own.people(4),
    departments,
    department,
    async third() {
      const its = await sqlWire(t, records.url);
      const file = join(scratch(t, 'third'), 'egret.yaml');
      const known = parse(fs.readFileSync(own.env.EGRET_CONFIG ?? '', 'utf8')) as object;
      fs.writeFileSync(file, stringify({ ...known, listen: { port: public3 }, admin: { port: admin3 } }));
      const env = { ...own.env, EGRET_CONFIG: file, EGRET_DATABASE_URL: its.url };
      const side = sideOf(
        `http://127.0.0.1:${public3}`,
        node(t, join(import.meta.dirname, '../../src/cli/main.ts'), ['serve'], { env }),
      );
      await until(async () => (await ready(side))?.ok === true);
      return { side, wire: its };
    },
    async signedIn(person) {
      const citizen = new Citizen(own, new Jar());
      await citizen.arrive(await citizen.register(person, citizen.visit('basic', { scope }).url, { password }));
      return citizen;
    },
  };
}

/** What readiness says; undefined where nobody listens. */
export async function ready({ admin }: Side): Promise<Ready | undefined> {
  const answer = await fetch(`${admin}/readyz`).catch(() => undefined);
  return answer && { status: answer.status, ...((await answer.json()) as Omit<Ready, 'status'>) };
}

/** Milliseconds until readiness says this everywhere. */
export async function becomes(sides: readonly Side[], wanted: Partial<Ready>, patience = 20_000): Promise<number> {
  const begun = performance.now();
  let last: unknown;
  await until(async () => {
    const all = await Promise.all(sides.map(ready));
    last = all;
    return all.every((each) =>
      Object.entries(wanted).every(([key, value]) => (each as Record<string, unknown> | undefined)?.[key] === value),
    );
  }, patience).catch(() => {
    throw new Error(`never ${JSON.stringify(wanted)}, but ${JSON.stringify(last)}`);
  });
  return performance.now() - begun;
}

export async function metric({ admin }: Side, series: string): Promise<number | undefined> {
  const text = await (await fetch(`${admin}/metrics`)).text();
  const line = text.split('\n').find((each) => each.startsWith(`${series} `));
  return line === undefined ? undefined : Number(line.slice(series.length + 1));
}

/** A quiet visit to the department, its code redeemed: what came of it, in a word. */
export async function roams(own: City, citizen: Citizen, side: Side): Promise<string> {
  const visit = citizen.visit('basic', { prompt: 'none', scope });
  const { pathname, search } = new URL(visit.url);
  const answer = await citizen.jar.fetch(side.origin + pathname + search);
  await answer.arrayBuffer();
  const to = answer.headers.get('location');
  if (!to?.startsWith(redirect)) return `${answer.status}`;
  const { searchParams } = new URL(to);
  const code = searchParams.get('code');
  if (!code) return searchParams.get('error') ?? '?';
  const form = { grant_type: 'authorization_code', code, code_verifier: visit.verifier, redirect_uri: redirect };
  const token = await fetch(`${side.origin}/token`, {
    method: 'POST',
    ...(await authenticate(own.department, 'basic', form)),
  });
  await token.arrayBuffer();
  return token.status === 200 ? 'in' : `token ${token.status}`;
}

export interface Told {
  readonly status: number;
  readonly ms: number;
  readonly retryAfter: string | null;
  readonly body: string;
}

export async function timed(work: () => Promise<Response>): Promise<Told> {
  const begun = performance.now();
  const answer = await work();
  const body = await answer.text();
  return { status: answer.status, ms: performance.now() - begun, retryAfter: answer.headers.get('retry-after'), body };
}

/** How a process says in its log that it stands, from here on until it is ready; whether its keys are fresh is left out. */
export function standings({ program }: Side): () => Promise<readonly string[]> {
  const from = program.output().length;
  const said = () =>
    program
      .output()
      .slice(from)
      .split('\n')
      .filter((line) => line.includes('"room":"health"') && line.endsWith('}'))
      .map((line) => (JSON.parse(line) as { standing: string }).standing)
      .filter((standing) => standing !== 'keys-stale');
  return async () => {
    // lines are written together
    await until(() => said().includes('ready'));
    return said();
  };
}

/** Requests that need the protocol state, at one process. */
export async function everyDoor(own: City, citizen: Citizen, side: Side): Promise<Readonly<Record<string, Told>>> {
  const form = async (path: string, body: Record<string, string>) => {
    const asked = await authenticate(own.department, 'basic', body);
    return timed(() => fetch(side.origin + path, { method: 'POST', ...asked }));
  };
  const page = (path: string) => timed(() => citizen.jar.fetch(side.origin + path));
  const { pathname, search } = new URL(citizen.visit('basic').url);
  return {
    authorize: await page(pathname + search),
    token: await form('/token', { grant_type: 'client_credentials' }),
    refresh: await form('/token', { grant_type: 'refresh_token', refresh_token: `07${'a'.repeat(41)}` }),
    introspect: await form('/introspect', { token: `07${'a'.repeat(41)}` }),
    userinfo: await timed(() =>
      fetch(`${side.origin}/userinfo`, { headers: { authorization: `Bearer 07${'a'.repeat(41)}` } }),
    ),
    account: await page('/account'),
    'sign-out': await page('/sign-out'),
  };
}
