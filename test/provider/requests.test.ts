import { randomUUID } from 'node:crypto';
import { generateKeyPair, SignJWT, UnsecuredJWT } from 'jose';
import t from 'tap';
import { systemClock } from '../../src/clock.ts';
import { createConsents } from '../../src/consents/consents.ts';
import { allAcrValues, levelOf, meets } from '../../src/policy/policy.ts';
import { Jar, pkce } from '../support/browser.ts';
import { authorizeUrl, code, jwks, redeem } from '../support/department.ts';
import { accountId, client } from '../support/op.ts';
import { asking, minutes, type Outcome, payload } from './asking.ts';

/** What a department may ask of a sign-in, and what it gets. */
const { own, tokens, later, ask, idToken, reads, sessionOf, signedIn } = await asking(t, {
  clients: [
    client('second', { auth: 'private_key_jwt', grants: ['authorization_code'], jwks }),
    // what no department should be given, and a record may still say
    client('mixed', { auth: 'private_key_jwt', grants: ['authorization_code'], jwks, origins: ['http://127.0.0.1:9'] }),
  ],
});

t.test('prompt=none asks nobody', async (t) => {
  const none = { prompt: 'none' };
  const stranger = await ask(new Jar(), 'basic', none);
  t.match(stranger, { error: 'login_required', asked: [] });
  t.equal(stranger.query.get('iss'), own.issuer);
  t.equal(stranger.query.get('state'), 's');
  t.equal((await ask(new Jar(), 'basic', { ...none, state: '' })).query.get('state'), null, 'an empty one is none');

  const jar = await signedIn();
  t.match(await ask(jar, 'basic', none), { error: undefined, asked: [] });
  t.match(
    await ask(await signedIn(), 'second'),
    { error: undefined, asked: ['roaming_notice'] },
    'a first visit is told',
  );
  t.match(await ask(jar, 'second', none), { error: undefined, asked: [] }, 'where nobody may be asked, it is not');
  t.match(await ask(jar, 'second'), { error: undefined, asked: ['roaming_notice'] }, 'and stays due');
  t.match(await ask(jar, 'second', { ...none, scope: 'openid profile' }), { error: 'consent_required', asked: [] });
  t.match(await ask(jar, 'basic', { ...none, max_age: '0' }), { error: 'login_required', asked: [] });
  t.match(await ask(jar, 'basic', { ...none, acr_values: 'urn:egret:r1a2' }), { error: undefined, asked: [] });
  for (const prompt of ['none login', 'login none', 'none consent'])
    t.match(await ask(jar, 'basic', { prompt }), { error: 'invalid_request', asked: [] }, prompt);
});

t.test('a request posted by another site finds the session that its form could not bring', async (t) => {
  const jar = await signedIn();
  const personal = { login_hint: '15400000629', id_token_hint: String((await tokens(jar, 'basic')).id_token) };
  const asks = { state: 'a b&c=d\r\n<>', ...personal };
  const { searchParams } = new URL(authorizeUrl(own, 'basic', pkce().challenge, asks));
  const posted = await fetch(`${own.issuer}/authorize`, { method: 'POST', body: searchParams, redirect: 'manual' });
  t.equal(posted.status, 303);
  t.equal(posted.headers.get('set-cookie'), null, 'nothing is begun before it comes back');
  const place = new URL(posted.headers.get('location') ?? '', own.issuer);
  t.match(place.search, /^\?posted=[\w-]+$/, 'nothing personal stands in the address');
  const before = own.asked.length;
  const { to } = await jar.follow(place.href);
  const query = new URL(to ?? '').searchParams;
  t.match(query.get('code'), /^[0-6]\d/);
  t.equal(query.get('state'), 'a b&c=d\r\n<>', 'as it was sent');
  t.equal(own.asked.length, before, 'nobody is asked again');
  t.match(await ask(jar, 'basic', { ...Object.fromEntries(place.searchParams), prompt: 'x' }), { error: undefined });

  const statusOf = async (sealed: string): Promise<number> =>
    (await jar.fetch(`${own.issuer}/authorize?posted=${sealed}`)).status;
  const sealed = place.searchParams.get('posted') ?? '';
  t.equal(await statusOf(sealed), 303);
  const bent = `${sealed.slice(0, 40)}${sealed[40] === 'A' ? 'B' : 'A'}${sealed.slice(41)}`;
  for (const wrong of ['', bent, sealed.slice(0, -4), `${sealed}&posted=${sealed}`])
    t.equal(await statusOf(wrong), 400);
  await later(minutes(4), async () => void t.equal(await statusOf(sealed), 303));
  await later(minutes(6), async () => void t.equal(await statusOf(sealed), 400, 'one that is left lying'));
});

t.test('prompt=login asks again: same person, same session, new time', async (t) => {
  const jar = await signedIn();
  const before = await sessionOf(jar);
  const cookie = jar.clone();
  const first = await tokens(jar, 'basic');
  await later(5_000, async () => {
    const outcome = await ask(jar, 'basic', { prompt: 'login' });
    t.strictSame(outcome.asked, ['login']);
    const claims = await idToken('basic', outcome);
    t.equal(claims.sid, payload(first.id_token).sid, 'the department’s session is the same');
    t.equal(claims.sub, payload(first.id_token).sub);
    t.ok(Number(claims.auth_time) >= Number(payload(first.id_token).auth_time) + 5, 'auth_time moved');
    const after = await sessionOf(jar);
    t.equal(after.uid, before.uid);
    t.equal(after.loginTs, claims.auth_time);
    t.equal(await sessionOf(cookie), undefined, 'the cookie of before opens nothing');
    t.equal(await reads(first.access_token), 200, 'what was given stands');
  });
  const other = { accountId: randomUUID(), acr: 'urn:egret:r1a1', amr: ['sms'] };
  const mine = own.person;
  own.person = other;
  const outcome = await ask(jar, 'basic', { prompt: 'login' });
  own.person = mine;
  const claims = await idToken('basic', outcome);
  t.not(claims.sub, payload(first.id_token).sub, 'somebody else signed in');
  t.equal((await sessionOf(jar)).accountId, other.accountId);
  t.not((await sessionOf(jar)).uid, before.uid, 'on a session of their own');
  t.equal(await reads(first.access_token), 401);
});

t.test('prompt=consent asks though it stands; the person may decline', async (t) => {
  const jar = await signedIn();
  const given = { accountId, clientId: 'basic', itemsVersion: own.wording('basic'), language: 'zh-CN' };
  await own.consents.give({ ...given, granted: ['profile'], declined: [] });
  const scope = 'openid profile';
  t.match(await ask(jar, 'basic', { scope }), { asked: [], error: undefined }, 'given elsewhere, found by one look-up');
  t.match(await ask(jar, 'basic', { scope, prompt: 'consent' }), { asked: ['consent'], error: undefined });
  t.match(await ask(jar, 'basic', { scope, prompt: 'login consent' }), { asked: ['login', 'consent'] });
  t.match(await ask(jar, 'basic', { scope, prompt: 'consent login' }), { asked: ['login', 'consent'] });

  own.answers.set('consent', { error: 'access_denied', error_description: 'declined' });
  const declined = await ask(jar, 'basic', { scope, prompt: 'consent' });
  own.answers.delete('consent');
  t.equal(declined.error, 'access_denied');
  t.equal(declined.query.get('iss'), own.issuer);
  t.equal(declined.query.get('code'), null);

  const scopes = async (token: unknown): Promise<string[]> => {
    const info = await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
    return info.status === 200 ? Object.keys((await info.json()) as object).sort() : [];
  };
  const beside = await signedIn();
  const [old, oldBeside] = [await tokens(jar, 'basic', { scope }), await tokens(beside, 'basic', { scope })];
  for (const { access_token: token } of [old, oldBeside])
    t.strictSame(await scopes(token), ['nickname', 'sub', 'updated_at', 'user_type']);
  // what the page does when a box is no longer ticked
  await own.consents.give({ ...given, granted: [], declined: ['profile'] });
  for (const [at, more] of [
    [jar, { scope, prompt: 'consent' }],
    [beside, { scope }],
    [await signedIn(), { scope }],
  ] as const) {
    const { json } = await redeem(own, 'basic', await code(own, at, 'basic', more));
    t.equal(json.scope, 'openid', 'what was taken back is in no token');
    t.strictSame(await scopes(json.access_token), ['sub', 'user_type']);
  }
  for (const { access_token: token } of [old, oldBeside]) t.strictSame(await scopes(token), [], 'nor in one of before');

  // a process that has not heard of it yet asks the record when its own page comes back
  const reference = (account: string): Buffer => own.keys.vault.mac('audit-ref', account);
  const { database, keys } = own;
  const unheard = { database, audit: keys.audit, clock: systemClock, reference, onWithdrawn: async () => {} };
  await own.consents.give({ ...given, granted: ['profile'], declined: [] });
  const last = await signedIn();
  t.equal((await tokens(last, 'basic', { scope })).scope, scope);
  await createConsents(unheard).give({ ...given, granted: [], declined: ['profile'] });
  t.equal((await tokens(last, 'basic', { scope, prompt: 'consent' })).scope, 'openid');
});

t.test('values that are none of ours are refused at the department’s address', async (t) => {
  const jar = await signedIn();
  const cases: [Record<string, string>, string][] = [
    [{ prompt: 'create' }, 'invalid_request'],
    [{ prompt: 'select_account' }, 'invalid_request'],
    [{ prompt: 'LOGIN' }, 'invalid_request'],
    [{ prompt: 'step_up' }, 'invalid_request'],
    [{ prompt: 'roaming_notice' }, 'invalid_request'],
    [{ prompt: 'login nothing' }, 'invalid_request'],
    [{ max_age: '-1' }, 'invalid_request'],
    [{ max_age: 'soon' }, 'invalid_request'],
    [{ max_age: '1.5' }, 'invalid_request'],
    [{ max_age: '9007199254740992' }, 'invalid_request'],
    [{ max_age: '9'.repeat(400) }, 'invalid_request'],
    [{ max_age: 'NaN' }, 'invalid_request'],
    [{ scope: 'openid identity' }, 'invalid_scope'],
    [{ scope: 'openid "quoted"' }, 'invalid_scope'],
    [{ scope: 'profile', nonce: 'n' }, 'invalid_request'],
  ];
  for (const [more, error] of cases) {
    const outcome = await ask(jar, 'basic', more);
    t.match(outcome, { error, asked: [] }, JSON.stringify(more).slice(0, 60));
    t.equal(outcome.query.get('iss'), own.issuer);
    t.equal(outcome.query.get('state'), 's');
  }
  t.match(await ask(jar, 'basic', { scope: 'openid nothing' }), { error: undefined }, 'an unknown scope is ignored');
  t.match(
    await ask(jar, 'basic', { unknown: 'x', claims: '{', resource: 'x' }),
    { error: undefined },
    'as is the unknown',
  );
});

t.test('max_age: how long ago the person may have signed in', async (t) => {
  const jar = await signedIn();
  const { loginTs } = await sessionOf(jar);
  await later(100_000, async () => {
    for (const age of ['200', '86400', '9007199254740991']) {
      const outcome = await ask(jar, 'basic', { max_age: age });
      t.strictSame(outcome.asked, [], age);
      t.equal((await idToken('basic', outcome)).auth_time, loginTs);
    }
    t.match(await ask(jar, 'basic', { max_age: '50', prompt: 'none' }), { error: 'login_required' });
    const again = await ask(jar, 'basic', { max_age: '50' });
    t.strictSame(again.asked, ['login']);
    const { auth_time: moved } = await idToken('basic', again);
    t.ok(Number(moved) >= loginTs + 100);
    t.strictSame((await ask(jar, 'basic', { max_age: '50' })).asked, [], 'now it is recent');
    t.strictSame((await ask(jar, 'basic', { max_age: '0' })).asked, ['login'], '0 is prompt=login');
  });
});

t.test('id_token_hint: the person it names, or nobody', async (t) => {
  const jar = await signedIn();
  const mine = await tokens(jar, 'basic');
  const elsewhere = await tokens(jar, 'public');
  const someone = own.person;
  own.person = { accountId: randomUUID(), acr: 'urn:egret:r0a1', amr: ['pwd'] };
  const theirs = await tokens(new Jar(), 'basic');
  own.person = someone;
  const hint = (value: unknown, more = {}) => ({ id_token_hint: String(value), ...more });
  t.match(await ask(jar, 'basic', hint(mine.id_token, { prompt: 'none' })), { error: undefined });
  t.match(await ask(jar, 'basic', hint(theirs.id_token, { prompt: 'none' })), { error: 'login_required' });
  t.match(await ask(new Jar(), 'basic', hint(mine.id_token, { prompt: 'none' })), { error: 'login_required' });
  t.match(await ask(new Jar(), 'basic', hint(mine.id_token)), { error: undefined, asked: ['login'] });
  await later(minutes(15), async () => {
    t.ok(Number(payload(mine.id_token).exp) * 1000 < Date.now());
    t.match(await ask(jar, 'basic', hint(mine.id_token, { prompt: 'none' })), { error: undefined }, 'one that is over');
  });

  const claims = payload(mine.id_token);
  const header = { alg: 'ES256', kid: own.keys.signingKeys().keys[0]?.kid ?? '' };
  const thief = await generateKeyPair('ES256');
  const [head, body, tail] = String(mine.id_token).split('.');
  const cases: Record<string, string> = {
    'another client’s': String(elsewhere.id_token),
    'an access token': String(mine.access_token),
    'a word': 'hint',
    'another key under our name': await new SignJWT(claims).setProtectedHeader(header).sign(thief.privateKey),
    'alg none': new UnsecuredJWT(claims).encode(),
    'HS256 with the public key': await new SignJWT(claims)
      .setProtectedHeader({ alg: 'HS256' })
      .sign(new TextEncoder().encode(JSON.stringify(own.keys.publicJwks().keys[0]))),
    'no signature': `${head}.${body}.`,
    'another body': `${head}.${Buffer.from(JSON.stringify({ ...claims, sub: 'x' })).toString('base64url')}.${tail}`,
    'ten thousand characters': 'x'.repeat(10_000),
  };
  for (const [name, value] of Object.entries(cases))
    t.match(await ask(jar, 'basic', hint(value)), { error: 'invalid_request', asked: [] }, name);
});

t.test('login_hint and ui_locales reach our pages', async (t) => {
  const params = { login_hint: '13900000001', ui_locales: 'en zh-CN', display: 'popup' };
  t.match(await ask(new Jar(), 'basic', params), { error: undefined, asked: ['login'] });
  t.match(own.asked.at(-1)?.params, { login_hint: '13900000001', ui_locales: 'en zh-CN', client_id: 'basic' });
  t.match(await ask(new Jar(), 'basic', { login_hint: '<script>', ui_locales: '*' }), { error: undefined });
});

t.test('acr_values are voluntary, and what is answered is true', async (t) => {
  const signIn = async (acr: string, amr: string[], more = {}): Promise<[Outcome, Record<string, unknown>, Jar]> => {
    own.person = { accountId, acr, amr };
    const jar = new Jar();
    const outcome = await ask(jar, 'basic', more);
    own.person = { accountId, acr: 'urn:egret:r1a1', amr: ['pwd'] };
    return [outcome, await idToken('basic', outcome), jar];
  };
  const [low, lowClaims, jar] = await signIn('urn:egret:r0a1', ['sms']);
  t.strictSame(low.asked, ['login']);
  t.match(lowClaims, { acr: 'urn:egret:r0a1', amr: ['sms'] });

  const declined = await ask(jar, 'basic', { acr_values: 'urn:egret:r1a1' });
  t.strictSame(declined.asked, ['step_up'], 'led to the real name');
  t.equal((await idToken('basic', declined)).acr, 'urn:egret:r0a1', 'declined: the level reached');

  for (const acr of ['urn:egret:r2a1', 'urn:egret:r3a3', 'urn:egret:r0a3', 'urn:other', 'r1a1', '<b>']) {
    const outcome = await ask(jar, 'basic', { acr_values: acr });
    t.strictSame(outcome.asked, [], `${acr}: no way leads there yet`);
    t.equal((await idToken('basic', outcome)).acr, 'urn:egret:r0a1');
  }
  const login = { accountId, acr: 'urn:egret:r1a2', amr: ['pwd', 'sms', 'mfa'] };
  own.answers.set('step_up', { step_up: {}, login });
  const raised = await ask(jar, 'basic', { acr_values: 'urn:egret:r2a1 urn:egret:r1a1' });
  own.answers.delete('step_up');
  t.strictSame(raised.asked, ['step_up'], 'the first that can be reached');
  const claims = await idToken('basic', raised);
  t.match(claims, { acr: 'urn:egret:r1a1', amr: ['pwd', 'sms', 'mfa'] }, 'the value that was asked for and is met');
  const session = await sessionOf(jar);
  t.match(session, { acr: 'urn:egret:r1a2', amr: ['pwd', 'sms', 'mfa'], loginTs: claims.auth_time });

  for (const wanted of allAcrValues) {
    const outcome = await ask(jar, 'basic', { acr_values: wanted, prompt: 'none' });
    const { acr } = await idToken('basic', outcome);
    const met = meets(levelOf(session.acr)!, levelOf(wanted)!);
    t.equal(acr, met ? wanted : session.acr, `asked for ${wanted}`);
    t.ok(meets(levelOf(session.acr)!, levelOf(String(acr))!), 'never above the session');
  }
  const [direct, directClaims] = await signIn('urn:egret:r0a1', ['pwd'], { acr_values: 'urn:egret:r1a1' });
  t.strictSame(direct.asked, ['login', 'step_up'], 'a sign-in first, the level after');
  t.equal(directClaims.acr, 'urn:egret:r0a1');
});

t.test('CORS: the registered origins of public clients, and no other', async (t) => {
  const jar = await signedIn();
  const origin = 'http://127.0.0.1:9';
  const allowed = (answer: Response): string | null => answer.headers.get('access-control-allow-origin');
  const held = { basic: await tokens(jar, 'basic'), public: await tokens(jar, 'public') };
  const mixed = await tokens(jar, 'mixed');
  const info = (token: unknown, from: string) =>
    fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}`, origin: from } });
  t.equal(allowed(await info(held.public.access_token, origin)), origin);
  const denied: [string, unknown, string][] = [
    ['a stranger', held.public.access_token, 'https://stranger.example'],
    ['a port beside it', held.public.access_token, 'http://127.0.0.1:90'],
    ['null', held.public.access_token, 'null'],
    ['upper case', held.public.access_token, 'HTTP://127.0.0.1:9'],
    ['a confidential client', held.basic.access_token, origin],
    ['a confidential client whose record names it', mixed.access_token, origin],
  ];
  for (const [name, token, from] of denied) {
    const answer = await info(token, from);
    t.equal(allowed(answer), null, name);
    t.equal(answer.status, 400, name);
  }
  const refresh = async (from: string) =>
    fetch(`${own.issuer}/token`, {
      method: 'POST',
      headers: { origin: from },
      body: new URLSearchParams({
        grant_type: 'refresh_token',
        client_id: 'public',
        refresh_token: String(held.public.refresh_token),
      }),
    });
  const stranger = await refresh('https://stranger.example');
  t.strictSame([stranger.status, allowed(stranger)], [400, null]);
  const fine = await refresh(origin);
  t.strictSame([fine.status, allowed(fine)], [200, origin], 'the stranger spent nothing');
  t.equal(fine.headers.get('access-control-allow-credentials'), null, 'never with cookies');

  for (const path of ['/token', '/userinfo', '/revoke']) {
    const answer = await fetch(own.issuer + path, {
      method: 'OPTIONS',
      headers: { origin, 'access-control-request-method': 'POST', 'access-control-request-headers': 'authorization' },
    });
    t.equal(answer.status, 204, path);
    t.match(answer.headers.get('access-control-allow-methods'), 'POST');
    t.match(answer.headers.get('access-control-allow-headers'), 'authorization');
    t.match(answer.headers.get('vary'), /origin/i);
  }
  for (const path of ['/.well-known/openid-configuration', '/jwks'])
    t.equal(allowed(await fetch(own.issuer + path, { headers: { origin: 'https://stranger.example' } })), '*', path);
  const page = await fetch(authorizeUrl(own, 'public', pkce().challenge), { redirect: 'manual', headers: { origin } });
  t.equal(allowed(page), null, 'pages are not read across origins');
});

t.test('nothing of this was a fault', async (t) => {
  t.same(
    own.errors.filter((error) => !((error as { statusCode?: number }).statusCode! < 500)),
    [],
  );
});
