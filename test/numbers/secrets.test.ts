import fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { closeRedis, openRedis } from '../../src/store/redis.ts';
import { mustGoOn } from '../races/citizen.ts';
import { authenticate, basicHeader, jwks } from '../support/department.ts';
import { client, redirect } from '../support/op.ts';
import { pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { wants } from '../support/wants.ts';
import { OpenJar, Passer, Secrets } from './passer.ts';
import { found, redisDump, tableDump } from './search.ts';

t.setTimeout(240_000);

const password = 'otter-canal-92-plum';
const scope = 'openid profile realname phone';
const words = { zh: '试', en: 'try' };
const items = scope.split(' ').map((each) => ({
  scope: each,
  group: 'told',
  purpose: words,
  without: words,
  basis: words,
}));
const scopes = scope.split(' ');
const kinds = [
  'ID number',
  'ID token',
  'SMS code',
  'access token',
  'authorization code',
  'client assertion',
  'client secret',
  'code verifier',
  'cookie egret',
  'cookie egret_b',
  'cookie egret_i',
  'cookie egret_r',
  'form token',
  'key-encryption key',
  'mobile',
  'name',
  'password',
  'province ticket',
  'refresh token',
  'sealed sign-out request',
  'state of the province',
];

t.test('nothing secret or personal stands in a log, in Redis or in a table', wants('redis-server'), async (t) => {
  const secrets = new Secrets();
  const keyFile = join(scratch(t, 'key'), 'key');
  const caps = ['sign_in', 'codes', 'registrations', 'real_name'].map((name) => [
    `${name}_per_address`,
    { count: 10_000, seconds: 60 },
  ]);
  const own = await pair(t, {
    redis: true,
    env: { EGRET_LOG: 'trace', EGRET_KEY_FILE: keyFile },
    settings: { limits: Object.fromEntries(caps), accounts: { resend_after: 1 } },
    clients: () => [
      client('basic', {
        auth: 'client_secret_basic',
        grants: ['authorization_code', 'refresh_token', 'client_credentials'],
        scopes,
        items,
      }),
      client('signed', { auth: 'private_key_jwt', grants: ['authorization_code'], jwks, scopes, items }),
      client('public', {
        auth: 'none',
        kind: 'browser',
        grants: ['authorization_code', 'refresh_token'],
        origins: [new URL(redirect).origin],
        scopes,
        items,
      }),
    ],
  });
  const [person] = await own.people(1, 4_711);
  if (!person) throw new Error('nobody');
  secrets.add('name', person.name);
  secrets.add('ID number', person.number);
  secrets.add('mobile', person.mobile);
  secrets.add('password', password);
  const department = { issuer: own.issuer, secret: await own.secret('basic') };
  secrets.add('client secret', department.secret);
  const redis = openRedis(own.redis?.url ?? '');
  t.teardown(() => closeRedis(redis));

  const heaps: [name: string, text: string][] = [];
  /** What stands in the stores at this moment: much of it is gone at the end. */
  const look = async (moment: string): Promise<void> => {
    heaps.push([`Redis ${moment}`, await redisDump(redis)], [`tables ${moment}`, await tableDump(own.database)]);
  };
  const ask = async (path: string, id: string, form: Record<string, string>) => {
    const { body, headers } = await authenticate(department, id, form);
    secrets.add('client assertion', body.get('client_assertion'));
    const answer = await fetch(own.issuer + path, { method: 'POST', body, headers });
    const text = await answer.text();
    const json = (text ? JSON.parse(text) : {}) as Record<string, string>;
    secrets.add('access token', json.access_token);
    secrets.add('refresh token', json.refresh_token);
    secrets.add('ID token', json.id_token, json.id_token?.split('.')[2]);
    return { status: answer.status, json };
  };
  const redeem = (id: string, visit: { code: string; verifier: string }) => {
    secrets.add('code verifier', visit.verifier);
    return ask('/token', id, {
      grant_type: 'authorization_code',
      code: visit.code,
      code_verifier: visit.verifier,
      redirect_uri: redirect,
    });
  };
  const userinfo = async (token: string | undefined) => {
    const answer = await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    t.equal(answer.status, 200);
    return (await answer.json()) as Record<string, unknown>;
  };
  let codes = 0;
  const code = async (): Promise<string> => {
    const value = await own.code(person.mobile, codes++);
    secrets.add('SMS code', value);
    return value;
  };

  // registration by forms, with a look into the stores between them
  const citizen = new Passer(own, new OpenJar(secrets));
  const way = citizen.visit('public', { scope, login_hint: person.mobile });
  const { at } = await citizen.form(way.url);
  await citizen.open(`${at}?way=register`);
  await citizen.send(at, 'register', { mobile: person.mobile, agree_terms: 'on' });
  const otp = await code();
  secrets.add('SMS code', '000000');
  await citizen.send(at, 'code', { otp: '000000' });
  await look('while a code is out');
  await citizen.send(at, 'code', { otp });
  await citizen.send(at, 'method', { new_password: person.mobile });
  await citizen.send(at, 'method', { new_password: password });
  await look('before the real name');
  await citizen.send(at, 'real-name', { full_name: person.name, id_number: person.number, card_type: '111' });
  await until(async () => (await citizen.open(at)).page.includes(`${at}?seen`));
  const arrived = await citizen.arrive(mustGoOn(await citizen.open(`${at}?seen=result`)));
  const here = await redeem('public', { code: arrived.searchParams.get('code') ?? '', verifier: way.verifier });
  t.equal(here.status, 200);
  t.match(await userinfo(here.json.access_token), { realname_name: person.name }, 'personal data went over the wire');

  // two more departments; refresh, introspection, a replay, wrong secrets
  const basic = await citizen.roam('basic', { scope });
  const tokens = await redeem('basic', basic);
  const signed = await redeem('signed', await citizen.roam('signed', { scope }));
  t.match(await userinfo(signed.json.access_token), { phone_number: `+86${person.mobile}` });
  const fresh = await ask('/token', 'public', {
    grant_type: 'refresh_token',
    refresh_token: here.json.refresh_token ?? '',
  });
  t.equal(fresh.status, 200);
  t.match((await ask('/introspect', 'basic', { token: tokens.json.access_token ?? '' })).json, { active: true });
  t.equal((await ask('/token', 'basic', { grant_type: 'client_credentials' })).status, 200);
  await look('while four tokens stand');
  t.equal((await redeem('basic', basic)).json.error, 'invalid_grant', 'a replay');
  const mistyped = `${department.secret}x`;
  const wrong = await fetch(`${own.issuer}/token`, {
    method: 'POST',
    headers: basicHeader('basic', mistyped),
    body: new URLSearchParams({ grant_type: 'client_credentials' }),
  });
  t.equal(wrong.status, 401);

  // what somebody puts where it does not belong
  for (const path of [
    `/userinfo?access_token=${fresh.json.access_token}`,
    `/nowhere/${person.mobile}?name=${encodeURIComponent(person.name)}`,
    `/signin/${person.number}?password=${password}`,
    `/session/end?id_token_hint=${here.json.id_token}&client_id=basic`,
    `/authorize?client_id=${person.number}&state=${password}&login_hint=${person.mobile}`,
    `/authorize?client_id=public&response_type=${person.mobile}&redirect_uri=${redirect}`,
    `/%zz${person.mobile}`,
  ])
    await citizen.fetch(`${own.issuer}${path}`).catch(() => {});

  // the same person in other browsers: SMS, a ticket of the province, a mistyped and a forgotten password
  const phone = new Passer(own, new OpenJar(secrets), 1);
  const bySms = await phone.form('/account');
  await phone.open(`${bySms.at}?way=sms`);
  const sent = async (who: Passer, place: string, action: string) => {
    await until(
      async () => !(await who.send(place, action, { mobile: person.mobile })).page.includes('刚刚发过验证码'),
    );
    return code();
  };
  await phone.open(mustGoOn(await phone.send(bySms.at, 'code', { otp: await sent(phone, bySms.at, 'mobile') })));
  const ticket = new Passer(own, new OpenJar(secrets));
  const byTicket = await ticket.form('/account');
  const away = new URL((await ticket.fetch(`${byTicket.at}/province`)).headers.get('location') ?? '');
  const given = await fetch(new URL('/dataset/UnifiedController/login.do', own.province), {
    method: 'POST',
    redirect: 'manual',
    body: new URLSearchParams({
      callerCode: 'EGRET',
      returnurl: away.searchParams.get('returnurl') ?? '',
      number: person.number,
    }),
    headers: { origin: own.province },
  });
  const back = given.headers.get('location') ?? '';
  secrets.add('province ticket', new URL(back).searchParams.get('trustticket'));
  await ticket.fetch(back);
  await until(async () => /http-equiv="refresh"|测\*/.test((await ticket.open(byTicket.at)).page));
  const forgetful = new Passer(own, new OpenJar(secrets));
  const forgot = await forgetful.form('/account');
  const other = 'heron-bridge-47-salt';
  secrets.add('password', other, 'badger-lantern-31-rye');
  await forgetful.send(forgot.at, 'password', { login_id: person.mobile, password: other });
  await forgetful.open(`${forgot.at}?way=recover`);
  await forgetful.send(forgot.at, 'code', { otp: await sent(forgetful, forgot.at, 'recover') });
  await look('while a password is being recovered');
  await forgetful.send(forgot.at, 'recover-identity', { full_name: person.name, id_number: person.number });
  await forgetful.send(forgot.at, 'new-password', { new_password: 'badger-lantern-31-rye' });
  await until(async () => (await forgetful.open(forgot.at)).page.includes('新密码设好了'));

  // sign-out, asked for by a department
  await look('before the sign-out');
  const visit = new Passer(own, new OpenJar(secrets));
  const last = visit.visit('public', { scope });
  const door = await visit.form(last.url);
  const login = { login_id: person.mobile, password: 'badger-lantern-31-rye' };
  const landed = await visit.arrive(mustGoOn(await visit.send(door.at, 'password', login)));
  const end = await redeem('public', { code: landed.searchParams.get('code') ?? '', verifier: last.verifier });
  const question = await visit.open(`/session/end?id_token_hint=${end.json.id_token}`);
  const field = (name: string) => new RegExp(`name="${name}" value="([^"]+)"`).exec(question.page)?.[1] ?? '';
  const out = await visit.fetch('/sign-out', {
    method: 'POST',
    headers: { origin: own.issuer },
    body: new URLSearchParams({ form_token: field('form_token'), request: field('request'), choice: 'all' }),
  });
  t.match(out.headers.get('location') ?? (await out.text()), /\/sign-out\/result\/|refresh/);
  await look('afterwards');
  for (const gateway of own.gateways) await gateway.stop('SIGTERM');
  own.gateways.forEach((gateway, n) => {
    heaps.push([`log of gateway ${n + 1}`, gateway.output()]);
  });
  secrets.add('key-encryption key', fs.readFileSync(keyFile, 'utf8').trim());

  t.same(
    secrets.kinds.filter(([, values]) => values.length === 0).map(([kind]) => kind),
    [],
    'of every kind something was met',
  );
  t.same(secrets.kinds.map(([kind]) => kind).sort(), kinds);
  await t.test('nowhere', async (t) => {
    for (const [name, text] of heaps) {
      t.ok(text.length > 300, `${name} holds something`);
      t.same([...found(text, secrets)], [], name);
    }
  });

  await t.test('what is planted is found', async (t) => {
    const { sql } = own.database;
    await sql`create table canaries (a text, b bytea, c jsonb, d text[])`;
    const [, log = ''] = heaps.at(-1) ?? [];
    for (const [kind, [value = '']] of secrets.kinds) {
      const line = JSON.stringify({ level: 10, msg: `seen: ${value}.` });
      t.ok(found(`${log}${line}\n`, secrets).has(kind), `${kind} in a log`);
      t.ok(found(`${log}/way?a=${encodeURIComponent(value)}`, secrets).has(kind), `${kind} in an address`);
      for (const plant of [
        () => redis.set('canary', value, 'PX', 60_000),
        () => redis.set(`canary ${value}`, '', 'PX', 60_000),
        () => redis.hset('canary', 'field', JSON.stringify({ value })),
        () => redis.rpush('canary', Buffer.from(`{"a":"${value}"}`).toString('base64')),
        () => redis.xadd('canary', '*', 'stamp', value),
      ]) {
        await plant();
        t.ok(found(await redisDump(redis), secrets).has(kind), `${kind} in Redis`);
        await redis.del('canary', `canary ${value}`);
      }
      for (const plant of [
        () => sql`insert into canaries (a) values (${value})`,
        () => sql`insert into canaries (b) values (${Buffer.from(`{"a":"${value}"}`)})`,
        () => sql`insert into canaries (c) values (${JSON.stringify({ value })}::text::jsonb)`,
        () => sql`insert into canaries (d) values (${['a', value]})`,
      ]) {
        await plant();
        t.ok(found(await tableDump(own.database), secrets).has(kind), `${kind} in a table`);
        await sql`delete from canaries`;
      }
    }
  });
});
