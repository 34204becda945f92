import t from 'tap';
import { mustGoOn } from '../races/citizen.ts';
import { database } from '../support/database.ts';
import { authenticate, jwks } from '../support/department.ts';
import { client, redirect } from '../support/op.ts';
import { pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { sqlWire, type Work } from '../support/sql-wire.ts';
import { wants } from '../support/wants.ts';
import { Passer } from './passer.ts';

t.setTimeout(240_000);

/**
 * What two gateways say to PostgreSQL without being asked, by text: new keys, clients, endings and messages are looked
 * for, audit events handed over and chained. The first test holds this list against what is heard while nobody asks
 * anything; what else is heard was said for a request. A statement of a request that read like one of these would pass
 * here, but not the test in which PostgreSQL does not answer.
 */
const byThemselves = {
  keys: /^select epoch from key_set$/,
  clients: /^select version from clients_version$/,
  endings: /^select pg_snapshot_xmin\(pg_current_snapshot\(\)\)::text as open, .* from endings where xid >= /,
  messages: /^with due as \( select id, target, next_attempt_at from outbox /,
  'events to chain': /^select exists \(select from audit_inbox\) as any$/,
};
const afterEvents = [
  /^insert into audit_inbox \(event, mac\) select event, decode\(mac, 'hex'\) from unnest\(/,
  /^select xid, fate from unnest\(/,
  /^select pg_try_advisory_xact_lock\(hashtextextended\('egret audit chain', 0\)\) as locked$/,
  /^select number, hash, key, mac from audit_head$/,
  /^select arrived, event as text, mac from audit_inbox order by arrived /,
  /^select event_id::text as id from audit_log where event_id = any/,
  /^insert into audit_log \(number, event, mac, hash\)/,
  /^insert into audit_head /,
  /^delete from audit_inbox where arrived = any/,
  /^select exists \(select from audit_log\) as any$/,
];
/** Sessions that were ended: looked for when some were, and each minute. */
const toldOf = /^select digest, bucket, account_id, ended_by from sessions where ended_at is not null and /;
const unasked = [...Object.values(byThemselves), ...afterEvents, toldOf];
const ofRequests = (heard: readonly Work[]): Work[] =>
  heard.filter(({ statements }) => !statements.every((text) => unasked.some((known) => known.test(text))));

const password = 'otter-canal-92-plum';
const scope = 'openid profile';
const words = { zh: '试', en: 'try' };
const items = ['openid', 'profile'].map((each) => ({
  scope: each,
  group: 'told',
  purpose: words,
  without: words,
  basis: words,
}));

t.test('SQL of a request, counted on the wire before PostgreSQL', wants('redis-server'), async (t) => {
  const records = await database(t);
  const wire = await sqlWire(t, records.url);
  const signed = ['signed', 'signed-silent', 'signed-elsewhere', 'signed-alone'];
  const own = await pair(t, {
    redis: true,
    env: { EGRET_DATABASE_URL: wire.url },
    clients: () => [
      client('basic', {
        auth: 'client_secret_basic',
        grants: ['authorization_code', 'refresh_token', 'client_credentials'],
        items,
      }),
      client('public', {
        auth: 'none',
        kind: 'browser',
        grants: ['authorization_code', 'refresh_token'],
        origins: [new URL(redirect).origin],
        items,
      }),
      ...signed.map((id) => client(id, { auth: 'private_key_jwt', grants: ['authorization_code'], jwks, items })),
    ],
  });
  const department = { issuer: own.issuer, secret: await own.secret('basic') };
  const ask = async (path: string, id: string, form: Record<string, string>) => {
    const { body, headers } = await authenticate(department, id, form);
    const answer = await fetch(own.issuer + path, { method: 'POST', body, headers });
    return { status: answer.status, json: (await answer.json()) as Record<string, string> };
  };
  const redeem = async (id: string, url: URL, verifier: string): Promise<Record<string, string>> => {
    const tokens = await ask('/token', id, {
      grant_type: 'authorization_code',
      code: url.searchParams.get('code') ?? '',
      code_verifier: verifier,
      redirect_uri: redirect,
    });
    t.equal(tokens.status, 200, `tokens for ${id}`);
    return tokens.json;
  };
  const userinfo = (token: string | undefined) =>
    fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
  /** From the department's link to its tokens, with no page on the way. */
  const roam = async (who: Passer, id: string, asked = scope): Promise<Record<string, string>> => {
    const { url, verifier } = who.visit(id, { scope: asked });
    const { to, page } = await who.open(url);
    if (!to?.startsWith(redirect)) throw new Error(`a page on the way to ${id}: ${page.slice(0, 400)}`);
    return redeem(id, new URL(to), verifier);
  };
  const chained = async (): Promise<number> => {
    const [row] = await records.sql<{ count: number }[]>`
      select count(*)::int as count from audit_log where type in ('token.issued', 'personal-data.released')`;
    return row?.count ?? 0;
  };
  /** What was said for this work, until its last event stands in the chain: what is said late is heard too. */
  const said = async <T>(events: number, work: () => Promise<T>): Promise<{ value: T; said: Work[] }> => {
    const before = await chained();
    wire.reset();
    const value = await work();
    await until(async () => (await chained()) >= before + events);
    return { value, said: ofRequests(wire.heard) };
  };

  // one browser has agreed everywhere but at one; another of the same person signs in then
  const [person] = await own.people(1);
  const elsewhere = new Passer(own);
  const first = elsewhere.visit('public', { scope });
  await elsewhere.arrive(await elsewhere.register(person!, first.url, { password }));
  const agreed = ['basic', ...signed.filter((id) => id !== 'signed-elsewhere')];
  for (const id of agreed) await elsewhere.roam(id, { scope });
  const here = new Passer(own);
  const { url, verifier } = here.visit('public', { scope });
  const { at } = await here.form(url);
  const back = await here.arrive(mustGoOn(await here.send(at, 'password', { login_id: person!.mobile, password })));
  let tokens = await redeem('public', back, verifier);
  await until(async () => (await ask('/token', 'basic', { grant_type: 'client_credentials' })).status === 200);

  await t.test('while nobody asks anything', async (t) => {
    wire.reset();
    const wanted = Object.entries(byThemselves);
    const missing = () =>
      wanted.filter(([, text]) => !wire.heard.some(({ statements }) => text.test(statements[0] ?? '')));
    await until(() => missing().length === 0).catch(() => t.same(missing(), [], 'heard'));
    t.same(ofRequests(wire.heard), []);
  });

  for (const id of ['basic', 'signed'])
    await t.test(`a first visit of the session, consent standing, notice off: ${id}`, async (t) => {
      const { value, said: statements } = await said(1, () => roam(here, id));
      t.same(statements, []);

      const released = await said(1, () => userinfo(value.access_token));
      t.equal(released.value.status, 200);
      t.match(await released.value.json(), { updated_at: Number }, 'personal data');
      t.equal(released.said.length, 1, JSON.stringify(released.said));
      t.match(released.said[0], {
        transaction: true,
        statements: [/ from consents /, / from accounts /, /^insert into audit_inbox /],
      });
      t.equal(released.said[0]?.statements.length, 3, 'it is agreed to and read, and its release recorded');

      const alone = await roam(here, id, 'openid');
      wire.reset();
      t.equal((await userinfo(alone.access_token)).status, 200);
      t.same(ofRequests(wire.heard), [], 'userinfo without personal data');
    });

  await t.test('refresh, introspection, client credentials', async (t) => {
    const refreshed = await said(1, () =>
      ask('/token', 'public', { grant_type: 'refresh_token', refresh_token: tokens.refresh_token ?? '' }),
    );
    t.equal(refreshed.value.status, 200);
    t.same(refreshed.said, []);
    tokens = refreshed.value.json;
    const credentials = await said(1, () => ask('/token', 'basic', { grant_type: 'client_credentials' }));
    t.equal(credentials.value.status, 200);
    t.same(credentials.said, []);
    wire.reset();
    const introspected = await ask('/introspect', 'basic', { token: credentials.value.json.access_token ?? '' });
    t.match(introspected.json, { active: true });
    t.same(ofRequests(wire.heard), []);
  });

  await t.test('a consent given elsewhere since: one look-up before asking', async (t) => {
    await elsewhere.roam('signed-elsewhere', { scope });
    const { said: statements } = await said(1, () => roam(here, 'signed-elsewhere'));
    t.equal(statements.length, 1, JSON.stringify(statements));
    t.match(statements[0], {
      transaction: false,
      statements: [/^select \* from consents where account_id = \$1 and client_id = \$2 /],
    });
    const again = await said(1, () => roam(here, 'signed-elsewhere'));
    t.same(again.said, [], 'the session holds it now');
  });

  await t.test('PostgreSQL does not answer: none of it waits', async (t) => {
    wire.hold();
    await roam(here, 'signed-silent');
    const refreshed = await ask('/token', 'public', {
      grant_type: 'refresh_token',
      refresh_token: tokens.refresh_token ?? '',
    });
    t.equal(refreshed.status, 200, 'refresh');
    const credentials = await ask('/token', 'basic', { grant_type: 'client_credentials' });
    t.equal(credentials.status, 200, 'client credentials');
    t.match((await ask('/introspect', 'basic', { token: credentials.json.access_token ?? '' })).json, { active: true });
    wire.release();
    await until(async () => (await userinfo(refreshed.json.access_token)).status === 200);
  });

  await t.test('PostgreSQL is not there: no personal data, and the roam goes on', async (t) => {
    await wire.cut();
    const alone = await roam(here, 'signed-alone');
    const refused = await userinfo(alone.access_token);
    t.equal(refused.status, 503);
    t.match(refused.headers.get('retry-after'), /^\d+$/);
    await wire.mend();
    await until(async () => (await userinfo(alone.access_token)).status === 200);
  });
});
