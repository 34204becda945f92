import { randomBytes } from 'node:crypto';
import { chmod, mkdtemp, readFile, rm, stat, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import t, { type Test } from 'tap';
import { loadKeyEncryptionKey } from '../../src/keys/keys.ts';
import { database } from '../support/database.ts';
import { movedClock, open } from './support.ts';

const kek = randomBytes(32);

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
    t.same(vault.blindIndex('mobile', '15400000117'), vault.blindIndex('mobile', '15400000117'));
    t.equal(vault.blindIndex('mobile', '15400000117').length, 32);
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
