import type { Test } from 'tap';
import type { Person } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { Citizen, mustGoOn, onwardOf } from './citizen.ts';
import { atOnce, lanes, race, recorded, tally, times, trials, type World } from './world.ts';

const page = async (answer: Response) => ({
  status: answer.status,
  to: answer.headers.get('location'),
  text: await answer.text(),
});

/** Twenty tabs of one browser go on: all of them to the same place, which is one session. */
async function goOn(t: Test, citizen: Citizen, at: string): Promise<void> {
  let tabs: Awaited<ReturnType<Citizen['open']>>[] = [];
  // a province that takes its time is waited for on a page of its own
  await until(async () => {
    tabs = await race((turn) => citizen.twin(turn).open(at));
    return tabs.every((tab) => tab.status !== 200 || onwardOf(tab) !== undefined);
  });
  const targets = new Set(tabs.map((tab) => onwardOf(tab) ?? `${tab.status}`));
  t.equal(targets.size, 1, `every tab goes on to the same address: ${[...targets]}`);
  const { to } = await citizen.open(mustGoOn(tabs[0] as (typeof tabs)[0]));
  t.ok(to === undefined || new URL(to).searchParams.has('code'), 'and the way goes on from there');
}

/**
 * A right code in twenty posts of one form. Once means: one post is told that it was right and signs in; the others
 * are told that the code is dead, or, when they come later, are led to where the journey is by then.
 */
export async function rightCodes(t: Test, world: World): Promise<void> {
  const { own, members } = world;
  const types = ['code.verified', 'sign-in.sms'];
  const count = () => Promise.all([recorded(world), ...types.map((type) => recorded(world, type))]);
  const before = await count();
  const sent = members.map(() => 0);
  await lanes(members.length, async (trial, lane) => {
    const { mobile } = members[lane] as Person;
    const citizen = new Citizen(own, undefined, trial);
    const { at } = await citizen.form(citizen.visit('public').url);
    await citizen.open(`${at}?way=sms`);
    await until(() => performance.now() - (sent[lane] ?? 0) > 1_000);
    await until(async () => /name="otp"/.test((await citizen.send(at, 'mobile', { mobile })).page));
    sent[lane] = performance.now();
    // one to register, one for each trial of this lane before
    const otp = await own.code(mobile, 1 + Math.floor(trial / members.length));
    const { token } = await citizen.form(at);
    const twins = times(atOnce, (turn) => citizen.twin(turn));
    const answers = await race(async (turn) => page(await (twins[turn] as Citizen).post(at, 'code', token, { otp })));
    const refused = answers.filter(({ status }) => status !== 303);
    t.ok(
      refused.every(({ status, text }) => status === 422 && /EG-1202|验证码已过期/.test(text)),
      `trial ${trial}: ${tally(answers)}`,
    );
    await goOn(t, citizen, at);
  });
  const after = await count();
  t.same(
    after.map((number, n) => number - (before[n] ?? 0)),
    [trials, trials, trials],
    'sessions, codes that were right, sign-ins: one each a trial',
  );
}

/** Twenty wrong ones: five count, each of them once, and the right one comes too late then. */
export async function wrongCodes(t: Test, world: World): Promise<void> {
  const { own } = world;
  const strangers = await own.people(trials, 100);
  await lanes(5, async (trial) => {
    const { mobile } = strangers[trial] as Person;
    const citizen = new Citizen(own, undefined, trial);
    const { at } = await citizen.form(citizen.visit('public').url);
    await citizen.open(`${at}?way=register`);
    await citizen.send(at, 'register', { mobile, agree_terms: 'on' });
    const right = await own.code(mobile);
    const { token } = await citizen.form(at);
    const wrong = (turn: number) => String((Number(right) + 1 + turn) % 1_000_000).padStart(6, '0');
    const twins = times(atOnce, (turn) => citizen.twin(turn));
    const answers = await race(async (turn) =>
      page(await (twins[turn] as Citizen).post(at, 'code', token, { otp: wrong(turn) })),
    );
    const said = answers.map(({ status, text }) => {
      const left = /还可以再试 (\d) 次/.exec(text)?.[1];
      return `${status} ${left ? `${left} left` : /验证码已过期/.test(text) ? 'dead' : 'something else'}`;
    });
    t.same(
      said.sort(),
      ['422 1 left', '422 2 left', '422 3 left', '422 4 left', ...times(16, () => '422 dead')].sort(),
      `trial ${trial}`,
    );
    const late = await page(await citizen.post(at, 'code', token, { otp: right }));
    t.equal(late.status, 422, 'the right one is refused');
  });
  // a guess's hour is shorter than a message's day: these rows are guesses
  const rows = await own.database.sql<{ uses: number; count: number }[]>`
    select cardinality(uses) as uses, count(*)::int from budgets
    where lapses_at < ${new Date(Date.now() + 2 * 3_600_000)} and cardinality(uses) > 0 group by 1`;
  t.same([...rows], [{ uses: 5, count: trials }], 'five guesses of each budget are used, the others were given back');
}

/** A trust ticket comes back twenty times to the browser that began. */
export async function tickets(t: Test, world: World): Promise<void> {
  const { own } = world;
  const asked = async () => {
    const answer = await fetch(`${own.province}/__sim/ledger?service=103`);
    return ((await answer.json()) as { entries: unknown[] }).entries.length;
  };
  const count = async () => [await asked(), await recorded(world, 'sign-in.province'), await recorded(world)];
  const people = await own.people(trials, 200);
  const before = await count();
  await lanes(2, async (trial) => {
    const citizen = new Citizen(own, undefined, trial);
    const { at } = await citizen.form(citizen.visit('public').url);
    const { to: login } = await citizen.open(`${at}/province`);
    const form = new URLSearchParams(new URL(login ?? '').searchParams);
    form.set('number', (people[trial] as Person).number);
    const returned = await fetch(new URL(login ?? '').href.replace(/\?.*/, ''), {
      method: 'POST',
      body: form,
      redirect: 'manual',
    });
    const back = returned.headers.get('location') ?? '';
    if (!back.includes('trustticket')) throw new Error(`no ticket: ${returned.status} ${await returned.text()}`);
    const stranger = await new Citizen(own).fetch(back);
    t.equal(stranger.status, 410, 'another browser is no way to spend it');
    const twins = times(atOnce, (turn) => citizen.twin(turn));
    const answers = await race(async (turn) => page(await (twins[turn] as Citizen).fetch(back)));
    const unlike = answers.filter(({ status, to }) => status !== 403 && !(status === 303 && to === at));
    t.same(unlike, [], `trial ${trial}: ${tally(answers)}`);
    await goOn(t, citizen, at);
  });
  t.same(
    (await count()).map((number, n) => number - (before[n] ?? 0)),
    [trials, trials, trials],
    'questions to the province, sign-ins, sessions: one each a trial',
  );
}
