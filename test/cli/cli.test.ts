import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { join, resolve } from 'node:path';
import t, { type Test } from 'tap';
import { sealAccount } from '../../src/accounts/account.ts';
import { openCase } from '../../src/accounts/cases.ts';
import { insertAccount } from '../../src/accounts/records.ts';
import type { Room } from '../../src/accounts/room.ts';
import { createAudit } from '../../src/audit/audit.ts';
import { systemClock } from '../../src/clock.ts';
import { createKeys, loadKeyEncryptionKey } from '../../src/keys/keys.ts';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { createSessions } from '../../src/sessions/sessions.ts';
import { database } from '../support/database.ts';
import { program, until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';

const root = resolve(import.meta.dirname, '../..');
const egret = join(root, 'src/cli/egret');

interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as an operator would, from another folder. */
type Run = (args: string, options?: { input?: string; env?: Record<string, string> }) => Promise<Ran>;

function runner(t: Test, env: Record<string, string>): Run {
  return async (args, { input = '', env: more = {} } = {}) => {
    const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS)/.test(name));
    const ran = program(t, egret, args.split(' ').filter(Boolean), {
      cwd: '/',
      env: { ...Object.fromEntries(mine), ...env, ...more },
    });
    let out = '';
    let err = '';
    ran.child.stdout?.on('data', (text: string) => {
      out += text;
    });
    ran.child.stderr?.on('data', (text: string) => {
      err += text;
    });
    ran.child.stdin?.end(input);
    const { code } = await ran.exit;
    if (/EG-1700|^\s+at /m.test(err)) t.fail(`a fault of ours: egret ${args}: ${err}`);
    return { code, out, err };
  };
}

/** A migrated database with keys, and the rooms beside the command line. */
async function world(t: Test) {
  const db = await database(t);
  const keyFile = join(scratch(t, 'cli'), 'key');
  const clock = systemClock;
  const keys = await createKeys({
    database: db,
    keyEncryptionKey: await loadKeyEncryptionKey(keyFile, { make: true, database: db }),
    clock,
    audit: (key) => createAudit({ database: db, clock, key }),
  });
  const { vault, audit } = keys;
  const env = { EGRET_DATABASE_URL: db.url, EGRET_KEY_FILE: keyFile };
  return { db, clock, vault, audit, keyFile, env, run: runner(t, env) };
}

const json = (ran: Ran) => JSON.parse(ran.out);

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
  t.match((await run('keys --help')).out, /egret keys rotate/);
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
    t.equal(ran.out, '');
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
  const ran = await run('keys list');
  t.equal(ran.code, 3);
  t.match(ran.err, /EG-1702/);
  t.notMatch(ran.err, /hidden/);
});

t.test('an older database is refused until it is migrated', async (t) => {
  const db = await database(t, { empty: true });
  const folder = scratch(t, 'cli');
  const run = runner(t, { EGRET_DATABASE_URL: db.url, EGRET_KEY_FILE: join(folder, 'keys/key') });
  const early = await run('clients list');
  t.equal(early.code, 1);
  t.match(early.err, /EG-1903 .*egret migrate/);
  t.match((await run('migrate')).out, /applied 001_/);
  t.equal((await run('migrate')).out, 'nothing to apply\n');
  t.equal((await run('clients list')).code, 0);
  t.equal(fs.statSync(join(folder, 'keys/key')).mode & 0o777, 0o600);
});

t.test('the embedded database: made by migrate only, and left as it was found', async (t) => {
  const folder = scratch(t, 'cli', 0o711);
  const data = join(folder, 'data');
  const run = runner(t, { EGRET_DATA: data, EGRET_KEY_FILE: join(folder, 'key') });
  const early = await run('keys list');
  t.equal(early.code, 1);
  t.match(early.err, /EG-1903 .*There is no database/);
  t.notOk(fs.existsSync(data), 'a question makes no database');
  t.match((await run('migrate')).out, /applied 001_/);
  t.match((await run('keys list')).out, /^epoch 1\n/);
  t.equal((await run('audit verify')).code, 0);
  await until(() => !fs.existsSync(join(data, 'pg/postmaster.pid')));
  t.pass('nobody is left');
});

t.test('clients', async (t) => {
  const { run, env, db } = await world(t);
  t.match((await run('clients list')).out, /there are no clients/);
  const diff = await run('clients diff --json');
  t.strictSame(
    json(diff).map((one: { clientId: string; change: string }) => `${one.clientId} ${one.change}`),
    ['gongjijin new', 'haochaping new', 'jianguan new', 'renshe new', 'yibao new'],
  );
  t.equal((await db.sql`select from clients`).length, 0, 'diff writes nothing');
  t.match((await run('clients apply')).out, /gongjijin +new/);
  t.match((await run('clients apply')).out, /gongjijin +same/);

  const folder = scratch(t, 'cli');
  const text = fs.readFileSync(join(root, 'config/clients/renshe.yaml'), 'utf8');
  fs.writeFileSync(join(folder, 'renshe.yaml'), text.replace(/session_minutes: \d+/, 'session_minutes: 7'));
  t.match((await run(`clients diff ${folder}`)).out, /renshe +would be changed +session_minutes/);
  t.match((await run('clients apply', { env: { EGRET_CLIENTS: folder } })).out, /renshe +changed +session_minutes/);
  t.equal(json(await run('clients show renshe --json')).session_minutes, 7);
  fs.writeFileSync(join(folder, 'yibao.yaml'), 'client_id: yibao\nsurprise: 1\n');
  fs.writeFileSync(join(folder, 'bad.yaml'), 'a: [');
  const bad = await run(`clients apply ${folder}`);
  t.equal(bad.code, 1);
  t.match(bad.err, /EG-1601 .*bad\.yaml/);
  const broken = await run(`clients apply ${join(folder, 'yibao.yaml')}`);
  t.equal(broken.code, 1);
  t.match(broken.err, /EG-1601 [\s\S]*surprise/);

  const made = await run('clients secret gongjijin');
  t.equal(made.code, 0);
  t.match(made.out, /^[\w-]{43}\n$/, 'the secret stands alone, for scripts');
  t.match(made.err, /cannot be shown again/);
  const shown = await run('clients show gongjijin');
  t.match(shown.out, /secrets +1/);
  t.notOk(shown.out.includes(made.out.trim()));
  for (const [args, said] of [
    ['clients secret renshe', /renshe authenticates with private_key_jwt/],
    ['clients secret nobody', /no client nobody/],
    ['clients show nobody', /no client nobody/],
    ['clients stop nobody', /no client nobody/],
    ['clients start nobody', /no client nobody/],
  ] as const) {
    const ran = await run(args);
    t.equal(ran.code, 1, args);
    t.match(ran.err, said);
    t.equal(ran.out, '');
  }

  t.equal((await run('clients stop yibao --reason incident')).code, 0);
  t.match((await run('clients list')).out, /yibao +stopped/);
  t.equal((await run('clients start yibao')).code, 0);
  t.match((await run('clients list')).out, /yibao +active/);

  const tail = json(await run('audit tail --json --limit 3')) as { type: string; client: string; detail: object }[];
  t.match(tail, [
    { type: 'client.secret', client: 'gongjijin' },
    { type: 'client.stopped', client: 'yibao', detail: { reason: 'incident' } },
    { type: 'client.restarted', client: 'yibao' },
  ]);
  const production = { ...env, EGRET_MODE: 'production', EGRET_ISSUER: 'https://id.example' };
  t.match((await run('clients apply', { env: production })).err, /must be https/, 'http is for development');
});

t.test('accounts and cases, masked', async (t) => {
  const { run, db, clock, vault, audit } = await world(t);
  const id = randomUUID();
  const now = clock.now();
  const person = { name: '测试甲', idNumber: '350299199001010117', mobile: '15400000117' };
  const account = {
    ...person,
    id,
    state: 'active' as const,
    cardType: '111' as const,
    level: 2 as const,
    realNameAt: now,
    mobileIsLogin: true,
    mobileProvedAt: now,
    createdAt: now,
    updatedAt: now,
  };
  await insertAccount(db.sql, sealAccount(vault, account));
  const everything: string[] = [];
  const ask: Run = async (...args) => {
    const ran = await run(...args);
    everything.push(ran.out, ran.err);
    return ran;
  };

  for (const [args, input] of [
    [`accounts show ${id}`, ''],
    [`accounts show ${person.mobile}`, ''],
    ['accounts show -', `${person.idNumber}\n`],
  ] as const) {
    const found = json(await ask(`${args} --json`, { input }));
    t.equal(found.length, 1, args);
    t.match(found[0], { id, state: 'active', name: '测*甲', level: 2 });
  }
  t.match((await ask(`accounts show ${id}`)).out, new RegExp(`${id} +active +2`));
  t.equal((await ask('accounts show 15400000221')).code, 1);

  const sessions = createSessions({ database: db, clock });
  const session = { uid: 'aaSession', accountId: id, device: 'Firefox', methods: ['pwd'], expiresAt: now + 3_600_000 };
  await db.begin((tx) => sessions.begin(tx, session));
  const endings = () => db.sql`select kind from endings order by kind`;
  t.equal((await ask(`accounts end-sessions ${id} --reason incident`)).code, 0);
  t.match(await endings(), [{ kind: 'account' }, { kind: 'session' }]);
  t.strictSame(await sessions.list(id), []);
  t.equal((await ask(`accounts disable ${id} --reason abuse`)).code, 0);
  t.equal((await endings()).length, 3);
  const again = await ask(`accounts disable ${id}`);
  t.equal(again.code, 1);
  t.match(again.err, /EG-1904 .*already/);
  t.match((await ask(`accounts show ${id}`)).out, /disabled/);
  t.equal((await ask(`accounts enable ${id}`)).code, 0);
  t.match((await ask(`accounts show ${id}`)).out, /active/);
  for (const verb of ['disable', 'enable', 'end-sessions'])
    t.equal((await ask(`accounts ${verb} ${randomUUID()}`)).code, 1, `${verb} of nobody`);

  const events = json(await ask('audit tail --json --limit 4')) as { type: string; actor?: string; detail: object }[];
  t.strictSame(
    events.filter(({ actor }) => actor).map(({ type, detail }) => [type, (detail as { reason: string }).reason]),
    [
      ['session.ended', 'incident'],
      ['account.disabled', 'abuse'],
      ['account.enabled', 'request'],
    ],
  );

  t.match((await ask('cases list')).out, /there are no cases/);
  const room = { clock, random: randomBytes, audit } as unknown as Room;
  const number = await db.begin((tx) =>
    openCase(room, tx, { kind: 'identity-in-use', refs: { account: id }, matter: [randomBytes(8)] }),
  );
  t.match(json(await ask('cases list --json --state open')), [{ number, kind: 'identity-in-use', state: 'open' }]);
  t.match((await ask('cases list')).out, new RegExp(`${number} +identity-in-use +open`));
  t.strictSame(json(await ask('cases list --json --state closed')), []);

  const said = everything.join('\n');
  for (const secret of Object.values(person)) t.notOk(said.includes(secret), 'nothing personal is printed');
});

t.test('outbox', async (t) => {
  const { run, db, clock, vault, audit } = await world(t);
  const outbox = createOutbox({ database: db, vault, audit, clock });
  const mobile = '15400000117';
  const expiresAt = clock.now() + 3_600_000;
  const [sms, logout] = await db.begin(async (tx) => [
    await outbox.enqueue(tx, {
      kind: 'sms',
      to: mobile,
      body: { template: 'code', params: { code: '246810' } },
      expiresAt,
    }),
    await outbox.enqueue(tx, { kind: 'logout', to: 'renshe', body: {}, expiresAt }),
  ]);
  const list = await run('outbox list');
  t.match(list.out, new RegExp(`${logout} +logout +renshe +waiting`));
  t.match(list.out, new RegExp(`${sms} +sms +- +waiting`));
  t.notMatch(list.out, /15400000117|246810/);
  t.strictSame(json(await run('outbox list --json --state dead')), []);
  t.equal((await run(`outbox retry ${logout}`)).code, 0);
  t.match(json(await run('audit tail --json --limit 1')), [{ type: 'outbox.retried', client: 'renshe' }]);
  await db.sql`update outbox set state = 'delivered', sealed = null where id = ${sms as string}`;
  t.match((await run(`outbox retry ${sms}`)).err, /Nothing is left/);
  const unknown = await run(`outbox retry ${randomUUID()}`);
  t.equal(unknown.code, 1);
  t.match(unknown.err, /no message/);
});

t.test('keys and the audit trail', async (t) => {
  const { run, db, keyFile } = await world(t);
  const key = fs.readFileSync(keyFile, 'utf8').trim();
  const before = json(await run('keys list --json'));
  t.equal(before.epoch, 1);
  t.match((await run('keys list')).out, /token-signing +ES256 +current/);
  t.notOk(JSON.stringify(before).includes(key));
  t.notMatch(JSON.stringify(before), /"(sealed|secret|public)"/);
  const rotated = await run('keys rotate');
  t.equal(rotated.code, 0);
  t.match(rotated.out, /activated [\s\S]*published [\s\S]*epoch 2/);
  const early = await run('keys rotate');
  t.equal(early.code, 1);
  t.match(early.err, /EG-1807 .* may sign from 20/);
  t.equal(json(await run('keys list --json')).epoch, 2);

  const whole = await run('audit verify');
  t.equal(whole.code, 0);
  t.match(whole.out, /the trail is whole: \d+ events\nhead \d+ [0-9a-f]{64}/);
  await db.sql`delete from audit_log where number = 3`;
  const harmed = await run('audit verify --json');
  t.equal(harmed.code, 1);
  t.match(json(harmed), { ok: false, problems: [{ kind: 'missing' }] });

  fs.writeFileSync(keyFile, `${randomBytes(32).toString('base64url')}\n`);
  const wrong = await run('keys list');
  t.equal(wrong.code, 1);
  t.match(wrong.err, /EG-1802/);
});
