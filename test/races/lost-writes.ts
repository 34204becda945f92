import { hash } from 'node:crypto';
import type { Test } from 'tap';
import { assertion, assertionType, authenticate } from '../support/department.ts';
import { redirect } from '../support/op.ts';
import type { Person } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { Citizen, mustGoOn } from './citizen.ts';
import { type Answer, ask, password, times, type World } from './world.ts';

/**
 * What happens twice when a store forgets that it happened once. Each case is made, used after what the store will come
 * back with was copied, and tried again at both processes when the store has come back.
 */
export interface Case {
  /** Rejects unless it went well. */
  use(): Promise<void>;
  /** The same again after the loss, at one process: what was gained by it, or nothing. */
  again(side: number): Promise<string | undefined>;
}

/** Makes the nth case of a kind, for a signed-in person. */
type Make = (world: World, who: { person: Person; citizen: Citizen }, n: number) => Promise<Case>;

type Issued = { code: string; verifier: string };
type Tokens = { access_token: string; refresh_token: string };

const token = async (world: World, side: number, client: string, form: Record<string, string>): Promise<Answer> =>
  ask(world, side, '/token', await authenticate(world.department, client, form));
const redeem = (world: World, side: number, client: string, { code, verifier }: Issued): Promise<Answer> =>
  token(world, side, client, {
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: redirect,
  });
const refresh = (world: World, side: number, client: string, value: string): Promise<Answer> =>
  token(world, side, client, { grant_type: 'refresh_token', refresh_token: value });
const well = ({ status, json }: Answer): Tokens => {
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(json)}`);
  return json as Tokens;
};
const gained = (answer: Answer): string | undefined =>
  answer.status === 200 ? `200 ${Object.keys(answer.json)}` : undefined;

/** The code that this browser is given at once, without a page. */
const quietly = async (citizen: Citizen, client: string): Promise<Issued & { error: string | null }> =>
  citizen.roam(client, { prompt: 'none' });
async function tokens(world: World, citizen: Citizen, client: string): Promise<Tokens> {
  const issued = await citizen.roam(client);
  return well(await redeem(world, 0, client, issued));
}
/** Does a browser, or what it was given, still open anything? */
async function opens(
  world: World,
  side: number,
  citizen: Citizen,
  client: string,
  given: Tokens,
): Promise<string | undefined> {
  const { code } = await quietly(citizen.twin(side), client);
  if (code) return 'a code without a question';
  const bearer = { headers: { authorization: `Bearer ${given.access_token}` } };
  const told = await fetch(`${world.own.sides[side]}/userinfo`, bearer);
  if (told.status === 200) return 'what the access token shows';
  return gained(await refresh(world, side, client, given.refresh_token));
}
async function press(citizen: Citizen, page: string, fields: Record<string, string> = {}): Promise<void> {
  const shown = await citizen.open(page);
  const form_token = /name="form_token" value="([^"]+)"/.exec(shown.page)?.[1] ?? '';
  const answer = await citizen.fetch(page, {
    method: 'POST',
    body: new URLSearchParams({ form_token, ...fields }),
    headers: { origin: citizen.own.issuer },
  });
  if (answer.status !== 303) throw new Error(`${page}: ${answer.status} ${/EG-\d+/.exec(await answer.text())}`);
}
/** Registers somebody new, who has agreed at `public`. */
async function newcomer(world: World, n: number): Promise<{ person: Person; citizen: Citizen }> {
  const [person] = await world.own.people(1, strangers++);
  if (!person) throw new Error('no people are left');
  const citizen = new Citizen(world.own, undefined, n);
  await citizen.arrive(await citizen.register(person, citizen.visit('public').url, { password }));
  return { person, citizen };
}
let strangers = 1_000;
/** A browser of its own that signs in, up to where the sign-in becomes a session. */
async function atTheDoor(world: World, { mobile }: Person, n: number) {
  const citizen = new Citizen(world.own, undefined, n);
  const { url, verifier } = citizen.visit('public');
  const { at } = await citizen.form(url);
  const shown = await citizen.send(at, 'password', { login_id: mobile, password });
  return { citizen, verifier, resume: mustGoOn(shown) };
}
/** The code at the end of the way, if it leads there. */
async function arrives(citizen: Citizen, url: string): Promise<string | undefined> {
  const { to } = await citizen.open(url);
  return (to && new URL(to).searchParams.get('code')) || undefined;
}

export type Kinds = Readonly<Record<string, Make>>;

export const singleUse: Kinds = {
  async 'a one-time code'(world, _who, n) {
    const [{ mobile = '' } = {}] = await world.own.people(1, strangers++);
    const citizen = new Citizen(world.own, undefined, n);
    const { at } = await citizen.form(citizen.visit('public').url);
    await citizen.open(`${at}?way=register`);
    await citizen.send(at, 'register', { mobile, agree_terms: 'on' });
    const otp = await world.own.code(mobile);
    const { token: form } = await citizen.form(at);
    const browsers = times(2, (side) => citizen.twin(side));
    return {
      async use() {
        const answer = await citizen.post(at, 'code', form, { otp });
        if (answer.status !== 303) throw new Error(`a right code: ${answer.status}`);
      },
      async again(side) {
        const browser = browsers[side] as Citizen;
        const answer = await browser.post(at, 'code', form, { otp });
        return answer.status === 303 ? 'the next step' : undefined;
      },
    };
  },
  async 'a finished sign-in'(world, { person }, n) {
    const { citizen, resume } = await atTheDoor(world, person, n);
    const browsers = times(2, (side) => citizen.twin(side));
    return {
      async use() {
        if (!(await arrives(citizen, resume))) throw new Error('no code');
      },
      again: (side) => arrives(browsers[side] as Citizen, resume),
    };
  },
  async 'a rotated refresh token'(world, { citizen }, n) {
    const { refresh_token: value } = await tokens(world, citizen, 'public');
    return {
      async use() {
        well(await refresh(world, n, 'public', value));
      },
      again: async (side) => gained(await refresh(world, side, 'public', value)),
    };
  },
  async 'an assertion'(world, _who, n) {
    await accepting(world);
    const now = Math.floor(Date.now() / 1000);
    const form = {
      grant_type: 'client_credentials',
      client_id: 'signed',
      client_assertion: await assertion(world.department, { exp: now + 600 }),
      client_assertion_type: assertionType,
    };
    const present = (side: number) => ask(world, side, '/token', { body: new URLSearchParams(form), headers: {} });
    return {
      async use() {
        well(await present(n));
      },
      again: async (side) => gained(await present(side)),
    };
  },
  async 'an authorization code'(world, { citizen }, n) {
    const issued = await citizen.roam('public');
    return {
      async use() {
        well(await redeem(world, n, 'public', issued));
      },
      again: async (side) => gained(await redeem(world, side, 'public', issued)),
    };
  },
};

export const endings: Kinds = {
  async 'a sign-out'(world, { person }, n) {
    const { citizen, resume, verifier } = await atTheDoor(world, person, n);
    const code = (await arrives(citizen, resume)) ?? '';
    const given = well(await redeem(world, n, 'public', { code, verifier }));
    const before = citizen.twin(n);
    return {
      use: () => press(citizen, '/sign-out', { choice: 'all' }),
      again: (side) => opens(world, side, before, 'public', given),
    };
  },
  async 'a withdrawn consent'(world, _who, n) {
    const { citizen } = await newcomer(world, n);
    const given = well(await redeem(world, 0, 'basic', await citizen.roam('basic', { scope: 'openid profile' })));
    return {
      use: () => press(citizen, '/account/authorizations/basic'),
      async again(side) {
        const { code } = await citizen.twin(side).roam('basic', { prompt: 'none', scope: 'openid profile' });
        const bearer = { headers: { authorization: `Bearer ${given.access_token}` } };
        const told = await fetch(`${world.own.sides[side]}/userinfo`, bearer);
        return (
          (code && 'a code without a question') ||
          (told.status === 200
            ? 'what the access token shows'
            : gained(await refresh(world, side, 'basic', given.refresh_token)))
        );
      },
    };
  },
  async 'a disabled account'(world, _who, n) {
    const { person, citizen } = await newcomer(world, n);
    const given = await tokens(world, citizen, 'public');
    const [uid = ''] = (citizen.jar.get('egret') ?? '').split('.');
    const [row] = await world.own.database.sql<{ account: string }[]>`
      select account_id as account from sessions where digest = ${hash('sha256', uid, 'base64url')}`;
    return {
      async use() {
        await world.own.egret('accounts', 'disable', String(row?.account), '--reason', 'abuse');
      },
      async again(side) {
        const { mobile } = person;
        const door = await atTheDoor(world, person, side).catch(() => undefined);
        if (door) return `a sign-in of ${mobile}`;
        return opens(world, side, citizen, 'public', given);
      },
    };
  },
};

export interface Disaster {
  /** Before the acts: what the store will come back with. */
  prepare(): Promise<void>;
  /** After the acts; resolves when a store is there again. */
  strike(): Promise<void>;
}

/** Each kind `count` times, used, forgotten by the store, and tried again at both processes until well after its return. */
export async function forgotten(
  t: Test,
  world: World,
  /** `hasty`: not once more when assertions are taken again. */
  options: { kinds: Kinds; count: number; disaster: Disaster; hasty?: boolean },
): Promise<void> {
  const { kinds, count, disaster } = options;
  await serving(world);
  // who lost the session with the store that had it signs in again
  await Promise.all(
    world.citizens.map(async (citizen, n) => {
      if ((await quietly(citizen, 'public')).code) return;
      const { url } = citizen.visit('public');
      const { at } = await citizen.form(url);
      const login = { login_id: world.members[n]?.mobile ?? '', password };
      await citizen.arrive(mustGoOn(await citizen.send(at, 'password', login)));
    }),
  );
  const made: [kind: string, made: Case][] = [];
  for (const [kind, make] of Object.entries(kinds)) {
    const cases = await inLanes(count, (n) => {
      const [person, citizen] = [world.members[n % world.members.length], world.citizens[n % world.citizens.length]];
      return make(world, { person: person as Person, citizen: citizen as Citizen }, n);
    });
    made.push(...cases.map((each) => [kind, each] as [string, Case]));
  }
  await disaster.prepare();
  // what lives shortest was made last, is used and tried again first
  made.reverse();
  await inLanes(made.length, async (n) => made[n]?.[1].use());
  await disaster.strike();
  const struck = performance.now();
  const again = async (when: string): Promise<void> => {
    const tally: Record<string, number> = {};
    const gains: string[] = [];
    await inLanes(made.length, async (n) => {
      const [kind, each] = made[n] as [string, Case];
      tally[kind] = (tally[kind] ?? 0) + 1;
      // a store that is just coming back may refuse to answer, which gains nobody anything
      const both = await Promise.all([0, 1].map((side) => each.again(side).catch(unlessAway)));
      gains.push(...both.flatMap((gain) => (gain ? [`${kind}: ${gain}`] : [])));
    });
    t.strictSame(gains, [], `${when}: ${Object.entries(tally).map(([kind, number]) => `${kind} ×${number}`)}`);
  };
  const since = () => Math.round(performance.now() - struck);
  const back = serving(world).then(since);
  await again('at once');
  t.comment(`both serve ${await back} ms after the store came back`);
  await again('when both serve');
  if (!kinds['an assertion'] || options.hasty) return;
  await accepting(world);
  t.comment(`assertions are taken ${since()} ms after it`);
  await again('later');
}

/** A store that is just coming back may leave a question without an answer, which gains nobody anything. */
function unlessAway(error: Error): undefined {
  if (!error.message.startsWith('not at the department: 503')) throw error;
}

/** Waits until a client's assertion is taken: not in the first seconds of an epoch, as long as its clock may run ahead. */
export async function accepting(world: World): Promise<void> {
  await until(async () => {
    const answers = await Promise.all(
      times(2, (side) => token(world, side, 'signed', { grant_type: 'client_credentials' })),
    );
    return answers.every(({ status }) => status === 200);
  });
}

/** Waits until every epoch is so old that an assertion is taken, whatever bucket its mark falls into. */
export async function settled(): Promise<void> {
  const began = performance.now();
  await until(() => performance.now() - began > 7_000);
}

/** Waits until both processes answer by their protocol state. */
export async function serving(world: World): Promise<void> {
  await until(async () => {
    const answers = await Promise.all(
      times(2, (side) => token(world, side, 'basic', { grant_type: 'client_credentials' })),
    );
    return answers.every(({ status }) => status === 200);
  });
}

/** Eight at a time. */
export async function inLanes<T>(count: number, work: (n: number) => Promise<T>): Promise<T[]> {
  const found: T[] = [];
  let next = 0;
  await Promise.all(
    times(Math.min(count, 8), async () => {
      for (let n = next++; n < count; n = next++) found[n] = await work(n);
    }),
  );
  return found;
}
