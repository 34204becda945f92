import t, { type Test } from 'tap';
import { Citizen } from '../races/citizen.ts';
import {
  becomes,
  city,
  everyDoor,
  metric,
  password,
  ready,
  roams,
  type Side,
  standings,
  timed,
} from '../support/outage.ts';
import { until } from '../support/processes.ts';
import { wants } from '../support/wants.ts';

t.setTimeout(300_000);

/** Issue 4, section 1, and DESIGN rule 3: what people may do while a store is away, and what is said of it. */
t.test('degraded mode', wants('redis-server'), async (t) => {
  const withoutRecords = 12;
  const own = await city(t, { lifetimes: { without_records: withoutRecords } });
  const [one, other] = own.sides as [Side, Side];
  const { redis } = own.own;
  if (!redis) throw new Error('no Redis');
  const measured = (what: string, ms: number) => t.comment(`${what}: ${Math.round(ms)} ms`);

  const refusedAtEveryDoor = async (t: Test, citizen: Citizen, side: Side, within: number, when: string) => {
    for (const [door, told] of Object.entries(await everyDoor(own, citizen, side))) {
      t.match(told, { status: 503, retryAfter: '1' }, `${door} ${when}`);
      t.match(told.body, /EG-1703/, `${door} says why`);
      t.ok(told.ms < within, `${door} ${when}: ${Math.round(told.ms)} ms`);
    }
  };

  await t.test('Redis is gone', async (t) => {
    const citizen = await own.signedIn(own.people[0]!);
    t.equal(await roams(own, citizen, one), 'in');
    const said = own.sides.map(standings);
    await redis.kill();
    await refusedAtEveryDoor(t, citizen, one, 1_000, 'at once');
    measured('not ready', await becomes(own.sides, { status: 503, reason: 'state-away', state: 'unreachable' }));
    await refusedAtEveryDoor(t, citizen, other, 1_000, 'later');
    t.equal(await metric(one, 'egret_ready'), 0);
    t.equal(await metric(one, 'egret_standing{reason="state-away"}'), 1);
    t.equal(await metric(one, 'egret_store_up{store="state"}'), 0);
    t.match(await timed(() => fetch(`${one.origin}/outage`)), { status: 200, body: /EG-1703/ });
    t.equal((await fetch(`${one.origin}/jwks`)).status, 200, 'what needs no store is there');
    await redis.start();
    const back = await becomes(own.sides, { status: 200, reason: 'ready' });
    measured('ready again', back);
    t.ok(back < 5_000, `ready after ${Math.round(back)} ms`);
    for (const each of said) t.strictSame(await each(), ['state-away', 'ready'], 'said once');
  });

  const citizen = await own.signedIn(own.people[1]!);
  await t.test('Redis does not answer', async (t) => {
    t.equal(await roams(own, citizen, one), 'in');
    process.kill(redis.pid, 'SIGSTOP');
    try {
      await refusedAtEveryDoor(t, citizen, one, 1_200, 'at once');
      await becomes(own.sides, { status: 503, reason: 'state-away' });
      await refusedAtEveryDoor(t, citizen, one, 1_000, 'later');
    } finally {
      process.kill(redis.pid, 'SIGCONT');
    }
    const back = await becomes(own.sides, { status: 200, reason: 'ready' });
    measured('ready again', back);
    t.ok(back < 5_000, `ready after ${Math.round(back)} ms`);
    t.equal(await roams(own, citizen, one), 'in', 'what was there is there');
  });

  for (const how of ['is gone', 'does not answer'] as const)
    await t.test(`PostgreSQL ${how}, for everybody`, async (t) => {
      const person = own.people[how === 'is gone' ? 2 : 3]!;
      const leaver = await own.signedIn(person);
      const visitor = new Citizen(own.own);
      const away = visitor.visit('basic').url;
      const asked = await visitor.form(away);
      t.equal(await roams(own, leaver, one), 'in');
      const said = own.sides.map(standings);
      const begun = performance.now();
      await (how === 'is gone' ? own.wire.cut() : own.wire.hold());

      const known = becomes(own.sides, { status: 200, reason: 'records-away', database: 'unreachable' });
      let over = false;
      const seen: string[] = [];
      const going = (async () => {
        while (!over) seen.push(await roams(own, citizen, seen.length % 2 ? one : other));
      })();
      measured('said', await known);
      t.ok((await ready(one))?.status === 200, 'ready, because nobody could do better');
      t.equal(await metric(one, 'egret_standing{reason="records-away"}'), 1);
      t.equal(await metric(one, 'egret_ready'), 1);
      t.match(await timed(() => fetch(`${one.origin}/outage`)), { status: 200, body: /EG-1702/ });

      const refused = async (what: string, work: () => Promise<Response>) => {
        const told = await timed(work);
        t.match(told, { status: 503, retryAfter: '1', body: /EG-1702/ }, what);
        t.ok(told.ms < 1_000, `${what}: ${Math.round(told.ms)} ms`);
      };
      await refused('a sign-in', async () => visitor.fetch(asked.at));
      await refused('a password', async () =>
        visitor.post(asked.at, 'password', asked.token, { login_id: person.mobile, password }),
      );
      await refused('a registration', async () => visitor.fetch(`${asked.at}?way=register`));
      await refused('the account centre', async () => citizen.jar.fetch(`${one.origin}/account/sessions`));

      const page = await timed(() => leaver.jar.fetch(`${one.origin}/sign-out`));
      const field = (name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(page.body)?.[1] ?? '';
      const cookies = leaver.jar.clone();
      const left = await timed(() =>
        leaver.jar.fetch(`${one.origin}/sign-out`, {
          method: 'POST',
          headers: { origin: own.own.issuer },
          body: new URLSearchParams({
            form_token: field('form_token'),
            request: field('request'),
            choice: 'all',
          }),
        }),
      );
      t.equal(left.status, 200, 'a sign-out is done at once');
      const result = /href="(\/sign-out\/result\/[\w-]+)"/.exec(left.body)?.[1] ?? '';
      for (const side of own.sides)
        t.equal(await roams(own, new Citizen(own.own, cookies.clone()), side), 'login_required', 'everywhere');
      await refused('its result page', async () => leaver.jar.fetch(one.origin + result));

      over = true;
      await going;
      t.ok(seen.length > 5, `${seen.length} roams`);
      t.strictSame(
        seen.filter((each) => each !== 'in'),
        [],
        'who is signed in goes on',
      );

      if (how === 'is gone') {
        await becomes(own.sides, { status: 503, reason: 'records-away-too-long' }, 1_000 * withoutRecords + 5_000);
        const bound = performance.now() - begun;
        measured('the bound', bound);
        t.ok(Math.abs(bound / 1_000 - withoutRecords) < 3, `after ${Math.round(bound)} ms`);
        t.equal(await roams(own, citizen, one), '503');
      }

      const told = own.departments.notices.length;
      await (how === 'is gone' ? own.wire.mend() : own.wire.release());
      const back = await becomes(own.sides, { status: 200, reason: 'ready' });
      measured('ready again', back);
      t.ok(back < 5_000, `ready after ${Math.round(back)} ms`);
      t.equal(await roams(own, citizen, one), 'in');
      await until(() => own.departments.notices.length > told, 20_000);
      t.equal(own.departments.notices.length, told + 1, 'the department was told, once');
      t.equal((await timed(() => leaver.jar.fetch(one.origin + result))).status, 200, 'and the page says so');
      const { sql } = own.records;
      const [rows] = await sql<{ ended: number }[]>`
        select count(*)::int as ended from sessions where ended_by = 'person' and told_at is not null`;
      t.ok((rows?.ended ?? 0) >= 1, 'a record says who ended it');
      const [events] = await sql<{ count: number }[]>`
        select count(*)::int from (select event from audit_inbox union all select event from audit_log) e
        where event::jsonb ->> 'type' = 'session.ended' and event::jsonb -> 'detail' ->> 'reason' = 'records-away'`;
      t.equal(events?.count, how === 'is gone' ? 1 : 2, 'one event a sign-out');
      t.match(await own.own.egret('audit', 'verify'), /the trail is whole/);
      const wanted = ['records-away', ...(how === 'is gone' ? ['records-away-too-long'] : []), 'ready'];
      for (const each of said) t.strictSame(await each(), wanted, 'said once');
    });

  await t.test('PostgreSQL is gone for one process', async (t) => {
    const { side, wire } = await own.third();
    const rest = async () => {
      for (const each of own.sides) t.equal(await roams(own, citizen, each), 'in', 'others go on');
      t.strictSame(await Promise.all(own.sides.map(async (each) => (await ready(each))?.status)), [200, 200]);
    };
    for (const how of ['cut', 'hold'] as const) {
      t.equal(await roams(own, citizen, side), 'in');
      const said = standings(side);
      await wire[how]();
      const gone = await becomes([side], { status: 503, reason: 'records-away-here' });
      measured(`not ready (${how})`, gone);
      t.ok(gone < 2_000, `${how}: not ready after ${Math.round(gone)} ms`);
      t.equal(await roams(own, citizen, side), '503');
      t.equal(await metric(side, 'egret_ready'), 0);
      await rest();
      await (how === 'cut' ? wire.mend() : wire.release());
      await becomes([side], { status: 200, reason: 'ready' });
      t.strictSame(await said(), ['records-away-here', 'ready'], 'said once');
    }

    await t.test('it slept, and knows nothing of what ended meanwhile', async (t) => {
      const sleeper = await own.signedIn((await own.own.people(1, 900))[0]!);
      t.equal(await roams(own, sleeper, side), 'in');
      process.kill(side.program.pid, 'SIGSTOP');
      wire.hold();
      const begun = performance.now();
      await until(() => performance.now() - begun > 3_000);
      process.kill(side.program.pid, 'SIGCONT');
      t.equal(await roams(own, sleeper, side), '503', 'the first request after it');
      wire.release();
      await becomes([side], { status: 200, reason: 'ready' });
      t.equal(await roams(own, sleeper, side), 'in');
    });

    await t.test('what ended just before PostgreSQL went is heard by who had lost it already', async (t) => {
      const person = (await own.own.people(1, 950))[0]!;
      const here = await own.signedIn(person);
      t.equal(await roams(own, here, side), 'in');
      const address = `${one.origin}/account/authorizations/basic`;
      const { body } = await timed(() => here.jar.fetch(address));
      wire.hold();
      const token = /name="form_token" value="([^"]+)"/.exec(body)?.[1] ?? '';
      const cookies = here.jar.clone();
      const done = await here.jar.fetch(address, {
        method: 'POST',
        headers: { origin: own.own.issuer },
        body: new URLSearchParams({ form_token: token }),
      });
      t.equal(done.status, 303, 'a consent is withdrawn');
      own.wire.hold();
      await becomes([side, ...own.sides], { status: 200, reason: 'records-away' });
      t.not(await roams(own, new Citizen(own.own, cookies), side), 'in', 'nothing more is given');
      t.equal(await roams(own, citizen, side), 'in', 'to others it is');
      own.wire.release();
      wire.release();
      await becomes([side, ...own.sides], { status: 200, reason: 'ready' });
    });
  });
});
