import type { Test } from 'tap';
import { authenticate, jwks } from '../support/department.ts';
import { client, redirect } from '../support/op.ts';
import { type Pair, type PairOptions, type Person, pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { Citizen, mustGoOn } from './citizen.ts';

export const trials = 25;
export const atOnce = 20;
export const password = 'otter-canal-92-plum';

/** Seconds after its rotation in which a refresh token gets its successor again. */
export const refreshWindow = 10;

export interface World {
  readonly own: Pair;
  /** A department's side: every client of the tests. */
  readonly department: { readonly issuer: string; readonly secret: string };
  /** People with an account, who have agreed at `public`; the first one at every client. */
  readonly members: readonly Person[];
  /** Their browsers, signed in. */
  readonly citizens: readonly Citizen[];
  /** The first one's. */
  readonly citizen: Citizen;
}

const caps = ['sign_in', 'codes', 'registrations', 'real_name'].map((name) => [
  `${name}_per_address`,
  { count: 1_000_000, seconds: 60 },
]);

/**
 * Two gateways, three clients, five people who are signed in. What is raised are caps of an address, not of a thing.
 * `window`: seconds in which a rotated refresh token may be repeated.
 */
export async function world(
  t: Test,
  engine: Pick<PairOptions, 'redis' | 'engine'> & { readonly window?: number },
): Promise<World> {
  const own = await pair(t, {
    redis: engine.redis,
    ...(engine.engine ? { engine: engine.engine } : {}),
    clients: () => [
      client('basic', {
        auth: 'client_secret_basic',
        grants: ['authorization_code', 'refresh_token', 'client_credentials'],
      }),
      client('signed', { auth: 'private_key_jwt', grants: ['authorization_code', 'client_credentials'], jwks }),
      client('public', {
        auth: 'none',
        kind: 'browser',
        grants: ['authorization_code', 'refresh_token'],
        origins: [new URL(redirect).origin],
      }),
    ],
    settings: {
      limits: Object.fromEntries(caps),
      lifetimes: { refresh_window: engine.window ?? refreshWindow },
      accounts: {
        password_tries: 20,
        messages_a_day: 100,
        resend_after: 1,
        guesses_kept: 0,
        argon2: { memory_cost: 8_192, time_cost: 1 },
      },
    },
  });
  const department = { issuer: own.issuer, secret: await own.secret('basic') };
  const members = await own.people(5);
  const citizens = await Promise.all(
    members.map(async (member, n) => {
      const citizen = new Citizen(own, undefined, n);
      await citizen.arrive(await citizen.register(member, citizen.visit('public').url, { password }));
      return citizen;
    }),
  );
  const citizen = citizens[0] as Citizen;
  for (const id of ['basic', 'signed']) await citizen.roam(id);
  const here: World = { own, department, members, citizens, citizen };
  // the new secret is known to a process within a second
  const known = async (side: number) =>
    (await ask(here, side, '/token', await authenticate(department, 'basic', { grant_type: 'client_credentials' })))
      .status === 200;
  await until(async () => (await known(0)) && (await known(1)));
  return here;
}

export interface Answer {
  readonly status: number;
  readonly json: Record<string, unknown>;
}

/** A request of a department to one of the two processes. */
export async function ask(
  { own }: World,
  side: number,
  path: string,
  request: { body: URLSearchParams; headers: Record<string, string> },
): Promise<Answer> {
  const answer = await fetch(`${own.sides[side % 2]}${path}`, { method: 'POST', ...request });
  const text = await answer.text();
  return { status: answer.status, json: text ? (JSON.parse(text) as Record<string, unknown>) : {} };
}

export const times = <T>(count: number, make: (turn: number) => T): T[] =>
  Array.from({ length: count }, (_, turn) => make(turn));

/** Twenty at once, by turns at either process. */
export const race = <T>(act: (turn: number) => Promise<T>): Promise<T[]> => Promise.all(times(atOnce, act));

/** What answers came how often, as one text a test can compare: `200 ×1, 400 invalid_grant ×19`. */
export function tally(answers: readonly { status: number; json?: Record<string, unknown> }[]): string {
  const counts = new Map<string, number>();
  for (const { status, json } of answers) {
    const text = json?.error ? `${status} ${json.error}` : `${status}`;
    counts.set(text, (counts.get(text) ?? 0) + 1);
  }
  return [...counts]
    .sort()
    .map(([text, count]) => `${text} ×${count}`)
    .join(', ');
}

/** All trials, a few at a time: those of one lane follow each other. */
export async function lanes<T>(count: number, trial: (n: number, lane: number) => Promise<T>): Promise<T[]> {
  const found: T[] = [];
  await Promise.all(
    times(count, async (lane) => {
      for (let n = lane; n < trials; n += count) found[n] = await trial(n, lane);
    }),
  );
  return found;
}

/** Signs in with the password at `public`, up to the address where the sign-in becomes a session. */
export async function almostIn({ own, members }: World, n: number) {
  const citizen = new Citizen(own, undefined, n);
  const { url, verifier } = citizen.visit('public');
  const { at } = await citizen.form(url);
  const member = members[n % members.length] as Person;
  return {
    citizen,
    verifier,
    resume: mustGoOn(await citizen.send(at, 'password', { login_id: member.mobile, password })),
  };
}

/** Records of sessions, and of events of a type that succeeded: what the records say happened. */
export async function recorded({ own }: World, type?: string): Promise<number> {
  const { sql } = own.database;
  const [row] = type
    ? await sql<{ count: number }[]>`
        select count(*)::int from (select event from audit_inbox union all select event from audit_log) e
        where event::jsonb ->> 'type' = ${type} and event::jsonb ->> 'outcome' = 'success'`
    : await sql<{ count: number }[]>`select count(*)::int from sessions`;
  return row?.count ?? -1;
}
