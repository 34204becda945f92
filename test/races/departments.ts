import type { Test } from 'tap';
import { authenticate } from '../support/department.ts';
import { redirect } from '../support/op.ts';
import { until } from '../support/processes.ts';
import type { Citizen } from './citizen.ts';
import {
  type Answer,
  almostIn,
  ask,
  atOnce,
  lanes,
  race,
  recorded,
  refreshWindow,
  tally,
  times,
  trials,
  type World,
} from './world.ts';

type Issued = { code: string; verifier: string };

const grant = ({ code, verifier }: Issued) => ({
  grant_type: 'authorization_code',
  code,
  code_verifier: verifier,
  redirect_uri: redirect,
});

const redeem = async (world: World, side: number, client: string, issued: Issued): Promise<Answer> =>
  ask(world, side, '/token', await authenticate(world.department, client, grant(issued)));

const refresh = async (world: World, side: number, token: unknown, client = 'public'): Promise<Answer> => {
  const form = { grant_type: 'refresh_token', refresh_token: String(token) };
  return ask(world, side, '/token', await authenticate(world.department, client, form));
};

/** Is this access token good, as either process sees it? */
const active = (world: World, client: string, token: unknown): Promise<unknown[]> =>
  Promise.all(
    times(2, async (side) => {
      const asked = await authenticate(world.department, client, { token: String(token) });
      return (await ask(world, side, '/introspect', asked)).json.active;
    }),
  );

/** A code without any page between: the session stands, and the consent. */
async function quietly(citizen: Citizen, client: string): Promise<Issued> {
  const issued = await citizen.roam(client, { prompt: 'none' });
  if (issued.error) throw new Error(`${client} was refused a quiet sign-in: ${issued.error}`);
  return issued;
}

export async function codes(t: Test, world: World): Promise<void> {
  const { citizen, department } = world;
  const wins = [0, 0];
  for (let trial = 0; trial < trials; trial++) {
    const client = trial % 2 ? 'basic' : 'signed';
    // that it succeeds says of the trial before: its replays ended an authorisation, not the session, not the consent
    const issued = await quietly(citizen, client);
    const requests = await Promise.all(times(atOnce, () => authenticate(department, client, grant(issued))));
    const answers = await race((turn) => ask(world, turn, '/token', requests[turn] as (typeof requests)[0]));
    t.equal(tally(answers), '200 ×1, 400 invalid_grant ×19', `trial ${trial}`);
    const winner = answers.findIndex(({ status }) => status === 200);
    const won = answers[winner]?.json;
    wins[winner % 2] = (wins[winner % 2] ?? 0) + 1;
    t.same(await active(world, client, won?.access_token), [false, false], 'and a replay ended what it was spent for');
    if (client === 'basic')
      t.match(await refresh(world, trial, won?.refresh_token, 'basic'), {
        status: 400,
        json: { error: 'invalid_grant' },
      });
  }
  await quietly(citizen, 'signed');
  await quietly(citizen, 'basic');
  t.comment(`won at either process: ${wins.join(' and ')}`);
}

export async function assertions(t: Test, world: World): Promise<void> {
  for (let trial = 0; trial < trials; trial++) {
    const issued = await quietly(world.citizen, 'signed');
    const signed = await authenticate(world.department, 'signed', grant(issued));
    const answers = await race((turn) => ask(world, turn, '/token', signed));
    t.equal(tally(answers), '200 ×1, 401 invalid_client ×19', `trial ${trial}, with a code`);
    const token = answers.find(({ status }) => status === 200)?.json.access_token;
    t.same(await active(world, 'signed', token), [true, true], 'who could not authenticate has replayed nothing');

    const alone = await authenticate(world.department, 'signed', { grant_type: 'client_credentials' });
    t.equal(
      tally(await race((turn) => ask(world, turn, '/token', alone))),
      '200 ×1, 401 invalid_client ×19',
      `trial ${trial}, alone`,
    );
  }
}

export async function refreshedInside(t: Test, world: World): Promise<void> {
  for (let trial = 0; trial < trials; trial++) {
    const { json } = await redeem(world, trial, 'public', await quietly(world.citizen, 'public'));
    const answers = await race((turn) => refresh(world, turn, json.refresh_token));
    t.equal(tally(answers), '200 ×20', `trial ${trial}`);
    const successors = new Set(answers.map((answer) => answer.json.refresh_token));
    t.equal(successors.size, 1, 'one successor');
    t.notOk(successors.has(json.refresh_token), 'and another than before');
    const next = await refresh(world, trial + 1, answers[0]?.json.refresh_token);
    t.equal(next.status, 200, 'which is good');
  }
}

/** A session of its own and what hangs on it, for a race that waits until the window is over. */
export interface Family {
  readonly citizen: Citizen;
  readonly old: unknown;
  readonly heir: unknown;
}

/** The address where an interaction goes on: one of twenty gets the code. Answers a family for each trial. */
export async function resumed(t: Test, world: World): Promise<{ families: Family[]; rotated: number }> {
  const before = await recorded(world);
  const waiting = await lanes(4, (n) => almostIn(world, n));
  const families: Family[] = [];
  for (const [trial, { citizen, verifier, resume }] of waiting.entries()) {
    const twins = times(atOnce, (turn) => citizen.twin(turn));
    const answers = await race(async (turn) => {
      const answer = await (twins[turn] as Citizen).fetch(resume);
      await answer.arrayBuffer();
      return { status: answer.status, to: answer.headers.get('location') ?? '', turn };
    });
    const codes = answers.filter(({ to }) => to.startsWith(redirect) && new URL(to).searchParams.has('code'));
    t.equal(codes.length, 1, `trial ${trial}: one code`);
    const others = answers.filter((answer) => !codes.includes(answer));
    t.equal(tally(others), '410 ×19', 'the others read that this sign-in is over');
    const [{ to = '', turn = 0 } = {}] = codes;
    const code = new URL(to).searchParams.get('code') ?? '';
    const { json } = await redeem(world, trial, 'public', { code, verifier });
    const { json: next } = await refresh(world, trial, json.refresh_token);
    families.push({ citizen: twins[turn] as Citizen, old: json.refresh_token, heir: next.refresh_token });
  }
  t.equal((await recorded(world)) - before, trials, 'a session for each trial, and no more');
  return { families, rotated: performance.now() };
}

export async function refreshedOutside(
  t: Test,
  world: World,
  { families, rotated }: { families: Family[]; rotated: number },
): Promise<void> {
  await until(() => performance.now() - rotated > refreshWindow * 1_000 + 500);
  for (const [trial, { citizen, old, heir }] of families.entries()) {
    t.equal(tally(await race((turn) => refresh(world, turn, old))), '400 invalid_grant ×20', `trial ${trial}`);
    for (const side of [0, 1])
      t.match(await refresh(world, side, heir), { status: 400, json: { error: 'invalid_grant' } }, 'the family ended');
    await quietly(citizen, 'public');
  }
}
