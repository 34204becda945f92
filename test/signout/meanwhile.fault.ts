import { decodeJwt } from 'jose';
import t, { type Test } from 'tap';
import { Citizen, mustGoOn } from '../races/citizen.ts';
import { client, redirect } from '../support/op.ts';
import { pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { wants } from '../support/wants.ts';
import { receiver } from './receiver.ts';

/**
 * Departments that a browser comes to at one gateway while the other one ends its session: whoever was given a token is
 * on the result page, and told. Each ending waits for a row that the test holds, until some have come; some others come after.
 */
t.setTimeout(120_000);

const password = 'otter-canal-92-plum';
const departments = Array.from({ length: 8 }, (_, n) => `d${n}`);

const meanwhile = (redis: boolean) => async (t: Test) => {
  const caps = ['sign_in', 'codes', 'registrations'].map((name) => [
    `${name}_per_address`,
    { count: 10_000, seconds: 60 },
  ]);
  const own = await pair(t, {
    ports: 1,
    redis,
    clients: ([port]) =>
      ['first', ...departments].map((id) =>
        client(id, {
          grants: ['authorization_code'],
          auth: 'none',
          kind: 'browser',
          origins: [new URL(redirect).origin],
          backchannel_logout_uri: `http://127.0.0.1:${port}/${id}`,
        }),
      ),
    settings: {
      limits: Object.fromEntries(caps),
      accounts: { argon2: { memory_cost: 8_192, time_cost: 1 } },
    },
  });
  const [one, other] = own.sides;
  const { database } = own;
  const told = await receiver(t, own.ports[0] ?? 0, own.issuer);
  const isTold = (client: string, sid: string) =>
    told.notices.some((notice) => notice.client === client && notice.sid === sid);
  const [person] = await own.people(1);
  if (!person) throw new Error('no people');

  /** A first visit at the other gateway, without a page: the sid of the token it was given, or undefined. */
  const visit = async (citizen: Citizen, client: string): Promise<string | undefined> => {
    const { url, verifier } = citizen.visit(client, { prompt: 'none', scope: 'openid profile' });
    const answer = await citizen.jar.clone().fetch(url.replace(own.issuer, other));
    const code = new URL(answer.headers.get('location') ?? 'about:blank').searchParams.get('code');
    if (!code) return undefined;
    const form = { grant_type: 'authorization_code', client_id: client, redirect_uri: redirect, code };
    const body = new URLSearchParams({ ...form, code_verifier: verifier });
    const issued = await fetch(`${other}/token`, { method: 'POST', body });
    const { id_token: token } = (await issued.json()) as { id_token?: string };
    return token && String(decodeJwt(token).sid);
  };
  /** Presses a button while `rows` are held, and lets go once `work` says so; answers both. */
  const pressed = async <T>(
    citizen: Citizen,
    [page, action]: readonly [string, string],
    rows: 'sessions' | 'consents',
    work: (letGo: () => void) => Promise<T>,
  ): Promise<{ answer: Response; done: T }> => {
    const shown = await citizen.open(page);
    const fields = [...shown.page.matchAll(/name="(form_token|request)" value="([^"]+)"/g)];
    const form = Object.fromEntries(fields.map(([, name = '', value = '']) => [name, value]));
    const held = Promise.withResolvers<void>();
    const over = Promise.withResolvers<void>();
    const holding = database.begin(async (tx) => {
      await tx`select from ${tx(rows)} for update`;
      held.resolve();
      await over.promise;
    });
    await held.promise;
    const answering = citizen.jar.clone().fetch(`${one}${action}`, {
      method: 'POST',
      body: new URLSearchParams({ ...form, choice: 'all' }),
      headers: { origin: own.issuer },
    });
    await until(async () => {
      const [waiting] = await database.sql<{ count: number }[]>`select count(*)::int from pg_locks where not granted`;
      return (waiting?.count ?? 0) > 0;
    });
    const [answer, done] = await Promise.all([answering, work(over.resolve).finally(over.resolve), holding]);
    return { answer, done };
  };
  const signIn = async (): Promise<Citizen> => {
    const citizen = new Citizen(own);
    const { at } = await citizen.form(citizen.visit('first').url);
    await citizen.arrive(mustGoOn(await citizen.send(at, 'password', { login_id: person.mobile, password })));
    return citizen;
  };
  const registered = new Citizen(own);
  await registered.arrive(await registered.register(person, registered.visit('first').url, { password }));
  for (const id of departments) await registered.roam(id, { scope: 'openid profile' });

  for (const before of [1, 3, 5])
    await t.test(`a sign-out goes on once ${before} have come`, async (t) => {
      const citizen = await signIn();
      const came: [client: string, sid: string][] = [];
      const { answer } = await pressed(citizen, ['/sign-out', '/sign-out'], 'sessions', (letGo) =>
        Promise.all(
          departments.map(async (client) => {
            const sid = await visit(citizen, client);
            if (sid) came.push([client, sid]);
            if (came.length === before) letGo();
          }),
        ),
      );
      t.ok(came.length >= before, `${came.length} were given a token`);
      const result = answer.headers.get('location') ?? '';
      t.match(result, /^\/sign-out\/result\//);
      const { page } = await citizen.open(result);
      const listed = ['first', ...departments].filter((id) => page.includes(`>${id}<`));
      for (const [client, sid] of came) {
        t.ok(listed.includes(client), `${client} is listed`);
        await until(() => isTold(client, sid));
      }
      const events = await database.sql<{ event: { detail: { clients: string[] } } }[]>`
        select event from (select event::jsonb from audit_inbox union all select event::jsonb from audit_log) e
        where event ->> 'type' = 'session.ended' order by event ->> 'at' desc limit 2`;
      const said = events.flatMap(({ event }) => event.detail.clients);
      t.same(
        listed.filter((id) => !said.includes(id)),
        [],
        'and stands in the trail',
      );
    });

  await t.test('a consent is withdrawn once another browser has come', async (t) => {
    const [citizen, elsewhere] = [await signIn(), await signIn()];
    const place = '/account/authorizations/d0';
    const { answer, done: sid } = await pressed(citizen, [place, place], 'consents', async (letGo) => {
      const sid = await visit(elsewhere, 'd0');
      letGo();
      return sid;
    });
    t.match(answer.headers.get('location'), /done=withdrawn/);
    if (!sid) throw new Error('no token');
    await until(() => isTold('d0', sid));
    t.equal(await visit(elsewhere, 'd0'), undefined, 'nor is it given again by what that session held');
  });
  t.same(told.wrong, []);
};

t.test('departments that are come to while a session ends', meanwhile(false));
t.test('and so with Redis', wants('redis-server'), meanwhile(true));
