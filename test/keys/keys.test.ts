import { randomBytes } from 'node:crypto';
import { sm2 } from 'sm-crypto-v2';
import t from 'tap';
import { database, type TestDatabase } from '../support/database.ts';
import { movedClock, open, until, verifies } from './support.ts';

const kek = randomBytes(32);
const minute = 60_000;
const policy = { jwksMaxAge: 10 * minute, retiring: 60 * minute };

t.test('first start', async (t) => {
  const db = await database(t);
  const clock = movedClock();

  t.test('four processes at once make one set', async (t) => {
    const all = await Promise.all(Array.from({ length: 4 }, () => open(db, kek, clock)));
    const [first] = all;
    for (const keys of all) {
      t.same(keys.list(), first?.list());
      t.same(keys.publicJwks(), first?.publicJwks());
      t.same(keys.bridgeKeys(), first?.bridgeKeys());
    }
    const kinds = first?.list().map(({ kind, state }) => `${kind} ${state}`);
    t.same(kinds?.sort(), [
      'audit-mac current',
      'blind-index current',
      'bridge current',
      'cookie current',
      'field-data current',
      'mac-audit-ref current',
      'mac-browser current',
      'mac-client-secret current',
      'mac-otp current',
      'mac-refresh current',
      'pairwise-salt current',
      'token-signing current',
      'token-signing next',
    ]);
    const sealed = await all[0]!.vault.seal('张三', 'account.name:1');
    t.equal(all[3]!.vault.open(sealed, 'account.name:1'), '张三');
  });

  t.test('each key made was audited, once, in the same transaction', async (t) => {
    const rows = await db.sql<{ event: string }[]>`select event from audit_inbox order by arrived`;
    const events = rows.map(({ event }) => JSON.parse(event));
    t.equal(events.length, 13);
    t.ok(events.every(({ type, outcome }) => type === 'key.created' && outcome === 'success'));
    t.equal(new Set(events.map(({ detail }) => detail.kid)).size, 13);
  });

  t.test('what is handed out', async (t) => {
    const keys = await open(db, kek, clock);
    const { epoch, keys: signing } = keys.signingKeys();
    t.equal(epoch, 1);
    t.same(
      signing.map(({ state }) => state),
      ['current', 'next'],
    );
    const [current, next] = signing;
    const data = Buffer.from('header.payload');
    const signature = current!.sign(data);
    t.equal(signature.length, 64);
    t.ok(verifies(keys.publicJwks().keys[0]!, data, signature));
    t.notOk(verifies(keys.publicJwks().keys[1]!, data, signature));
    // one integer in 256 is a byte short, which the encoding fills up
    const many = Array.from({ length: 1_500 }, (_, n) => Buffer.from(`${n}`));
    t.ok(many.every((each) => verifies(keys.publicJwks().keys[0]!, each, current!.sign(each))));
    t.throws(() => next!.sign(data), { code: 'EG-1806' });
    for (const jwk of keys.publicJwks().keys)
      t.same(Object.keys(jwk).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'], 'nothing private');
    t.equal(keys.signingKeys(), keys.signingKeys(), 'one object until the epoch changes');
    for (const info of keys.list()) for (const field of ['secret', 'sealed', 'kek']) t.notOk(field in info);
  });

  t.test('the pairs at the province are SM2 pairs', async (t) => {
    const [pair] = (await open(db, kek, clock)).bridgeKeys();
    const signature = sm2.doSignature('消息', pair!.sign.privateKey, { der: true, hash: true });
    t.ok(sm2.doVerifySignature('消息', signature, pair!.sign.publicKey, { der: true, hash: true }));
    t.notOk(sm2.doVerifySignature('消息', signature, pair!.encrypt.publicKey, { der: true, hash: true }));
    const encrypted = sm2.doEncrypt('密钥', pair!.encrypt.publicKey, 1);
    t.equal(sm2.doDecrypt(encrypted, pair!.encrypt.privateKey, 1), '密钥');
    t.match(pair!.sign.publicKey, /^04[0-9a-f]{128}$/);
    t.not(pair!.sign.privateKey, pair!.encrypt.privateKey);
  });

  t.test('nothing private rests in the clear', async (t) => {
    const keys = await open(db, kek, clock);
    const dump = JSON.stringify(await db.sql`select kid, public, encode(sealed, 'hex') as sealed from keys`);
    const [pair] = keys.bridgeKeys();
    for (const secret of [pair!.sign.privateKey, pair!.encrypt.privateKey, kek.toString('hex')])
      t.notOk(dump.includes(secret));
    t.notMatch(dump, /"d":/);
  });
});

t.test('refused at start, with the cause, and nothing made', async (t) => {
  const clock = movedClock();
  const cases: [name: string, code: string, says: RegExp, damage: (db: TestDatabase) => Promise<unknown>][] = [
    [
      'a bit of a sealed key is flipped',
      'EG-1804',
      /\(cookie, HS256, epoch 1\)/,
      (db) => db.sql`update keys set sealed = set_byte(sealed, 20, get_byte(sealed, 20) # 1) where kind = 'cookie'`,
    ],
    [
      'a row was copied over another',
      'EG-1804',
      /mac-otp/,
      (db) => db.sql`
        update keys set sealed = other.sealed from keys other
        where keys.kind = 'mac-otp' and other.kind = 'mac-browser'`,
    ],
    [
      'a key goes by another id',
      'EG-1804',
      /field-data/,
      (db) => db.sql`update keys set kid = 'aaaaaaaaaaaaaaaa' where kind = 'field-data'`,
    ],
    [
      'another public part stands before a private key',
      'EG-1804',
      /token-signing/,
      (db) => db.sql`
        update keys set public = other.public from keys other
        where keys.kind = 'token-signing' and keys.state = 'next'
          and other.kind = 'token-signing' and other.state = 'current'`,
    ],
    ['a key is gone', 'EG-1805', /12 keys of epoch 1/, (db) => db.sql`delete from keys where kind = 'field-data'`],
    [
      'a key was put into another state',
      'EG-1805',
      /another state/,
      (db) => db.sql`update keys set state = 'revoked' where kind = 'token-signing' and state = 'current'`,
    ],
    [
      'a key was made ripe early',
      'EG-1805',
      /not those that were sealed/,
      (db) => db.sql`update keys set ripe_at = ripe_at - interval '1 day' where state = 'next'`,
    ],
    ['the seal is gone', 'EG-1805', /not those that were sealed/, (db) => db.sql`delete from key_set`],
    ['all keys are gone', 'EG-1805', /0 keys/, (db) => db.sql`delete from keys`],
    [
      'all keys and their seal are gone',
      'EG-1805',
      /its keys are gone/,
      (db) => db.sql`with gone as (delete from key_set) delete from keys`,
    ],
    ['the epoch was changed', 'EG-1805', /epoch 7/, (db) => db.sql`update key_set set epoch = 7`],
  ];
  const db = await database(t);
  for (const [name, code, says, damage] of cases)
    t.test(name, async (t) => {
      await db.sql`truncate keys, key_set, audit_inbox`;
      await open(db, kek, clock);
      await damage(db);
      const before = await db.sql`select * from keys order by kid`;
      await t.rejects(open(db, kek, clock), { code, message: says });
      t.same(await db.sql`select * from keys order by kid`, before, 'nothing made');
    });

  t.test('another key-encryption key', async (t) => {
    const db = await database(t);
    await open(db, kek, clock);
    await t.rejects(open(db, randomBytes(32), clock), { code: 'EG-1802', message: /sealed under .* this one is/ });
    t.equal((await db.sql`select from keys`).length, 13);
    await open(db, kek, clock);
  });

  t.test('a process that runs goes on with what it holds, and says so once', async (t) => {
    const db = await database(t);
    const troubles: unknown[] = [];
    const running = await open(db, kek, clock, { policy, onTrouble: (error) => troubles.push(error) });
    const jwks = running.publicJwks();
    const other = await open(db, kek, clock, { policy });
    running.start();
    t.teardown(() => running.stop());
    await db.begin(async (tx) => {
      await tx`update key_set set epoch = epoch + 1`;
    });
    await until(() => troubles.length > 0, 2_000);
    await until(() => running.age() > 700, 3_000);
    t.match(troubles, [{ code: 'EG-1805' }]);
    t.equal(troubles.length, 1);
    t.same(running.publicJwks(), jwks);
    t.ok(running.signingKeys().keys[0]!.sign(Buffer.from('x')));
    await t.rejects(other.rotate(), { code: 'EG-1805' });
  });

  t.test('keys that are older than the process', async (t) => {
    const db = await database(t);
    const keys = await open(db, kek, clock, { policy });
    const before = await db.sql`select * from key_set`;
    await keys.rotate();
    await db.sql`update key_set set epoch = 1, seal = ${before[0]!.seal}`;
    await t.rejects(keys.refresh(), { code: 'EG-1805', message: /went back from epoch 2 to 1/ });
  });
});
