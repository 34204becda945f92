import fs from 'node:fs';
import { join } from 'node:path';
import { generateKeyPair, importJWK } from 'jose';
import t, { type Test } from 'tap';
import { createAttempts } from '../../src/audit/audit.ts';
import { runner } from '../cli/world.ts';
import { onward, type Page, password, person, Visitor } from '../signin/visitor.ts';
import { Jar, pkce } from '../support/browser.ts';
import { type City, city } from '../support/city.ts';
import { database, type TestDatabase } from '../support/database.ts';
import { assertion, assertionType, basicHeader } from '../support/department.ts';
import { until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { type Trail, trail } from './support.ts';

t.setTimeout(240_000);

type Key = Parameters<typeof assertion>[3];

interface Told {
  readonly type: string;
  readonly outcome: string;
  readonly client?: string;
  readonly subject?: string;
  readonly actor?: string;
  readonly code?: string;
  readonly detail?: Record<string, unknown>;
}

/** The trail's events, chained or not yet. */
async function told(db: TestDatabase): Promise<Told[]> {
  const rows = await db.sql<{ event: string }[]>`
    select event from audit_log union all select event from audit_inbox`;
  return rows.map(({ event }) => JSON.parse(event));
}

t.test('a flood', async (t) => {
  const { db, clock, open }: Trail = await trail(t);
  const audit = open();
  const troubles: unknown[] = [];
  let away = false;
  const attempts = createAttempts({
    database: {
      begin: (work) => (away ? Promise.reject(Object.assign(new Error(), { code: 'ECONNREFUSED' })) : db.begin(work)),
    },
    record: audit.record,
    clock,
    reference: (address) => Buffer.from(`ref of ${address.length}`),
    onTrouble: (error) => troubles.push(error),
  });
  const wrong = (address: string, reason = 'secret') =>
    attempts.note({ type: 'client.refused', client: 'renshe', address, detail: { reason } });
  const counts = async (reason: string) =>
    (await told(db)).filter(({ detail }) => detail?.reason === reason).map(({ detail }) => detail?.count ?? 1);

  t.teardown(() => attempts.stop());
  await t.test('of one is a few events that say how many', async (t) => {
    for (let n = 0; n < 2_345; n++) wrong('192.0.2.1');
    await until(async () => (await counts('secret')).length === 4);
    t.same(await counts('secret'), [1, 9, 90, 900]);
    clock.move(60_000);
    wrong('192.0.2.1');
    await until(async () => (await counts('secret')).length === 6);
    t.same((await counts('secret')).slice(4), [1_345, 1], 'the minute is over: the rest of it, and the next');
    t.notMatch(JSON.stringify(await told(db)), /192\.0\.2/, 'no address');
  });
  await t.test('of many is a hundred kinds, and one for all others', async (t) => {
    clock.move(60_000);
    for (let n = 0; n < 5_000; n++) wrong('x'.repeat(n), 'method');
    attempts.note({ type: 'consent.declined', subject: 'somebody', detail: { reason: 'all' } });
    clock.move(60_000);
    wrong('', 'next');
    await until(async () => (await counts('next')).length === 1);
    t.equal((await counts('method')).length, 100);
    const others = (await told(db)).filter(({ detail }) => detail?.reason === undefined);
    t.ok(others.length > 0 && others.length < 6, `${others.length} for all others`);
    t.equal(
      others.reduce((sum, { detail }) => sum + Number(detail?.count ?? 1), 0),
      4_900,
    );
    t.ok((await told(db)).some(({ type, subject }) => type === 'consent.declined' && subject === 'somebody'));
    t.ok(others.every(({ client, actor }) => client === undefined && actor === undefined));
  });
  await t.test('while the records are away waits for them', async (t) => {
    attempts.start();
    away = true;
    wrong('198.51.100.7', 'expired');
    await until(() => troubles.length > 0);
    t.same(await counts('expired'), []);
    away = false;
    await until(async () => (await counts('expired')).length === 1);
  });
  await t.test('an event that nobody can write is in no other one’s way', async () => {
    const before = troubles.length;
    attempts.note({ type: 'client.refused', detail: { secret: 'x' } } as never);
    await until(() => troubles.length > before);
    wrong('203.0.113.9', 'unknown');
    await until(async () => (await counts('unknown')).length === 1);
  });
});

t.test('through the front door', async (t) => {
  const db = await database(t);
  const own = await crowded(t, db);
  const seen = expecting(t, db);
  const egret = runner(t, {
    EGRET_DATABASE_URL: db.url,
    EGRET_DATA: own.data,
    EGRET_KEY_FILE: join(own.data, 'keys', 'key-encryption.key'),
    EGRET_BASE_PORT: String(own.base),
  });
  const secret = fs.readFileSync(join(own.data, 'portals', 'gongjijin.secret'), 'utf8').trim();
  const send = (path: string, fields: Record<string, string> | string, headers = {}) =>
    fetch(own.issuer + path, {
      method: 'POST',
      body: new URLSearchParams(fields).toString(),
      headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
    });
  const authorize = (more: Record<string, string> = {}, tail = '') =>
    fetch(`${own.issuer}/authorize?${new URLSearchParams({ ...asked(own), ...more })}${tail}`, { redirect: 'manual' });
  const credentials = { grant_type: 'client_credentials' };
  const signed = async (client: string, key: Key, more = {}) => ({
    ...credentials,
    client_assertion_type: assertionType,
    client_assertion: await assertion(own, { iss: client, sub: client, ...more }, { kid: undefined }, key),
  });

  await t.test('departments', async () => {
    const refused = (client: string | undefined, reason: string, method: string) =>
      ({ type: 'client.refused', client, detail: { error: 'invalid_client', at: 'token', reason, method } }) as const;
    const foreign = (await generateKeyPair('ES256')).privateKey;
    const file = fs.globSync(join(own.data, 'portals', '**/renshe*.{json,jwk}'))[0] ?? '';
    const true1 = (await importJWK(JSON.parse(fs.readFileSync(file, 'utf8')), 'ES256')) as Key;

    await send('/token', credentials, basicHeader('gongjijin', 'evil-secret'));
    await seen(refused('gongjijin', 'secret', 'basic'));
    await send('/token', credentials, basicHeader('evil-client', 'evil-secret'));
    await seen(refused(undefined, 'unknown', 'basic'));
    await send('/token', await signed('renshe', foreign));
    await seen(refused('renshe', 'signature', 'assertion'));
    await send('/token', await signed('renshe', true1, { aud: 'https://evil.example' }));
    await seen(refused('renshe', 'other-audience', 'assertion'));
    const once = await signed('renshe', true1);
    for (const _ of [1, 2]) await send('/token', once);
    await seen(refused('renshe', 'replayed', 'assertion'));
    await send('/token', { ...(await signed('renshe', true1)), client_id: 'yibao' });
    await seen({ type: 'client.refused', detail: { error: 'invalid_request', reason: 'other-client' } });
    await egret('clients stop yibao');
    await until(async () => (await authorize({ client_id: 'yibao' })).status === 400);
    await seen({ type: 'authorization.refused', client: 'yibao', code: 'EG-1602', detail: { reason: 'stopped' } });
    await send('/introspect', await signed('yibao', foreign));
    await seen({ type: 'client.refused', client: 'yibao', detail: { at: 'introspection', reason: 'stopped' } });
  });

  await t.test('authorization requests', async () => {
    const refused = (reason: string, error: string, client?: string) =>
      ({ type: 'authorization.refused', client, code: 'EG-1602', detail: { error, reason } }) as const;
    await authorize({ redirect_uri: 'https://evil.example/callback' });
    await seen(refused('redirect-uri', 'invalid_redirect_uri', 'haochaping'));
    await authorize({ client_id: 'evil-client' });
    await seen(refused('unknown', 'invalid_client'));
    await authorize({ code_challenge_method: 'plain' });
    await seen(refused('pkce', 'invalid_request', 'haochaping'));
    await authorize({ scope: 'openid identity' });
    await seen(refused('scope', 'invalid_scope', 'haochaping'));
    await authorize({}, '&scope=openid');
    await seen({ type: 'request.refused', detail: { reason: 'duplicate', route: 'authorization' } });
    await fetch(`${own.issuer}/metrics`);
    await seen({ type: 'request.refused', code: 'EG-1002', detail: { reason: 'admin-path' } });
  });

  const citizen = new Visitor(own);
  const who = person('测试甲', '350299199001010117', '15400000117');
  await citizen.register(who);

  await t.test('tokens', async (t) => {
    const fund = {
      client_id: 'gongjijin',
      redirect_uri: `${own.portal(2)}/callback`,
      scope: 'openid profile realname',
    };
    const denied = await visit(own, citizen, fund, 'decline');
    t.equal(denied.get('error'), 'access_denied');
    const declined = { type: 'consent.declined', client: 'gongjijin', detail: { reason: 'all' } };
    t.ok((await seen(declined)).subject, 'whose it was, as a reference');
    t.ok((await visit(own, citizen, fund)).get('code'));
    t.same((await seen({ ...declined, detail: { reason: 'some' } })).detail?.scopes, ['profile']);

    const { verifier, challenge } = pkce();
    const code = (await visit(own, citizen, { code_challenge: challenge })).get('code') ?? '';
    const redeem = (word: string) => send('/token', { ...redemption(own), code, code_verifier: word });
    const refused = (at: string, reason: string, client?: string) =>
      ({ type: 'token.refused', client, detail: { at, reason } }) as const;
    await redeem(pkce().verifier);
    await seen(refused('token', 'pkce', 'haochaping'));
    const { access_token: token, id_token: idToken } = (await (await redeem(verifier)).json()) as Record<
      string,
      string
    >;
    await redeem(verifier);
    await seen(refused('token', 'spent', 'haochaping'));
    await send('/token', { ...redemption(own), code: `07${'x'.repeat(43)}`, code_verifier: verifier });
    await seen(refused('token', 'unknown', 'haochaping'));
    await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    await seen(refused('userinfo', 'unknown', 'haochaping'));

    const again = pkce();
    const second = (await visit(own, citizen, { code_challenge: again.challenge })).get('code') ?? '';
    const answer = await send('/token', { ...redemption(own), code: second, code_verifier: again.verifier });
    const { access_token: fresh = '' } = (await answer.json()) as Record<string, string>;
    const basic = basicHeader('gongjijin', secret);
    const about = (reason: string, client: string) =>
      ({ type: 'introspection.refused', client, detail: { reason } }) as const;
    t.same(await (await send('/introspect', { token: fresh }, basic)).json(), { active: false });
    await seen(about('other-client', 'gongjijin'));
    await send('/introspect', { token: fresh, client_id: 'haochaping' });
    await seen(about('public-client', 'haochaping'));
    await send('/introspect', { token: idToken ?? '' }, basic);
    await seen(about('structured', 'gongjijin'));
    await send('/revoke', { token: fresh }, basic);
    await seen(refused('revocation', 'other-client', 'gongjijin'));
    t.equal((await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${fresh}` } })).status, 200);
  });

  await t.test('forms and other browsers', async () => {
    const visitor = new Visitor(own);
    await visitor.begin('');
    const refused = (reason: string, code: string) => ({ type: 'request.refused', code, detail: { reason } });
    const post = (jar: Jar, fields: [string, string][] | string, headers = {}) =>
      jar.fetch(`${visitor.at}/password`, { method: 'POST', body: new URLSearchParams(fields), headers });
    await post(visitor.jar, [['form_token', 'evil']], { origin: own.issuer });
    await seen(refused('form-token', 'EG-1003'));
    await post(visitor.jar, [], { origin: 'https://evil.example' });
    await seen(refused('origin', 'EG-1003'));
    await post(visitor.jar, `login_id=${'x'.repeat(100_000)}`, { origin: own.issuer });
    await seen(refused('oversize', 'EG-1005'));
    const [, token = ''] = /name="form_token" value="([^"]+)"/.exec((await visitor.see()).page) ?? [];
    const twice: [string, string][] = [
      ['form_token', token],
      ['login_id', 'a'],
      ['login_id', 'b'],
    ];
    await post(visitor.jar, twice, { origin: own.issuer });
    await seen(refused('field', 'EG-1001'));
    await new Jar().fetch(visitor.at);
    await seen({ ...refused('interaction', 'EG-1004'), detail: { reason: 'interaction', route: '/signin/:uid' } });
    const resume = visitor.at.replace('/signin/', '/authorize/');
    for (let n = 0; n < 9; n++) await new Jar().fetch(resume);
    await seen({ ...refused('interaction', 'EG-1004'), detail: { reason: 'interaction', count: 9 } });
    await visitor.see('/ticket?state=evil-state&trustticket=evil-ticket');
    await seen(refused('state', 'EG-1003'));
    for (let n = 0; n < 3; n++) {
      await visitor.see('?way=register');
      await visitor.send('register', { mobile: '15400000125', agree_terms: 'on' });
    }
    await seen({ type: 'limit.hit', code: 'EG-1009', detail: { limit: 'registrationsPerAddress' } });
  });

  await t.test('proofs', async (t) => {
    const visitor = new Visitor(own);
    await visitor.begin();
    for (let n = 0; n < 6; n++) await visitor.byPassword(who.mobile, `evil-password-${n}`);
    await seen({ type: 'sign-in.paused', code: 'EG-1102', detail: { way: 'password' } });

    const levels = async (outcome: string) => (await seen({ type: 'sign-in.step-up', outcome })).detail;
    await citizen.begin('urn:egret:r0a2');
    await citizen.arrive(await citizen.send('decline'));
    t.match(await levels('refused'), { reason: 'declined' });
    await citizen.begin('urn:egret:r0a2');
    await citizen.arrive(await citizen.send('second-password', { password }));
    t.match(await levels('success'), { from: 'urn:egret:r1a1', to: 'urn:egret:r1a2' });
  });

  await t.test('a flood of them, and the trail is whole and says nothing of anybody', async (t) => {
    const wrong = () => send('/revoke', { token: 'evil-token' }, basicHeader('jianguan', 'evil-secret'));
    const of = async () =>
      (await told(db)).filter(({ type, client }) => type === 'client.refused' && client === 'jianguan');
    for (let n = 0; n < 10; n++) await Promise.all(Array.from({ length: 20 }, wrong));
    const total = (events: Told[]) => events.reduce((sum, { detail }) => sum + Number(detail?.count ?? 1), 0);
    await until(async () => total(await of()) >= 100);
    t.ok((await of()).length <= 8, `${(await of()).length} events of 200 requests`);
    const tail = JSON.parse((await egret('audit tail --limit 200 --json')).out) as Told[];
    t.ok(tail.some(({ type, client }) => type === 'client.refused' && client === 'jianguan'));
    await own.program.stop('SIGTERM');
    const all = await of();
    t.equal(total(all), 200, 'the process that ends tells the rest');
    t.ok(all.length <= 8, `${all.length} events`);
    t.notMatch(JSON.stringify(await told(db)), /evil|127\.0\.0\.1|::1|1540000|350299/, 'nothing of what was sent');
    const { code, out } = await egret('audit verify');
    t.equal(code, 0, out);
  });
});

/** Caps of an address that a test uses up, or does not; PostgreSQL is the test's own. */
function crowded(t: Test, db: TestDatabase): Promise<City> {
  const file = join(scratch(t, 'settings'), 'egret.yaml');
  const caps = Object.entries({
    sign_in: 10_000,
    codes: 10_000,
    registrations: 2,
    real_name: 10_000,
    interactions: 10_000,
  });
  const lines = caps.map(([name, count]) => `  ${name}_per_address: { count: ${count}, seconds: 600 }`);
  fs.writeFileSync(file, ['limits:', ...lines, 'accounts:', '  resend_after: 1', ''].join('\n'));
  return city(t, { EGRET_CONFIG: file, EGRET_DATABASE_URL: db.url });
}

/** Waits for the event, which comes beside the answer; answers it. */
function expecting(t: Test, db: TestDatabase) {
  return async ({ detail = {}, ...wanted }: Partial<Told>): Promise<Told> => {
    const like = (event: Told) =>
      Object.entries(wanted).every(([name, value]) => event[name as keyof Told] === value) &&
      Object.entries(detail).every(([name, value]) => event.detail?.[name] === value);
    const find = async () => (await told(db)).find(like);
    await until(async () => (await find()) !== undefined, 15_000).catch(() => {});
    const found = await find();
    const name = `${wanted.type} ${wanted.client ?? ''} ${Object.values(detail).join(' ')}`;
    t.ok(found, name);
    if (!found) t.comment(JSON.stringify((await told(db)).filter(({ type }) => type === wanted.type)));
    return found as Told;
  };
}

const asked = (own: City): Record<string, string> => ({
  client_id: 'haochaping',
  redirect_uri: `${own.portal(5)}/callback`,
  response_type: 'code',
  scope: 'openid',
  code_challenge: pkce().challenge,
  code_challenge_method: 'S256',
});
const redemption = (own: City) => ({
  grant_type: 'authorization_code',
  client_id: 'haochaping',
  redirect_uri: `${own.portal(5)}/callback`,
});

/** An authorization request of somebody signed in, through notice and consent; answers what the department gets. */
async function visit(
  own: City,
  visitor: Visitor,
  more: Record<string, string>,
  decision = 'agree',
): Promise<URLSearchParams> {
  let target = `${own.issuer}/authorize?${new URLSearchParams({ ...asked(own), ...more })}`;
  for (let step = 0; step < 6; step++) {
    const { answer, to } = await visitor.jar.follow(target);
    if (to) return new URL(to).searchParams;
    const page = await answer.text();
    const [, uid, form = ''] = /action="\/signin\/([\w-]+)\/(consent|roaming)/.exec(page) ?? [];
    if (!uid) throw new Error(`not on the way: ${answer.status} ${page.slice(0, 400)}`);
    visitor.at = `${own.issuer}/signin/${uid}`;
    const [, items] = /name="items" value="([^"]*)"/.exec(page) ?? [];
    const fields = { decision: form === 'consent' ? decision : 'continue', ...(items ? { items } : {}) };
    const next: Page = await visitor.send(form, fields);
    target = new URL(onward(next), own.issuer).href;
    if (!target.startsWith(own.issuer)) return new URL(target).searchParams;
  }
  throw new Error('too many pages between');
}
