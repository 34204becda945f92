import { decodeJwt } from 'jose';
import t, { type Test } from 'tap';
import { Citizen, mustGoOn } from '../races/citizen.ts';
import { authenticate, jwks } from '../support/department.ts';
import { client, redirect } from '../support/op.ts';
import { pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { wants } from '../support/wants.ts';
import { receiver } from './receiver.ts';

/**
 * What ends at departments, and who is told: two gateway processes, departments that receive their notices over HTTP,
 * and people with two browsers. `basic` and `public` take notices, `signed` takes none: its sessions last 30 minutes.
 */
t.setTimeout(300_000);

const password = 'otter-canal-92-plum';
const caps = ['sign_in', 'codes', 'registrations', 'real_name'].map((name) => [
  `${name}_per_address`,
  { count: 10_000, seconds: 60 },
]);

const endings = (redis: boolean) => async (t: Test) => {
  const both = { grants: ['authorization_code', 'refresh_token'] };
  const own = await pair(t, {
    ports: 1,
    redis,
    clients: ([port]) => [
      client('basic', {
        ...both,
        auth: 'client_secret_basic',
        backchannel_logout_uri: `http://127.0.0.1:${port}/basic`,
      }),
      client('public', {
        ...both,
        auth: 'none',
        kind: 'browser',
        origins: [new URL(redirect).origin],
        backchannel_logout_uri: `http://127.0.0.1:${port}/public`,
      }),
      client('signed', { ...both, auth: 'private_key_jwt', jwks }),
    ],
    settings: {
      limits: Object.fromEntries(caps),
      accounts: { messages_a_day: 100, resend_after: 1, argon2: { memory_cost: 8_192, time_cost: 1 } },
    },
  });
  const department = { issuer: own.issuer, secret: await own.secret('basic') };
  const told = await receiver(t, own.ports[0] ?? 0, own.issuer);
  const { sql } = own.database;

  interface Stay {
    readonly client: string;
    readonly sid: string;
    readonly access: string;
    readonly refresh: string;
  }
  const redeem = async (client: string, issued: { code: string; verifier: string }): Promise<Stay> => {
    let json: Record<string, string> = {};
    // the new secret is known to a process within a second
    await until(async () => {
      const { body, headers } = await authenticate(department, client, {
        grant_type: 'authorization_code',
        code: issued.code,
        code_verifier: issued.verifier,
        redirect_uri: redirect,
      });
      const answer = await fetch(`${own.issuer}/token`, { method: 'POST', body, headers });
      json = (await answer.json()) as Record<string, string>;
      return answer.status !== 401;
    });
    const { id_token: id = '', access_token: access = '', refresh_token: refresh = '' } = json;
    if (!id) throw new Error(`no token: ${JSON.stringify(json)}`);
    return { client, sid: String(decodeJwt(id).sid), access, refresh };
  };
  const visit = async (citizen: Citizen, client: string): Promise<Stay> =>
    redeem(client, await citizen.roam(client, { scope: 'openid profile' }));
  /** Is this access token good, as each process sees it? */
  const reads = (stay: Stay): Promise<boolean[]> =>
    Promise.all(
      own.sides.map(async (side) => {
        const headers = { authorization: `Bearer ${stay.access}` };
        return (await fetch(`${side}/userinfo`, { headers })).status === 200;
      }),
    );
  const renews = async (stay: Stay, side: number): Promise<number> => {
    const { body, headers } = await authenticate(department, stay.client, {
      grant_type: 'refresh_token',
      refresh_token: stay.refresh,
    });
    return (await fetch(`${own.sides[side]}/token`, { method: 'POST', body, headers })).status;
  };
  const dies = async (t: Tap, stays: readonly Stay[], name: string): Promise<void> => {
    for (const stay of stays) {
      await until(async () => (await reads(stay)).every((good) => !good));
      for (const side of [0, 1]) t.equal(await renews(stay, side), 400, `${name}: no refresh at ${side}`);
    }
  };
  const stands = async (t: Tap, stays: readonly Stay[], name: string): Promise<void> => {
    for (const stay of stays) t.same(await reads(stay), [true, true], `${name}: ${stay.client} goes on`);
  };
  let seen = 0;
  /** Waits for as many notices as there are stays; more, or others, are found by the next call and at the end. */
  const notices = async (t: Tap, stays: readonly Stay[], name: string): Promise<void> => {
    await until(() => told.notices.length >= seen + stays.length);
    const came = told.notices.slice(seen).map(({ client, sid }) => `${client} ${sid}`);
    t.same(came.sort(), stays.map(({ client, sid }) => `${client} ${sid}`).sort(), `${name}: who was told`);
    seen += stays.length;
  };
  /** Sends a form of an account or sign-out page. */
  const press = async (
    citizen: Citizen,
    page: string,
    action: string,
    fields: Record<string, string> = {},
  ): Promise<Response> => {
    const shown = await citizen.open(page);
    const token = /name="form_token" value="([^"]+)"/.exec(shown.page)?.[1] ?? '';
    const request = /name="request" value="([^"]+)"/.exec(shown.page)?.[1];
    return citizen.fetch(action, {
      method: 'POST',
      body: new URLSearchParams({ form_token: token, ...(request ? { request } : {}), ...fields }),
      headers: { origin: own.issuer },
    });
  };

  const [one, two] = await own.people(2);
  if (!one || !two) throw new Error('no people');
  const register = async (person: typeof one): Promise<Citizen> => {
    const citizen = new Citizen(own);
    const way = citizen.visit('basic', { scope: 'openid profile' });
    await citizen.arrive(await citizen.register(person, way.url, { password }));
    return citizen;
  };
  const signIn = async (person: typeof one, secret = password): Promise<Citizen> => {
    const citizen = new Citizen(own);
    const way = citizen.visit('basic', { scope: 'openid profile' });
    const { at } = await citizen.form(way.url);
    const done = await citizen.send(at, 'password', { login_id: person.mobile, password: secret });
    await citizen.arrive(mustGoOn(done));
    return citizen;
  };
  const a = await register(one);
  const b = await signIn(one);
  const other = await register(two);
  const bystander = await visit(other, 'basic');
  const accounts = await sql<{ id: string }[]>`select id from accounts order by created_at`;
  const [account, second] = accounts.map(({ id }) => id);

  await t.test('only this department, and the write of the protocol state lost', async (t) => {
    const left = await visit(a, 'basic');
    const kept = [await visit(a, 'public'), await visit(a, 'signed'), await visit(b, 'basic'), bystander];
    if (!redis) await sql`create table kept as select * from protocol_state`;
    const page = `/session/end?client_id=basic`;
    const answer = await press(a, page, '/sign-out', { choice: 'one' });
    t.equal(answer.status, 303);
    // as if what followed the record had never arrived
    if (!redis)
      await sql.begin(async (tx) => {
        await tx`delete from protocol_state`;
        await tx`insert into protocol_state select * from kept`;
        await tx`drop table kept`;
      });
    await dies(t, [left], 'left');
    await stands(t, kept, 'left one');
    await notices(t, [left], 'left');
    const again = await visit(a, 'basic');
    await stands(t, [again], 'a visit that begins later');
    const events = await sql<{ event: string }[]>`
      select event from (select event from audit_inbox union all select event from audit_log) e
      where event::jsonb ->> 'type' = 'session.ended'`;
    t.match(events[0]?.event ?? '', /"client":"basic"/, 'the act and its event');
  });

  await t.test('a consent withdrawn', async (t) => {
    const gone = [await visit(a, 'basic'), await visit(b, 'basic')];
    const kept = [await visit(a, 'public'), await visit(b, 'signed'), bystander];
    const answer = await press(b, '/account/authorizations/basic', '/account/authorizations/basic');
    t.match(answer.headers.get('location'), /done=withdrawn/);
    await dies(t, gone, 'withdrawn');
    await stands(t, kept, 'withdrawn elsewhere');
    await notices(t, gone, 'withdrawn');
  });

  await t.test('egret accounts end-sessions', async (t) => {
    const gone = [await visit(a, 'basic'), await visit(a, 'public'), await visit(b, 'basic')];
    const silent = await visit(b, 'signed');
    await own.egret('accounts', 'end-sessions', String(account), '--reason', 'incident');
    await dies(t, [...gone, silent], 'ended by staff');
    await stands(t, [bystander], 'ended by staff');
    await notices(t, gone, 'ended by staff');
  });

  await t.test('a password reset', async (t) => {
    const c = await signIn(one);
    const gone = [await visit(c, 'basic'), await visit(c, 'public')];
    const d = new Citizen(own);
    const { at } = await d.form(d.visit('basic', { scope: 'openid profile' }).url);
    await d.open(`${at}?way=recover`);
    await until(async () => /name="otp"/.test((await d.send(at, 'recover', { mobile: one.mobile })).page));
    await d.send(at, 'code', { otp: await own.code(one.mobile, 1) });
    await d.send(at, 'new-password', { new_password: 'heron-bridge-47-kelp' });
    await d.arrive(mustGoOn(await d.open(`${at}?seen=result`)));
    await dies(t, gone, 'reset');
    await stands(t, [await visit(d, 'basic'), bystander], 'whoever reset it');
    await notices(t, gone, 'reset');
  });

  await t.test('egret accounts disable', async (t) => {
    const gone = [await visit(other, 'public'), bystander];
    const alive = await signIn(one, 'heron-bridge-47-kelp');
    const kept = await visit(alive, 'public');
    await own.egret('accounts', 'disable', String(second), '--reason', 'abuse');
    await dies(t, gone, 'disabled');
    await stands(t, [kept], 'somebody else');
    await notices(t, gone, 'disabled');
  });

  await t.test('a department that takes no notices is not waited for, and listed with its latest end', async (t) => {
    const citizen = await signIn(one, 'heron-bridge-47-kelp');
    const gone = [await visit(citizen, 'basic')];
    const silent = await visit(citizen, 'signed');
    const question = await citizen.open('/sign-out');
    t.match(question.page, /basic<\/strong>[\s\S]*?\d\d:\d\d 登录/, 'since when, of each');
    const before = Date.now();
    const answer = await press(citizen, '/sign-out', '/sign-out', { choice: 'all' });
    const after = Date.now();
    const result = answer.headers.get('location') ?? '';
    t.match(result, /^\/sign-out\/result\//, 'never straight on: not all have answered');
    await notices(t, gone, 'all');
    await dies(t, [...gone, silent], 'all');
    const { page } = await citizen.open(result);
    const row = page.split('<li').find((each) => each.includes('>signed<')) ?? '';
    t.match(row, /不接收通知/);
    t.match(row, /我们通知不到它/);
    const minute = new Intl.DateTimeFormat('en-GB', { timeZone: 'Asia/Shanghai', hour: '2-digit', minute: '2-digit' });
    const latest = [before, after].map((at) => minute.format(at + 30 * 60_000));
    t.ok(
      latest.some((each) => row.includes(each)),
      `its latest end, 30 minutes from then: ${latest}`,
    );
    t.match(page, /1 个部门已确认退出，1 个不接收退出通知/);
    t.match((await citizen.open(result)).page, /不接收通知/, 'and so on every reload');
  });

  t.equal(told.notices.length, seen, 'nobody else was told of anything');
  t.same(told.wrong, []);
};

t.test('endings reach exactly the departments concerned', endings(false));
t.test('and so with Redis', wants('redis-server'), endings(true));

type Tap = Pick<typeof t, 'equal' | 'same'>;
