import { createPublicKey, type JsonWebKey, randomBytes, verify } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sm2 } from 'sm-crypto-v2';
import t, { type Test } from 'tap';
import { loadKeyEncryptionKey } from '../../src/keys/keys.ts';
import { database, type TestDatabase } from '../support/database.ts';
import { movedClock, open } from './support.ts';

const kek = randomBytes(32);
const minute = 60_000;
const policy = { jwksMaxAge: 10 * minute, retiring: 60 * minute };

async function until(condition: () => boolean | Promise<boolean>, within: number): Promise<number> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > within) throw new Error(`not within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - start;
}

const verifies = (jwk: object, data: Buffer, signature: Buffer) =>
  verify(
    'sha256',
    data,
    { key: createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
    signature,
  );

t.test('first start', async (t) => {
  const db = await database(t);
  const clock = movedClock();

  t.test('four processes at once make one set', async (t) => {
    const all = await Promise.all(Array.from({ length: 4 }, () => open(db, kek, clock)));
    const [first] = all;
    for (const keys of all) {
      t.same(keys.list(), first?.list());
      t.same(keys.publicJwks(), first?.publicJwks());
      t.same(keys.cookieKeys(), first?.cookieKeys());
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
    t.throws(() => next!.sign(data), { code: 'EG-1806' });
    for (const jwk of keys.publicJwks().keys)
      t.same(Object.keys(jwk).sort(), ['alg', 'crv', 'kid', 'kty', 'use', 'x', 'y'], 'nothing private');
    t.equal(keys.signingKeys(), keys.signingKeys(), 'one object until the epoch changes');
    t.match(keys.cookieKeys()[0], /^[\w-]{43}$/);
    t.not(keys.cookieKeys()[0], keys.cookieKeys()[1]);
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
    const cookie = Buffer.from(keys.cookieKeys()[0]!, 'base64url').toString('hex');
    for (const secret of [cookie, pair!.sign.privateKey, pair!.encrypt.privateKey, kek.toString('hex')])
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
  for (const [name, code, says, damage] of cases)
    t.test(name, async (t) => {
      const db = await database(t);
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
  const { readSet, writeSet } = await import('../../src/keys/records.ts');
  const { openSet, sealSet } = await import('../../src/keys/keystore.ts');
  const { keyEncryptionKey } = await import('../../src/keys/sealing.ts');
  const wrapped = keyEncryptionKey(kek, randomBytes);
  const set = openSet(wrapped, (await readSet(db.sql))!);
  const keys = set.keys.map((key) => (key.kid === kid ? { ...key, state: 'revoked' as const } : key));
  const changed = { epoch: set.epoch + 1, keys };
  await db.begin(async (tx) => {
    await tx`update keys set state = 'revoked' where kid = ${kid}`;
    await writeSet(tx, { epoch: changed.epoch, seal: sealSet(wrapped, changed), kek: wrapped.id }, 0);
  });
}

t.test('the vault', async (t) => {
  const db = await database(t);
  const { vault } = await open(db, kek, movedClock());

  t.test('seals and opens', async (t) => {
    for (const text of ['', '张三', 'a'.repeat(100_000), '\0'])
      t.equal(vault.open(vault.seal(text, 'account.name:1'), 'account.name:1'), text);
    t.notSame(vault.seal('张三', 'c'), vault.seal('张三', 'c'), 'never twice the same');
    const sealed = vault.seal('张三', 'c');
    t.equal(vault.open(new Uint8Array(sealed), 'c'), '张三');
  });

  t.test('refuses what was moved, cut or changed in any bit', async (t) => {
    const sealed = vault.seal('110101199003070011', 'account.id-number:1');
    t.throws(() => vault.open(sealed, 'account.id-number:2'), { code: 'EG-1801' });
    t.throws(() => vault.open(sealed, 'account.name:1'), { code: 'EG-1801' });
    for (let bit = 0; bit < sealed.length * 8; bit++) {
      const changed = Buffer.from(sealed);
      changed[bit >> 3]! ^= 1 << (bit & 7);
      t.throws(() => vault.open(changed, 'account.id-number:1'), { code: 'EG-1801' });
    }
    for (let length = 0; length < sealed.length; length++)
      t.throws(() => vault.open(sealed.subarray(0, length), 'account.id-number:1'), { code: 'EG-1801' });
    try {
      vault.open(sealed, 'account.id-number:2');
    } catch (error) {
      t.notMatch(String(error), /id-number|110101/, 'the error names no place and no value');
    }
  });

  t.test('finds again, and apart by kind and purpose', async (t) => {
    t.same(vault.blindIndex('mobile', '13900000001'), vault.blindIndex('mobile', '13900000001'));
    t.equal(vault.blindIndex('mobile', '13900000001').length, 32);
    t.notSame(vault.blindIndex('mobile', '1'), vault.blindIndex('id-number', '1'));
    const purposes = ['otp', 'client-secret', 'browser', 'refresh', 'audit-ref', 'pairwise'] as const;
    t.equal(new Set(purposes.map((purpose) => vault.mac(purpose, 'x').toString('hex'))).size, 6);
    const again = await open(db, kek, movedClock());
    t.same(again.vault.mac('pairwise', 'x'), vault.mac('pairwise', 'x'), 'the same after a restart');
  });
});

t.test('the file of the key-encryption key', async (t) => {
  const folder = await mkdtemp(join(tmpdir(), 'egret-kek-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const empty = await database(t);
  const used = await database(t);
  await open(used, kek, movedClock());
  const file = (t: Test) => join(folder, 'keys', `${t.name.replaceAll(/\W/g, '-')}.key`);

  t.test('made once by several at once, closed to others', async (t) => {
    const path = file(t);
    const all = await Promise.all(
      Array.from({ length: 5 }, () => loadKeyEncryptionKey(path, { make: true, database: empty })),
    );
    for (const bytes of all) t.same(bytes, all[0]);
    t.equal((await stat(path)).mode & 0o777, 0o600);
    t.match(await readFile(path, 'utf8'), /^[\w-]{43}\n$/);
    t.same(
      await loadKeyEncryptionKey(path, { make: false, database: used }),
      all[0],
      'read whatever the database holds',
    );
  });

  t.test('missing, and not to be made', async (t) => {
    await t.rejects(loadKeyEncryptionKey(file(t), { make: false, database: empty }), {
      code: 'EG-1803',
      message: /write 32 random bytes/,
    });
    await t.rejects(loadKeyEncryptionKey(file(t), { make: true, database: used }), {
      code: 'EG-1803',
      message: /put the file back from its backup/,
    });
    await t.rejects(stat(file(t)), { code: 'ENOENT' });
  });

  t.test('open to others, or no key', async (t) => {
    const path = join(folder, 'bad.key');
    await writeFile(path, randomBytes(32).toString('base64url'), { mode: 0o600 });
    await chmod(path, 0o640);
    await t.rejects(loadKeyEncryptionKey(path, { make: true, database: empty }), {
      code: 'EG-1803',
      message: /chmod 600/,
    });
    await chmod(path, 0o600);
    for (const text of [
      '',
      'short',
      randomBytes(31).toString('base64url'),
      `${randomBytes(32).toString('base64url')}=`,
    ]) {
      await writeFile(path, text);
      await t.rejects(loadKeyEncryptionKey(path, { make: true, database: empty }), {
        code: 'EG-1803',
        message: /is not 32/,
      });
    }
    await t.rejects(loadKeyEncryptionKey(folder, { make: true, database: empty }), { code: 'EG-1803' });
  });
});
