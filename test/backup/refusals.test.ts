import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { egret, runner, world } from '../cli/world.ts';
import { database } from '../support/database.ts';
import { program } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';

t.setTimeout(240_000);

t.test('what cannot be written is said, and leaves nothing', async (t) => {
  const { run } = await world(t);
  const folder = scratch(t, 'backup');
  const file = join(folder, 'a.backup');
  t.equal((await run(`backup ${file}`)).code, 0);
  const first = fs.readFileSync(file);
  for (const [path, said] of [
    [file, /^EG-1940 .*a file of that name is there/],
    [join(folder, 'nowhere/a.backup'), /^EG-1940 .*folder does not exist/],
    [join(file, 'a.backup'), /^EG-1940 /],
    ['/proc/a.backup', /^EG-1940 /],
  ] as const) {
    const refused = await run(`backup ${path}`);
    t.equal(refused.code, 1, path);
    t.match(refused.err, said);
  }
  t.ok(fs.readFileSync(file).equals(first), 'the one that is there is left alone');
  t.strictSame(fs.readdirSync(folder), ['a.backup']);
  const whole = await run('audit verify');
  t.equal(whole.code, 0, whole.out);
});

t.test('a disk that fills up half-way', async (t) => {
  const { env, run } = await world(t);
  const folder = scratch(t, 'backup');
  // a limit of a file's size stands for the disk: one block of 512 bytes, and the next write fails. What tap and the run
  // would have the process write beside it is left out: it would die of that.
  const script = 'unset NODE_OPTIONS NODE_V8_COVERAGE NODE_COMPILE_CACHE; ulimit -f 1; exec "$@"';
  const limited = program(t, 'sh', ['-c', script, 'sh', egret, 'backup', join(folder, 'a.backup')], {
    env: { PATH: process.env.PATH, ...env },
  });
  t.equal((await limited.exit).code, 1);
  t.match(limited.output(), /^EG-1940 .*takes no file so large/);
  t.strictSame(fs.readdirSync(folder), [], 'nothing is left of it');
  t.match(
    (await run('audit tail --limit 20')).out,
    /^(?![\s\S]*records\.backed-up)/,
    'and nothing says that it was made',
  );
});

t.test('a row larger than a stream holds does not stop the tables behind it', async (t) => {
  const { db, run } = await world(t);
  for (const name of ['a', 'b', 'c'])
    await db.sql`insert into cases (number, kind, state, refs, matter, opened_at)
      values (${name}, 'identity-in-use', 'open', ${db.sql.json({ long: randomBytes(100_000).toString('hex') })},
        ${Buffer.from(name)}, now())`;
  const made = await run(`backup ${join(scratch(t, 'backup'), 'a.backup')}`);
  t.equal(made.code, 0, made.err);
});

t.test('what is not a whole backup of this key is refused, and nothing is changed', async (t) => {
  const { run, env, keyFile } = await world(t);
  const folder = scratch(t, 'backup');
  const file = join(folder, 'good.backup');
  t.equal((await run(`backup ${file}`)).code, 0);
  const good = fs.readFileSync(file);
  const flipped = (at: number) => {
    const copy = Buffer.from(good);
    copy[at] = (copy[at] ?? 0) ^ 1;
    return copy;
  };
  const data = join(scratch(t, 'target', 0o711), 'data');
  const fresh = runner(t, { ...env, EGRET_DATABASE_URL: '', EGRET_DATA: data });
  const cases: readonly (readonly [name: string, bytes: Buffer])[] = [
    ['empty', Buffer.alloc(0)],
    ['foreign', randomBytes(4_096)],
    ['text', Buffer.from('egret backup of something else\n'.repeat(40))],
    ['cut by a byte', good.subarray(0, -1)],
    ['cut in the middle', good.subarray(0, good.length >> 1)],
    ['longer', Buffer.concat([good, Buffer.from('\n')])],
    ...[0, 40, good.length >> 1, good.length - 300, good.length - 200, good.length - 60].map(
      (at) => [`a bit flipped at ${at}`, flipped(at)] as const,
    ),
  ];
  for (const [name, bytes] of cases) {
    const path = join(folder, 'bad.backup');
    fs.writeFileSync(path, bytes);
    const refused = await fresh(`restore ${path}`);
    t.equal(refused.code, 1, name);
    t.match(refused.err, /^EG-1941 {2}\S+bad\.backup .*nothing was changed\n$/, name);
  }
  const later = Buffer.concat([Buffer.from('egret backup 2\n'), good.subarray(15)]);
  fs.writeFileSync(join(folder, 'later.backup'), later);
  t.match((await fresh(`restore ${join(folder, 'later.backup')}`)).err, /^EG-1721 .*later version/);
  t.match((await fresh(`restore ${join(folder, 'none')}`)).err, /^EG-1941 .*cannot be read \(ENOENT\)/);

  const other = join(folder, 'other.key');
  fs.writeFileSync(other, `${randomBytes(32).toString('base64url')}\n`, { mode: 0o600 });
  const wrong = await fresh(`restore ${file}`, { env: { EGRET_KEY_FILE: other } });
  t.equal(wrong.code, 1);
  t.match(wrong.err, /^EG-1802 .*this one is [0-9a-f]{16}/);
  const lost = await fresh(`restore ${file}`, { env: { EGRET_KEY_FILE: join(folder, 'lost.key') } });
  t.match(lost.err, /^EG-1803 .*is missing: put back/);
  t.notOk(fs.existsSync(join(folder, 'lost.key')), 'and none is made in its place');
  t.notOk(fs.existsSync(data), 'no database was made for any of them');
  t.ok(fs.existsSync(keyFile));
});

t.test('what is there is replaced only when somebody agreed twice', async (t) => {
  const { run, env, db } = await world(t);
  const file = join(scratch(t, 'backup'), 'a.backup');
  t.equal((await run(`backup ${file}`)).code, 0);
  // the pool of this test would be taken for a gateway's
  await db.close();
  for (const input of ['', 'no\n', 'yes\n', 'yes\n1\n']) {
    const refused = await run(`restore ${file} --replace`, { input });
    t.equal(refused.code, 1, JSON.stringify(input));
    t.match(refused.err, /EG-1942 {2}nobody agreed/);
  }
  const done = await run(`restore ${file} --replace`, { input: 'yes\n0\n' });
  t.equal(done.code, 0, done.err);
  t.match(done.out, /\d+ events that the replaced database recorded after the backup are gone with it/);
  t.equal((await run(`restore ${file} --replace --yes`)).code, 0);

  const foreign = await database(t, { empty: true, pool: { applicationName: 'test' } });
  await foreign.sql`create table theirs (n integer)`;
  const refused = await runner(t, { ...env, EGRET_DATABASE_URL: foreign.url })(`restore ${file} --replace --yes`);
  t.match(refused.err, /^EG-1942 .*not ours/);
  t.equal((await foreign.sql`select from theirs`).length, 0, 'and their table is left alone');
});
