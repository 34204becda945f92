import { randomBytes } from 'node:crypto';
import t from 'tap';
import { openSet, sealSet } from '../../src/keys/keystore.ts';
import { readSet, writeSet } from '../../src/keys/records.ts';
import { keyEncryptionKey } from '../../src/keys/sealing.ts';
import { database, type TestDatabase } from '../support/database.ts';
import { movedClock, open, until, verifies } from './support.ts';

const kek = randomBytes(32);
const minute = 60_000;
const policy = { jwksMaxAge: 10 * minute, retiring: 60 * minute };

t.test('the life of a signing key', async (t) => {
  const db = await database(t);
  const clock = movedClock();
  const one = await open(db, kek, clock, { policy });
  const two = await open(db, kek, clock, { policy });
  one.start();
  two.start();
  t.teardown(() => Promise.all([one.stop(), two.stop()]));
  const epochs: number[] = [];
  const unlisten = two.onEpoch((epoch) => epochs.push(epoch));
  const states = () => one.signingKeys().keys.map(({ kid, state }) => `${state} ${kid.slice(0, 6)}`);
  const [first, second] = one.signingKeys().keys.map(({ kid }) => kid);
  const data = Buffer.from('signed before');
  const signature = one.signingKeys().keys[0]!.sign(data);

  await t.test('the first next is ripe: nobody holds a set without it', async (t) => {
    const rotation = await one.rotate({ by: 'test' });
    if (!rotation.ok) return t.fail('refused');
    t.match(rotation, {
      epoch: 2,
      steps: [
        { step: 'activated', kid: second, before: first },
        { step: 'published', ripeAt: Number },
      ],
    });
    const third = rotation.steps[1]!.kid;
    t.same(states(), [`current ${second!.slice(0, 6)}`, `next ${third.slice(0, 6)}`, `retiring ${first!.slice(0, 6)}`]);
  });

  await t.test('another process follows within two seconds, to the byte', async (t) => {
    const took = await until(() => two.epoch === 2, 2_000);
    t.comment(`followed after ${took.toFixed()} ms`);
    t.equal(JSON.stringify(two.publicJwks()), JSON.stringify(one.publicJwks()));
    t.same(epochs, [2]);
    t.equal(two.signingKeys().keys[0]!.kid, second);
    t.ok(verifies(two.publicJwks().keys.find(({ kid }) => kid === first)!, data, signature), 'the old one verifies');
    t.throws(() => two.signingKeys().keys[2]!.sign(data), { code: 'EG-1806' });
  });

  await t.test('too early is refused with the time, and audited', async (t) => {
    const refused = await two.rotate({ by: 'test' });
    if (refused.ok) return t.fail('activated');
    t.equal(refused.reason, 'too-early');
    t.ok(Math.abs(refused.ripeAt - clock.now() - policy.jwksMaxAge - 2_000) < 5_000);
    t.equal(two.epoch, 2);
    clock.move(policy.jwksMaxAge - minute);
    t.match(await two.rotate(), { ok: false });
    const [event] = await db.sql`select event from audit_inbox where event like '%key.refused%'`;
    t.match(JSON.parse(event!.event), {
      outcome: 'refused',
      code: 'EG-1807',
      detail: { reason: 'too-early', by: 'test' },
    });
  });

  await t.test('ripe: activated, by the other process', async (t) => {
    clock.move(minute + 2_000);
    t.match(await two.rotate(), { ok: true, epoch: 3 });
    await until(() => one.epoch === 3, 2_000);
    t.equal(JSON.stringify(two.publicJwks()), JSON.stringify(one.publicJwks()));
    t.same(
      one.signingKeys().keys.map(({ state }) => state),
      ['current', 'next', 'retiring', 'retiring'],
    );
  });

  await t.test('what nothing needs any more retires by itself', async (t) => {
    clock.move(policy.retiring - policy.jwksMaxAge);
    await until(() => one.epoch === 4 && two.epoch === 4, 3_000);
    t.notOk(one.publicJwks().keys.some(({ kid }) => kid === first));
    t.equal(one.list().find(({ kid }) => kid === first)?.state, 'retired');
    t.equal(one.publicJwks().keys.length, 3);
  });

  await t.test('without a next, one is published', async (t) => {
    const lost = await database(t);
    const keys = await open(lost, kek, clock, { policy });
    // As an emergency would leave it.
    const next = keys.list().find(({ kind, state }) => kind === 'token-signing' && state === 'next');
    await revoke(lost, next!.kid);
    await keys.refresh();
    t.same(
      keys.signingKeys().keys.map(({ state }) => state),
      ['current'],
    );
    t.match(await keys.rotate(), { ok: true, epoch: 3, steps: [{ step: 'published' }] });
    t.match(await keys.rotate(), { ok: false, reason: 'too-early' });
  });

  await t.test('two at once: one step', async (t) => {
    clock.move(policy.jwksMaxAge + 2_000);
    const both = await Promise.all([one.rotate(), two.rotate()]);
    t.same(both.map(({ ok }) => ok).sort(), [false, true]);
    // The clock has passed the end of the second key, too.
    await until(() => one.list().find(({ kid }) => kid === second)?.state === 'retired', 3_000);
  });

  await t.test('every step is in the trail', async (t) => {
    await one.audit.chainOnce();
    const events = await one.audit.tail(100);
    const count = (type: string) => events.filter((event) => event.type === type).length;
    t.equal(count('key.activated'), 3);
    t.equal(count('key.published'), 3);
    t.equal(count('key.refused'), 3);
    t.equal(count('key.retired'), 2);
    t.match(await one.audit.verify(), { ok: true });
  });

  unlisten();
});

/** Puts a key away as the keys room itself would: with a good seal. */
async function revoke(db: TestDatabase, kid: string): Promise<void> {
  const wrapped = keyEncryptionKey(kek, randomBytes);
  const set = openSet(wrapped, (await readSet(db.sql))!);
  const keys = set.keys.map((key) => (key.kid === kid ? { ...key, state: 'revoked' as const } : key));
  const changed = { epoch: set.epoch + 1, keys };
  await db.begin(async (tx) => {
    await tx`update keys set state = 'revoked' where kid = ${kid}`;
    await writeSet(tx, { epoch: changed.epoch, seal: sealSet(wrapped, changed), kek: wrapped.id }, 0);
  });
}
