import t from 'tap';
import { systemClock } from '../../src/clock.ts';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { createSessions, digestOfUid } from '../../src/sessions/sessions.ts';
import { endTarget, readSignOut } from '../../src/signout/ending.ts';
import { database } from '../support/database.ts';

const uid = '07abcdefghijklmnop';
const accountId = '11111111-2222-4333-8444-555555555555';

t.test('a session ends as a record, with a notice for each department that takes them', async (t) => {
  const db = await database(t);
  const clock = systemClock;
  const events: { type: string; detail?: object }[] = [];
  const audit = { record: async (_tx: unknown, event: unknown) => void events.push(event as never) };
  const sealer = {
    seal: (text: string) => Buffer.from(text),
    open: (sealed: Uint8Array) => Buffer.from(sealed).toString(),
  };
  const outbox = createOutbox({ database: db, vault: sealer, audit: audit as never, clock });
  const sessions = createSessions({ database: db, clock });
  const calls: unknown[] = [];
  const needs = {
    database: db,
    audit: audit as never,
    outbox,
    sessions,
    clock,
    reference: () => Buffer.alloc(32),
    browserSessions: {
      remove: async (which: unknown) => {
        calls.push(which);
        throw new Error('away');
      },
      leave: async (...which: unknown[]) => void calls.push(which),
    } as never,
    clients: {
      snapshot: () => ({
        version: 1,
        clients: new Map([
          ['renshe', { backchannel_logout_uri: 'http://127.0.0.1/x', session_minutes: 30 }],
          ['haochaping', { session_minutes: 60 }],
        ]) as never,
      }),
    },
  };
  await db.begin((tx) =>
    sessions.begin(tx, { uid, accountId, device: '', methods: ['pwd'], expiresAt: clock.now() + 3_600_000 }),
  );
  const digest = digestOfUid(uid);
  const visits = ['renshe', 'haochaping', 'gone'].map((clientId) => ({ clientId, sid: `sid-${clientId}` }));
  const target = { digest, bucket: '07', accountId, visits };

  const one = await endTarget(needs, target, 'person', { only: { uid, clientId: 'haochaping' } });
  t.same([one.notified, one.silent], [[], ['haochaping']]);
  t.same(calls, [[uid, 'haochaping']], 'only that department left');
  t.equal((await sessions.list(accountId)).length, 1, 'the session stands');

  const onward = { client: 'renshe', href: 'https://renshe.invalid/out' };
  const [first, second] = await Promise.all([
    endTarget(needs, target, 'person', { onward }),
    endTarget(needs, target, 'person', { onward }),
  ]);
  t.same(first.notified, ['renshe']);
  t.equal(first.messages.renshe, second.messages.renshe, 'two at once tell each department once');
  t.same(first.silent, ['haochaping']);
  t.equal((await sessions.list(accountId)).length, 0);
  t.ok(sessions.ended('session', digest, 0), 'refused although the protocol state was away');
  t.equal(events.filter(({ type }) => type === 'session.ended').length, 2, 'one for the department, one for all');

  const record = await readSignOut(needs, first.id);
  t.same(record?.onward, onward);
  t.same(
    record?.rows.map(({ client, message }) => [client, message]),
    [
      ['renshe', first.messages.renshe],
      ['haochaping', null],
    ],
  );
  t.equal(await readSignOut(needs, 'nothing'), undefined);
});
