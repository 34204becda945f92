import { randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { redisState } from '../../src/provider/provider.ts';
import { digestOfUid } from '../../src/sessions/sessions.ts';
import { closeRedis, openRedis, redisReady } from '../../src/store/redis.ts';
import { Jar, pkce } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { authenticate, authorizeUrl, code, jwks, post, redeem } from '../support/department.ts';
import { accountId, type Op, op, redirect } from '../support/op.ts';
import { epochsAlone, redis } from '../support/redis.ts';
import { wants } from '../support/wants.ts';

async function suite(t: Test, own: Op): Promise<void> {
  await t.test('a code, tokens, userinfo, introspection, revocation', async (t) => {
    const jar = new Jar();
    for (const client of ['basic', 'signed', 'public']) {
      const issued = await code(own, jar, client);
      t.match(issued.code, /^[0-6]\d/, `${client} gets a code`);
      const { status, json } = await redeem(own, client, issued);
      t.equal(status, 200, JSON.stringify(json));
      t.match(json, { token_type: 'Bearer', access_token: String, id_token: String });
      const claims = JSON.parse(Buffer.from(String(json.id_token).split('.')[1] ?? '', 'base64url').toString());
      t.match(claims, {
        iss: own.issuer,
        aud: client,
        acr: 'urn:egret:r1a1',
        amr: ['pwd'],
        auth_time: Number,
        sid: String,
        user_type: 'citizen',
      });
      const info = await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${json.access_token}` } });
      t.equal(info.status, 200);
      t.equal(((await info.json()) as { sub: string }).sub, claims.sub);
      t.not(claims.sub, accountId, 'pairwise');
      if (client !== 'public')
        t.match((await post(own, '/introspect', client, { token: String(json.access_token) })).json, {
          active: true,
          client_id: client,
        });
      t.equal((await post(own, '/revoke', client, { token: String(json.access_token) })).status, 200);
      t.equal(
        (await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${json.access_token}` } })).status,
        401,
      );
    }
    const session = await own.sessions.read(jar.get('egret'));
    t.same(session?.visits.map((visit) => visit.clientId).sort(), ['basic', 'public', 'signed']);
  });

  await t.test('a code is redeemed once, by the right client, with the right verifier', async (t) => {
    const jar = new Jar();
    const issued = await code(own, jar, 'basic');
    t.match(await redeem(own, 'basic', { ...issued, verifier: pkce().verifier }), {
      status: 400,
      json: { error: 'invalid_grant' },
    });
    t.match(await redeem(own, 'signed', issued), { status: 400, json: { error: 'invalid_grant' } });
    const good = await redeem(own, 'basic', issued);
    t.equal(good.status, 200, 'neither a wrong verifier nor a wrong client ends it');
    t.match(await redeem(own, 'basic', issued), { status: 400, json: { error: 'invalid_grant' } });
    t.equal(
      (await post(own, '/introspect', 'basic', { token: String(good.json.access_token) })).json.active,
      false,
      'a valid replay ends the authorisation',
    );
    t.equal((await code(own, jar, 'signed')).error, null, 'and not the session');
  });

  await t.test('20 at once: one code, one success', async (t) => {
    for (let trial = 0; trial < 5; trial++) {
      const issued = await code(own, new Jar(), 'signed');
      const answers = await Promise.all(Array.from({ length: 20 }, () => redeem(own, 'signed', issued)));
      t.equal(answers.filter(({ status }) => status === 200).length, 1);
      t.ok(
        answers.every(({ status, json }) => status === 200 || (status === 400 && json.error === 'invalid_grant')),
        'the others get invalid_grant',
      );
    }
  });

  await t.test('an assertion is taken once', async (t) => {
    const issued = await code(own, new Jar(), 'signed');
    const { body } = await authenticate(own, 'signed', {
      grant_type: 'authorization_code',
      code: issued.code,
      code_verifier: 'x'.repeat(43),
      redirect_uri: redirect,
    });
    const answers = await Promise.all(
      Array.from({ length: 20 }, () =>
        fetch(`${own.issuer}/token`, { method: 'POST', body: new URLSearchParams(body) }),
      ),
    );
    const statuses = answers.map((answer) => answer.status).sort();
    t.equal(statuses.filter((status) => status === 400).length, 1, 'one came as far as the wrong verifier');
    t.equal(statuses.filter((status) => status === 401).length, 19);
  });

  await t.test('refresh: rotated for public clients, with a window; not for confidential ones', async (t) => {
    const kept = await redeem(own, 'basic', await code(own, new Jar(), 'basic'));
    const again = await post(own, '/token', 'basic', {
      grant_type: 'refresh_token',
      refresh_token: String(kept.json.refresh_token),
    });
    t.match(again, { status: 200, json: { refresh_token: kept.json.refresh_token } });

    const first = await redeem(own, 'public', await code(own, new Jar(), 'public'));
    const refresh = (token: unknown) =>
      post(own, '/token', 'public', { grant_type: 'refresh_token', refresh_token: String(token) });
    const answers = await Promise.all(Array.from({ length: 20 }, () => refresh(first.json.refresh_token)));
    t.ok(
      answers.every(({ status }) => status === 200),
      JSON.stringify(answers.find(({ status }) => status !== 200)),
    );
    t.equal(new Set(answers.map(({ json }) => json.refresh_token)).size, 1, 'one successor');
    const next = await refresh(answers[0]?.json.refresh_token);
    t.equal(next.status, 200);
    t.match(
      await refresh(first.json.refresh_token),
      { status: 400, json: { error: 'invalid_grant' } },
      'the successor was used: a replay',
    );
    t.match(
      await refresh(next.json.refresh_token),
      { status: 400, json: { error: 'invalid_grant' } },
      'the family is dead',
    );
  });

  await t.test('parallel first visits of one session all succeed', async (t) => {
    for (let round = 0; round < 5; round++) {
      const jar = new Jar();
      await code(own, jar, 'basic');
      const issued = await Promise.all(
        ['signed', 'public', 'signed', 'public', 'basic', 'signed'].map(async (client) => ({
          client,
          issued: await code(own, jar.clone(), client),
        })),
      );
      for (const { client, issued: each } of issued) t.equal((await redeem(own, client, each)).status, 200, client);
    }
  });

  await t.test('a page of ours on the way keeps the authorisation of the visit before', async (t) => {
    const jar = new Jar();
    const first = await code(own, jar, 'basic');
    const second = await code(own, jar, 'basic', { prompt: 'consent' });
    t.equal((await redeem(own, 'basic', first)).status, 200);
    const { json } = await redeem(own, 'basic', second);
    const read = async () =>
      (await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${json.access_token}` } })).status;
    t.equal(await read(), 200);
    t.equal((await redeem(own, 'basic', first)).status, 400, 'a replay of the one');
    t.equal(await read(), 401, 'ends what both belong to');
  });

  await t.test('a session that ended is not brought back', async (t) => {
    const jar = new Jar();
    const issued = await code(own, jar, 'basic');
    const session = await own.sessions.read(jar.get('egret'));
    await own.sessions.remove({ uid: session?.uid ?? '' });
    t.match(await redeem(own, 'basic', issued), { status: 400, json: { error: 'invalid_grant' } });
    const { challenge } = pkce();
    const { to } = await jar.follow(authorizeUrl(own, 'basic', challenge, { prompt: 'none' }));
    t.equal(new URL(to ?? '').searchParams.get('error'), 'login_required');
  });

  await t.test('what a record ended is refused, whatever the store still holds', async (t) => {
    const uses = async (jar: Jar, refresh: string, token: string) => {
      const info = await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } });
      const { json } = await post(own, '/introspect', 'basic', { token });
      const renewed = await post(own, '/token', 'basic', { grant_type: 'refresh_token', refresh_token: refresh });
      const { challenge } = pkce();
      const { to } = await jar.follow(authorizeUrl(own, 'basic', challenge, { prompt: 'none' }));
      return [info.status, json.active, renewed.status, new URL(to ?? '').searchParams.get('error')];
    };
    const kinds = ['account', 'session', 'consent', 'visit'] as const;
    for (const kind of kinds) {
      const jar = new Jar();
      const issued = await code(own, jar, 'basic');
      const late = await code(own, jar, 'basic');
      const { json } = await redeem(own, 'basic', issued);
      const use = () => uses(jar, String(json.refresh_token), String(json.access_token));
      t.strictSame(await use(), [200, true, 200, null], `before, ${kind}`);
      const session = (await own.sessions.read(jar.get('egret')))!;
      const ref = {
        account: session.accountId,
        session: digestOfUid(session.uid),
        consent: `${session.accountId}\nbasic`,
        visit: `${digestOfUid(session.uid)}\nbasic`,
      }[kind];
      await own.database.begin((tx) => own.endings.record(tx, { kind, ref, until: Date.now() + 60_000 }));
      const over = kind === 'account' || kind === 'session';
      t.strictSame(await use(), [401, false, 400, over ? 'login_required' : null], `after, ${kind}`);
      t.equal((await redeem(own, 'basic', late)).status, 400, 'nor is a code redeemed');
      t.equal((await own.sessions.read(jar.get('egret'))) === undefined, over);
      t.equal((await redeem(own, 'basic', await code(own, jar, 'basic'))).status, 200, 'what begins later stands');
    }
  });

  await t.test('an interaction is resumed once, and only by its browser', async (t) => {
    const jar = new Jar();
    const { challenge } = pkce();
    const started = await jar.fetch(authorizeUrl(own, 'basic', challenge));
    const place = new URL(started.headers.get('location') ?? '', own.issuer).href;
    t.equal((await new Jar().fetch(place)).status, 410, 'another browser');
    const finished = await jar.fetch(place);
    const resume = finished.headers.get('location') ?? '';
    t.equal((await jar.fetch(resume, { method: 'HEAD' })).status, 404, 'whoever only looks resumes nothing');
    const answers = await Promise.all(Array.from({ length: 10 }, () => jar.clone().fetch(resume)));
    t.equal(answers.filter((answer) => answer.headers.get('location')?.startsWith(redirect)).length, 1);
    t.equal((await jar.fetch(place)).status, 410, 'it is over');
  });

  await t.test('a sign-in that another person’s came before in this browser is over', async (t) => {
    const jar = new Jar();
    const started = await jar.fetch(authorizeUrl(own, 'basic', pkce().challenge));
    const finished = await jar.fetch(new URL(started.headers.get('location') ?? '', own.issuer).href);
    const mine = own.person;
    own.person = { ...mine, accountId: randomUUID() };
    await code(own, jar, 'basic');
    const { accountId: other } = own.person;
    own.person = mine;
    const late = await jar.fetch(finished.headers.get('location') ?? '');
    t.equal(late.status, 400);
    t.match(await late.text(), /^refused invalid_request interaction session not found/, 'a page of ours');
    t.match(own.errors.at(-1), { name: 'SessionNotFound' });
    t.equal((await own.sessions.read(jar.get('egret')))?.accountId, other, 'who is signed in stays');
    t.match(await redeem(own, 'basic', await code(own, jar, 'basic')), { status: 200 });
  });

  await t.test('acts have their events beside the state', async (t) => {
    t.ok((await own.events()).length > 20);
    t.same(
      own.errors.filter((error) => (error as { statusCode?: number }).statusCode === undefined),
      [],
    );
  });
}

t.test('on PostgreSQL', async (t) => suite(t, await op(t, await database(t), undefined, jwks)));
t.test('on Redis', wants('redis-server'), async (t) => {
  const server = await redis(t);
  const client = openRedis(server.url);
  t.teardown(() => closeRedis(client));
  await redisReady(client);
  await suite(t, await op(t, await database(t), redisState(client, epochsAlone), jwks));
});
