import t from 'tap';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { databaseState, deliverLogout } from '../../src/provider/provider.ts';
import { digestOfUid } from '../../src/sessions/sessions.ts';
import { endTarget, readSignOut, targetOf } from '../../src/signout/ending.ts';
import { tellOfEndings } from '../../src/signout/signout.ts';
import { Jar } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { code, jwks, post, redeem } from '../support/department.ts';
import { accountId, client, op } from '../support/op.ts';
import { until } from '../support/processes.ts';
import { receiver } from './receiver.ts';

t.test('a session ends as a record, with a notice for each department that takes them', async (t) => {
  const db = await database(t);
  const notices = `http://127.0.0.1:${await freePort()}/`;
  const taking = { auth: 'private_key_jwt', jwks, grants: ['authorization_code', 'refresh_token'] };
  const own = await op(t, db, undefined, jwks, {
    clients: [client('told', { ...taking, backchannel_logout_uri: `${notices}told` })],
  });
  const told = await receiver(t, Number(new URL(notices).port), own.issuer);
  const clock = { now: () => Date.now(), monotonic: () => performance.now() };
  const { vault, audit } = own.keys;
  const outbox = createOutbox({ database: db, vault, audit, clock });
  outbox.start({ sms: async () => 'delivered', logout: deliverLogout(own.epochs, own.clients) });
  t.teardown(() => outbox.stop());
  const sessions = own.endings;
  const needs = {
    database: db,
    audit,
    outbox,
    sessions,
    browserSessions: own.sessions,
    clients: own.clients,
    clock,
    reference: (id: string) => vault.mac('audit-ref', id),
  };
  const events = async (): Promise<Record<string, unknown>[]> =>
    (
      await db.sql<{ event: string }[]>`
        select event from (select event from audit_inbox union all select event from audit_log) e
        where event::jsonb ->> 'type' = 'session.ended'`
    ).map(({ event }) => JSON.parse(event));
  const visit = async (jar: Jar, id: string) => (await redeem(own, id, await code(own, jar, id))).json;
  const renewed = async (id: string, { refresh_token: refresh }: Record<string, unknown>) =>
    (await post(own, '/token', id, { grant_type: 'refresh_token', refresh_token: String(refresh) })).status;
  /** A browser that is in both departments, its session on record. */
  const signedIn = async () => {
    const jar = new Jar();
    const at = { told: await visit(jar, 'told'), basic: await visit(jar, 'basic') };
    const session = (await own.sessions.read(jar.get('egret')))!;
    const { uid, expiresAt } = session;
    await db.begin((tx) => sessions.begin(tx, { uid, accountId, device: '', methods: ['pwd'], expiresAt }));
    return { jar, at, session, target: targetOf(session) };
  };
  const lost = databaseState(db);
  /** The protocol state answers no write. */
  const deaf = () =>
    own.replaceState({ ...lost, commit: () => Promise.reject(new Error('the protocol state is away')) });
  const heard = () => own.replaceState(lost);

  await t.test('one department, the write of the protocol state lost', async (t) => {
    const { jar, at, target, session } = await signedIn();
    deaf();
    const ended = await endTarget(needs, target, 'person', { only: 'basic' });
    heard();
    t.same([ended.notified, ended.silent], [[], ['basic']]);
    t.ok(sessions.ended('visit', `${target.digest}\nbasic`, session.started));
    t.equal(await renewed('basic', at.basic), 400, 'refused by its record');
    t.equal(await renewed('told', at.told), 200, 'the other department goes on');
    t.equal((await sessions.list(accountId)).length, 1, 'the session stands');
    t.equal((await visit(jar, 'basic')).error, undefined, 'and comes back to it');
    t.match((await events())[0], { client: 'basic', detail: { scope: 'client', clients: ['basic'] } });
    const none = await endTarget(needs, target, 'person', { only: 'signed' });
    t.same([none.notified, none.silent], [[], []], 'where it never was, nobody is told');
    t.equal((await events()).length, 1);
    await endTarget(needs, target, 'person');
  });

  await t.test('all of it, twice at once, the write lost', async (t) => {
    const { jar, at, target } = await signedIn();
    const before = told.notices.length;
    const onward = { client: 'told', href: 'https://told.invalid/out' };
    deaf();
    const [first, second] = await Promise.all([
      endTarget(needs, target, 'person', { onward }),
      endTarget(needs, target, 'person', { onward }),
    ]);
    heard();
    t.same(first.notified, ['told']);
    t.same(first.silent, ['basic'], 'takes no notices: it is listed, and not waited for');
    t.equal(first.messages.told, second.messages.told, 'each department is told once');
    await until(() => told.notices.length > before);
    t.equal(told.notices.length, before + 1);
    t.equal((await sessions.list(accountId)).length, 0);
    t.equal(await renewed('told', at.told), 400);
    t.equal(await own.sessions.read(jar.get('egret')), undefined, 'refused although the protocol state kept it');
    const record = await readSignOut(needs, first.id);
    t.same(record?.onward, onward);
    t.same(record?.rows.map(({ client, message }) => [client, message]).sort(), [
      ['basic', null],
      ['told', first.messages.told],
    ]);
    const silent = record?.rows.find(({ client }) => client === 'basic');
    t.equal(silent?.latestEnd, (record?.at ?? 0) + 30 * 60_000, 'its latest end, of `session_minutes`');
    t.equal(await readSignOut(needs, 'nothing'), undefined);
  });

  await t.test('all sessions of a person, ended by who knows no departments', async (t) => {
    const trouble: unknown[] = [];
    const teller = tellOfEndings({ ...needs, onTrouble: (error) => trouble.push(error) });
    const another = tellOfEndings({ ...needs, onTrouble: (error) => trouble.push(error) });
    const here = await signedIn();
    const there = await signedIn();
    const before = told.notices.length;
    const count = (await events()).length;
    await db.begin((tx) => sessions.endAll(tx, accountId, 'staff'));
    own.replaceState({ ...lost, load: () => Promise.reject(new Error('the protocol state is away')) });
    teller.start();
    await until(() => trouble.length > 0);
    t.equal((await events()).length, count, 'nobody could be told yet');
    heard();
    another.start();
    await sessions.refresh();
    await until(() => told.notices.length >= before + 2);
    await teller.stop();
    await another.stop();
    t.equal(told.notices.length, before + 2, 'two processes told each once');
    const last = (await events()).slice(count);
    t.equal(last.length, 2);
    t.match(last[0], { detail: { by: 'staff', scope: 'all', clients: ['told', 'basic'] } });
    for (const { target, at } of [here, there]) {
      t.equal(await own.sessions.visits(target.digest, target.bucket), undefined, 'the protocol state forgot it');
      t.equal(await renewed('told', at.told), 400);
    }
  });

  t.test('a uid that was ended begins nothing again', async (t) => {
    const { session } = await signedIn();
    await db.begin((tx) => sessions.end(tx, { uid: session.uid }, 'account'));
    t.ok(sessions.ended('session', digestOfUid(session.uid), clock.now() + 60_000));
  });
  t.same(told.wrong, []);
});

async function freePort(): Promise<number> {
  const { createServer } = await import('node:net');
  return new Promise((done) => {
    const probe = createServer().listen(0, '127.0.0.1', () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => done(port));
    });
  });
}
