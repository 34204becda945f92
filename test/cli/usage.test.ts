import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import t from 'tap';
import { database } from '../support/database.ts';
import { json, type Run, root, runner } from './world.ts';

// Some sixty programs run here, and the machine may be busy.
t.setTimeout(300_000);

t.test('what is not understood ends with 2 and says what is', async (t) => {
  const run = runner(t, {});
  const help = await run('--help');
  t.equal(help.code, 0);
  for (const line of [
    'egret serve',
    'egret migrate',
    'egret config check [--json]',
    'egret clients stop CLIENT [--reason WORD]',
    'egret accounts end-sessions ACCOUNT',
    'egret audit verify [--json]',
    'Exit codes: 0 done; 1 refused',
  ])
    t.ok(help.out.includes(line), line);
  for (const args of ['keys --help', 'help keys']) t.match((await run(args)).out, /egret keys rotate\n.*\n +example: /);
  for (const [args, said] of [
    ['nothing', /no `egret nothing`/],
    ['constructor', /no `egret constructor`/],
    ['clients', /needs one of: list, show/],
    ['clients toString', /needs one of/],
    ['clients show', /usage: egret clients show CLIENT/],
    ['clients show a b', /usage/],
    ['clients list --colour', /Unknown option '--colour'/],
    ['clients stop renshe --reason because', /--reason is one of/],
    ['accounts disable 15400000117', /is an account id/],
    ['outbox retry 5', /MESSAGE is an id/],
    ['outbox list --state lost', /--state is one of/],
    ['audit tail --limit 0', /from 1 to 1000/],
  ] as const) {
    const ran = await run(args);
    t.equal(ran.code, 2, args);
    t.match(ran.err, said);
    t.match(ran.err, /^EG-1902 {2}.*\n$/, 'one line, with its code');
    t.equal(ran.out, '');
  }
});

/** Every verb as the help lists it, `clients show`, with its arguments and the options it must have. */
async function everyVerb(run: Run): Promise<readonly (readonly [verb: string, args: string[], must: string])[]> {
  const { out } = await run('--help');
  return [...out.matchAll(/^ {2}egret ([a-z]+(?: [a-z][a-z-]*)?)(.*)$/gm)].map(([, verb = '', rest = '']) => [
    verb,
    [...rest.replace(/\[.*?\]|--[a-z]+ \S+/g, '').matchAll(/[A-Z]+/g)].map(([name]) => name),
    (rest.replace(/\[.*?\]/g, '').match(/--[a-z]+ [^\s|]+/g) ?? []).join(' '),
  ]);
}

t.test('every verb explains itself, and its example is one of its calls', async (t) => {
  const run = runner(t, {});
  const verbs = await everyVerb(run);
  t.ok(verbs.length > 18, `${verbs.length} verbs`);
  for (const [verb, args] of verbs) {
    const help = await run(`${verb} --help`);
    t.equal(help.code, 0, verb);
    t.match(help.out, new RegExp(`^usage: egret ${verb}\\b.*\n {4}\\w.*\nexample: (.* \\| )?egret ${verb}\\b`));
    const example = /^example: (?:.* \| )?egret (.*?)(?: > .*)?$/m.exec(help.out)?.[1]?.split(' ') ?? [];
    const given = example
      .slice(verb.split(' ').length)
      .filter((word, n, all) => !/^--/.test(word) && !/^--(?!json)/.test(all[n - 1] ?? ''));
    t.ok(given.length >= args.length, `${verb}: the example names what must be named`);
    // one verb of each room will do: they are read by the same lines
    if (verbs.find(([other]) => other.split(' ')[0] === verb.split(' ')[0])?.[0] !== verb) continue;
    const wrong = await run(`${verb} --no-such-option`);
    t.equal(wrong.code, 2, verb);
    t.match(wrong.err, /^EG-1902 {2}Unknown option '--no-such-option'; usage: egret .*\n$/);
  }
});

t.test('configuration', async (t) => {
  const run = runner(t, {});
  const check = await run('config check --json', { env: { EGRET_DATABASE_URL: 'postgres://egret:hidden@db/egret' } });
  t.equal(check.code, 0);
  t.equal(json(check).database.url, 'postgres://egret:***@db/egret');
  t.notMatch(check.out + check.err, /hidden/);
  t.match((await run('config check')).out, /the configuration is in order\n/);
  const wrong = await run('config check', { env: { EGRET_MODE: 'production', EGRET_NOPE: '1' } });
  t.equal(wrong.code, 1);
  for (const said of [/EG-1901/, /issuer must be https/, /database\.url/, /EGRET_NOPE/]) t.match(wrong.err, said);
  t.equal((await run('config limits')).out, fs.readFileSync(join(root, 'docs/limits.md'), 'utf8'));
  t.equal((await run('config errors')).out, fs.readFileSync(join(root, 'docs/errors.md'), 'utf8'));
});

t.test('a store that is not there ends with 3, at once', async (t) => {
  const closed = await new Promise<number>((done) => {
    const server = net.createServer().listen(0, '127.0.0.1', () => {
      const { port } = server.address() as net.AddressInfo;
      server.close(() => done(port));
    });
  });
  const run = runner(t, { EGRET_DATABASE_URL: `postgres://egret:hidden@127.0.0.1:${closed}/egret` });
  const id = randomUUID();
  const named: Record<string, string> = { CLIENT: 'renshe', WHO: id, ACCOUNT: id, MESSAGE: id, CASE: '7K4M-20Q9' };
  for (const [verb, args, must] of await everyVerb(run)) {
    // the doctor says it among everything else (test/cli/doctor.test.ts); these two look at their file first (test/backup)
    if (/^(serve$|doctor$|backup$|restore$|config )/.test(verb)) continue;
    const ran = await run([verb, ...args.map((name) => named[name]), must].join(' '));
    t.equal(ran.code, 3, verb);
    t.match(ran.err, /^EG-1702 {2}The records cannot be reached \(ECONNREFUSED\)\.\n$/);
    t.equal(ran.out, '');
  }
  const db = await database(t);
  for (const [other, said] of [
    [db.url.replace(/test_\w+/, 'no_such_database'), /database "no_such_database" does not exist/],
    [db.url.replace('egret@', 'stranger@'), /role "stranger" does not exist/],
  ] as const) {
    const ran = await run('clients list', { env: { EGRET_DATABASE_URL: other } });
    t.equal(ran.code, 3);
    t.match(ran.err, said);
    t.match(ran.err, /^EG-1702 {2}The database does not let us in .*\n$/);
  }
});
