import { randomBytes, randomUUID } from 'node:crypto';
import t, { type Test } from 'tap';
import { createAccounts } from '../../src/accounts/accounts.ts';
import { createClients } from '../../src/clients/clients.ts';
import { systemClock } from '../../src/clock.ts';
import { createConsents } from '../../src/consents/consents.ts';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { databaseState, oneTimeCodes } from '../../src/provider/provider.ts';
import { createSessions, digestOfUid } from '../../src/sessions/sessions.ts';
import { Jar, pkce } from '../support/browser.ts';
import { authorizeUrl, code, jwks, post, redeem } from '../support/department.ts';
import { accountId, client } from '../support/op.ts';
import { until } from '../support/processes.ts';
import { asking, minutes, payload } from './asking.ts';

/** When a session, a client, a consent, a person ends, and what ends with it: with the clock moved under all of it. */
const { own, tokens, later, ask, idToken, reads, renew, sessionOf, signedIn } = await asking(t, {
  clients: [client('second', { auth: 'private_key_jwt', grants: ['authorization_code'], jwks })],
});

t.test('30 minutes without a visit: asked again, as the same session; its tokens live on', async (t) => {
  const jar = await signedIn();
  const before = await sessionOf(jar);
  const kept = await tokens(jar, 'basic');
  const rotated = await tokens(jar, 'public');
  await later(minutes(20), async () => {
    t.equal((await renew('basic', kept.refresh_token)).status, 200, 'a refresh is no visit');
  });
  await later(minutes(31), async () => {
    t.match(await ask(jar, 'basic', { prompt: 'none' }), { error: 'login_required' });
    const renewed = await renew('basic', kept.refresh_token);
    t.equal(renewed.status, 200);
    t.equal(await reads(renewed.json.access_token), 200);
    t.equal((await renew('public', rotated.refresh_token)).status, 200);
    const again = await ask(jar, 'basic');
    t.strictSame(again.asked, ['login']);
    t.equal((await sessionOf(jar)).uid, before.uid);
    t.equal((await idToken('basic', again)).sid, payload(kept.id_token).sid);
    t.equal(await reads(renewed.json.access_token), 200);
    t.match(await ask(jar, 'basic', { prompt: 'none' }), { error: undefined }, 'and is no longer idle');
  });
  await later(minutes(50), async () => {
    t.match(await ask(jar, 'second', { prompt: 'none' }), { error: undefined }, 'a visit counts from its own time');
  });
  await later(minutes(75), async () => {
    t.match(await ask(jar, 'second', { prompt: 'none' }), { error: undefined });
  });
  await later(minutes(106), async () => {
    t.match(await ask(jar, 'second', { prompt: 'none' }), { error: 'login_required' });
  });
});

t.test('12 hours: the session is over, with all that hangs on it', async (t) => {
  const jar = await signedIn();
  const before = await sessionOf(jar);
  const kept = await tokens(jar, 'basic');
  for (let at = 25; at < 12 * 60; at += 25)
    await later(minutes(at), async () => {
      t.match(await ask(jar, 'basic', { prompt: 'none' }), { error: undefined }, `${at} minutes`);
    });
  // from its own beginning, however long this took
  const left = () => before.started + minutes(12 * 60) - Date.now();
  await later(left() - 20_000, async () => {
    t.equal((await sessionOf(jar)).uid, before.uid);
    t.equal((await renew('basic', kept.refresh_token)).status, 200, 'to the end');
  });
  await later(left() + 5_000, async () => {
    t.equal(await sessionOf(jar), undefined, 'however often it was used');
    t.equal((await renew('basic', kept.refresh_token)).status, 400);
    t.match(await ask(jar, 'basic', { prompt: 'none' }), { error: 'login_required' });
    t.strictSame((await ask(jar, 'basic')).asked, ['login']);
    t.not((await sessionOf(jar)).uid, before.uid);
  });
});

t.test('a client stopped by another process is refused everywhere, and only it', async (t) => {
  const jar = await signedIn();
  const waiting = await code(own, jar, 'basic');
  const held = await tokens(jar, 'basic');
  const beside = await tokens(jar, 'public');
  await own.clients.start();
  t.teardown(() => own.clients.stop());
  const { database: db, keys } = own;
  const command = await createClients({
    database: db,
    vault: keys.vault,
    audit: keys.audit,
    clock: systemClock,
    development: true,
  });
  t.equal(await command.stopClient('basic', 'test'), true);
  await until(async () => (await ask(new Jar(), 'basic', { prompt: 'none' })).error === undefined);

  const outcome = await ask(jar, 'basic');
  t.match(outcome, { status: 400, error: undefined, asked: [] }, 'a page of ours, no redirect');
  t.equal(outcome.query.get('code'), null);
  t.match(await redeem(own, 'basic', waiting), { status: 401, json: { error: 'invalid_client' } });
  t.match(await renew('basic', held.refresh_token), { status: 401, json: { error: 'invalid_client' } });
  t.match(await post(own, '/introspect', 'basic', { token: String(held.access_token) }), { status: 401 });
  t.match(await post(own, '/revoke', 'basic', { token: String(held.access_token) }), { status: 401 });
  t.equal(await reads(held.access_token), 401);
  t.equal(await reads(beside.access_token), 200, 'others go on');
  t.match(await ask(jar, 'public', { prompt: 'none' }), { error: undefined });

  t.equal(await command.startClient('basic'), true);
  await until(async () => (await ask(jar, 'basic', { prompt: 'none' })).query.has('code'));
  t.equal(await reads(held.access_token), 200, 'nothing of it was lost');
  t.equal((await redeem(own, 'basic', waiting)).status, 200);
});

t.test('what another process ends is ended here', async (t) => {
  await own.endings.start();
  t.teardown(() => own.endings.stop());
  const { database: db, keys } = own;
  const elsewhere = createSessions({ database: db, clock: systemClock });
  const longest = () => Date.now() + minutes(12 * 60);
  const consents = createConsents({
    database: db,
    audit: keys.audit,
    clock: systemClock,
    reference: (account) => keys.vault.mac('audit-ref', account),
    onWithdrawn: (tx, account, id, at) =>
      elsewhere.record(tx, { kind: 'consent', ref: `${account}\n${id}`, at, until: longest() }),
  });
  const uses = async (t: Test, held: Record<string, unknown>, id: string, good: boolean, name: string) => {
    t.equal(await reads(held.access_token), good ? 200 : 401, `${name}: userinfo`);
    if (id === 'basic') {
      const { json } = await post(own, '/introspect', id, { token: String(held.access_token) });
      t.equal(json.active, good, `${name}: introspection`);
    }
    t.equal((await renew(id, held.refresh_token)).status, good ? 200 : 400, `${name}: refresh`);
  };

  await t.test('a withdrawn consent: that client’s tokens, nobody else’s', async (t) => {
    await own.consents.give({
      accountId,
      clientId: 'basic',
      granted: ['profile'],
      declined: [],
      itemsVersion: own.wording('basic'),
      language: 'en',
    });
    const jar = await signedIn();
    const waiting = await code(own, jar, 'basic', { scope: 'openid profile' });
    const held = await tokens(jar, 'basic', { scope: 'openid profile' });
    const beside = await tokens(jar, 'public');
    t.equal(await consents.withdraw(accountId, 'basic', 'person'), true);
    await until(async () => (await reads(held.access_token)) === 401);
    await uses(t, held, 'basic', false, 'withdrawn');
    t.equal((await redeem(own, 'basic', waiting)).status, 400);
    await uses(t, beside, 'public', true, 'beside it');
    t.match(
      await ask(jar, 'basic', { scope: 'openid profile', prompt: 'none' }),
      { error: 'consent_required' },
      'what the session holds of it counts no more',
    );
    t.match(await ask(jar, 'basic', { prompt: 'none' }), { error: undefined }, 'the session stands');
  });

  await t.test('an ended session: all of it, not the person’s others', async (t) => {
    const [jar, other] = [await signedIn(), await signedIn()];
    const waiting = await code(own, jar, 'public');
    const held = await tokens(jar, 'basic');
    const kept = await tokens(other, 'basic');
    const { uid } = await sessionOf(jar);
    await db.begin((tx) => elsewhere.record(tx, { kind: 'session', ref: digestOfUid(uid), until: longest() }));
    await until(async () => (await sessionOf(jar)) === undefined);
    await uses(t, held, 'basic', false, 'ended');
    t.equal((await redeem(own, 'public', waiting)).status, 400);
    t.match(await ask(jar, 'basic', { prompt: 'none' }), { error: 'login_required' });
    await uses(t, kept, 'basic', true, 'the other');
  });

  await t.test('a disabled account: every session, code and token; others go on', async (t) => {
    const someone = own.person;
    own.person = { accountId: randomUUID(), acr: 'urn:egret:r1a1', amr: ['pwd'] };
    const at = new Date(systemClock.now());
    await db.sql`insert into accounts (id, state, created_at, updated_at) values (${own.person.accountId}, 'active', ${at}, ${at})`;
    const [jar, second] = [await signedIn(), await signedIn()];
    own.person = someone;
    const neighbour = await signedIn();
    const waiting = await code(own, second, 'basic');
    const held = [await tokens(jar, 'basic'), await tokens(second, 'public')] as const;
    const kept = await tokens(neighbour, 'basic');
    const { accountId: disabled } = await sessionOf(jar);
    const underWay = jar.clone();
    const began = await underWay.fetch(authorizeUrl(own, 'basic', pkce().challenge, { prompt: 'consent' }));
    const accounts = createAccounts({
      database: db,
      vault: keys.vault,
      audit: keys.audit,
      outbox: createOutbox({ database: db, vault: keys.vault, audit: keys.audit, clock: systemClock }),
      clock: systemClock,
      random: randomBytes,
      codes: oneTimeCodes(databaseState(db)),
      province: { name: 'fujian', checkRealName: () => Promise.reject(new Error('nobody asks')) },
      // as src/gateway.ts wires it
      onEnding: (tx, ending) =>
        elsewhere.record(tx, { kind: 'account', ref: ending.accountId, at: ending.at, until: longest() }),
    });
    t.equal(await accounts.disable(disabled, { reason: 'request' }), true);
    await until(async () => (await sessionOf(jar)) === undefined);
    await uses(t, held[0], 'basic', false, 'first session');
    await uses(t, held[1], 'public', false, 'second session');
    t.equal((await redeem(own, 'basic', waiting)).status, 400);
    t.equal(await sessionOf(second), undefined);
    for (const each of [jar, second])
      t.match(await ask(each, 'basic', { prompt: 'none' }), { error: 'login_required' });
    const { answer, to } = await underWay.follow(new URL(began.headers.get('location') ?? '', own.issuer).href);
    t.equal(to, undefined, 'what was under way leads nowhere');
    t.ok(answer.status >= 400 && answer.status < 500, `${answer.status}`);
    await uses(t, kept, 'basic', true, 'the neighbour');
  });
});

t.test('nothing of this was a fault', async (t) => {
  t.same(
    own.errors.filter((error) => !((error as { statusCode?: number }).statusCode! < 500)),
    [],
  );
});
