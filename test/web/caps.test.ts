import t from 'tap';
import { Citizen, mustGoOn, onwardOf } from '../races/citizen.ts';
import { Jar } from '../support/browser.ts';
import { client, redirect } from '../support/op.ts';
import { pair } from '../support/pair.ts';

t.setTimeout(180_000);

const password = 'otter-canal-92-plum';
const cap = 8;
const known = 3;

/** A browser that can be carried to another network. */
class Carried extends Jar {
  from: string;
  constructor(from: string) {
    super();
    this.from = from;
  }
  override fetch(url: string, init: RequestInit = {}): Promise<Response> {
    return super.fetch(url, { ...init, headers: { ...init.headers, 'x-forwarded-for': this.from } });
  }
}

t.test('a cap of an address is no weapon, and no sign-in is begun without end', async (t) => {
  const own = await pair(t, {
    clients: () => [
      client('public', {
        auth: 'none',
        kind: 'browser',
        grants: ['authorization_code', 'refresh_token'],
        origins: [new URL(redirect).origin],
      }),
    ],
    settings: {
      trusted_proxies: ['127.0.0.1', '::1'],
      limits: {
        sign_in_per_address: { count: cap, seconds: 3_600, known },
        interactions_per_address: { count: cap, seconds: 3_600, known },
      },
    },
  });
  const [person] = await own.people(1);
  if (!person) throw new Error('nobody');
  const [home, hall, other] = ['198.51.100.1', '203.0.113.1', '192.0.2.1'] as const;
  const jar = new Carried(home);
  const citizen = new Citizen(own, jar);
  await citizen.arrive(await citizen.register(person, citizen.visit('public').url, { password }));
  const interactions = async () => {
    const [row] = await own.database.sql`select count(*)::int as n from protocol_state where key like '%:i:%'`;
    return Number(row?.n);
  };
  const begin = async (who: Citizen) => {
    const answer = await who.fetch(who.visit('public').url);
    return { status: answer.status, wait: Number(answer.headers.get('retry-after')), page: await answer.text() };
  };

  await t.test('tries to sign in', async (t) => {
    const stranger = new Citizen(own, new Carried(hall));
    const { at, token } = await stranger.form('/account');
    const post = async (who: Citizen, form: Record<string, string>, here = at, own_ = token) =>
      (await who.post(here, 'password', own_, form)).status;
    for (const form of [{}, { login_id: person.mobile }, { password }, { login_id: '1234', password }])
      for (let turn = 0; turn < cap; turn++) t.equal(await post(stranger, form as Record<string, string>), 422);
    const guess = { login_id: '15400009998', password: 'seven quiet herons 41' };
    for (let turn = 0; turn < cap; turn++) t.not(await post(stranger, guess), 429, 'what was empty was no try');
    t.equal(await post(stranger, guess), 429);
    t.equal(await post(stranger, { login_id: person.mobile, password }), 429, 'whoever it is about');
    t.equal(await post(stranger, {}), 422, 'an empty form says what is missing');

    jar.drop('egret');
    jar.from = hall;
    const mine = await citizen.form('/account');
    const right = await citizen.send(mine.at, 'password', { login_id: person.mobile, password });
    t.ok(onwardOf(right), 'a browser that an account knows, at the same address');
    await citizen.open(mustGoOn(right));
    jar.drop('egret');
    const again = await citizen.form('/account');
    for (let turn = 1; turn < known; turn++) t.not(await post(citizen, guess, again.at, again.token), 429);
    t.equal(await post(citizen, guess, again.at, again.token), 429, 'a part of its own, and no more');
    jar.from = other;
    t.not(await post(citizen, guess, again.at, again.token), 429, 'another address is another cap');
  });

  await t.test('sign-ins begun', async (t) => {
    const anyone = new Citizen(own, new Carried('203.0.113.2'));
    const before = await interactions();
    for (let turn = 0; turn < cap; turn++) t.equal((await begin(anyone)).status, 303);
    for (const who of [anyone, new Citizen(own, new Carried('203.0.113.2'))]) {
      const { status, wait, page } = await begin(who);
      t.equal(status, 429);
      t.match(page, /EG-1009/);
      t.ok(wait > 0 && wait <= 3_600, `Retry-After ${wait}`);
    }
    t.equal(await interactions(), before + cap, 'nothing was kept of what was refused');
    jar.from = '203.0.113.2';
    for (let turn = 0; turn < known; turn++) t.equal((await begin(citizen)).status, 303, 'a known browser');
    t.equal((await begin(citizen)).status, 429);

    jar.from = home;
    const door = await citizen.form('/account');
    await citizen.open(mustGoOn(await citizen.send(door.at, 'password', { login_id: person.mobile, password })));
    jar.from = '203.0.113.2';
    for (let turn = 0; turn < cap; turn++)
      t.equal((await begin(citizen)).status, 303, 'whoever is signed in comes and goes');
    const [hit] = await own.database.sql<{ n: number }[]>`
      select count(*)::int as n from (select event from audit_log union all select event from audit_inbox) as told
      where event::jsonb ->> 'type' = 'limit.hit' and event::jsonb -> 'detail' ->> 'limit' = 'interactionsPerAddress'`;
    t.ok(hit && hit.n > 0, 'the trail tells of it');
  });
});
