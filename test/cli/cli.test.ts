import { randomBytes, randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { sealAccount } from '../../src/accounts/account.ts';
import { openCase } from '../../src/accounts/cases/cases.ts';
import { insertAccount } from '../../src/accounts/records.ts';
import type { Room } from '../../src/accounts/room.ts';
import { operatorReference } from '../../src/cli/open.ts';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { createSessions } from '../../src/sessions/sessions.ts';
import { database } from '../support/database.ts';
import { until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { json, type Run, root, runner, world } from './world.ts';

// Many programs run here, and the machine may be busy.
t.setTimeout(300_000);

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
  for (const [path, said] of [
    [scratch(t, 'cli'), /^EG-1601 {2}There is no \*\.yaml in \S+\n$/],
    [join(folder, 'nowhere'), /^EG-1601 {2}\S+ does not exist\n$/],
    [join(root, 'config/egret.yaml'), /^EG-1601 {2}\S+egret\.yaml: this is no definition of a client, .*\n$/],
  ] as const) {
    const none = await run(`clients apply ${path}`);
    t.equal(none.code, 1);
    t.match(none.err, said);
  }
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
    ['clients secret renshe', /^EG-1909 {2}renshe authenticates with private_key_jwt/],
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
  const repeated = await run('clients stop yibao');
  t.strictSame(
    [repeated.code, repeated.out, repeated.err],
    [1, '', 'EG-1909  yibao is stopped already: nothing was changed.\n'],
  );
  t.equal((await run('clients start yibao')).code, 0);
  t.match((await run('clients list')).out, /yibao +active/);
  t.match((await run('clients start yibao')).err, /^EG-1909 {2}yibao is active already/);

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
  const nobody = await ask('accounts show 15400000221');
  t.equal(nobody.code, 1);
  t.equal(nobody.err, 'EG-1904  There is no such account.\n');
  const typed = await ask('accounts show 1540000022');
  t.equal(typed.code, 2);
  t.match(typed.err, /^EG-1902 {2}WHO is an account id, a mobile, or an ID number/);
  t.notMatch(typed.err, /1540000022/, 'what was typed is not repeated');

  // who looked at whom, and how: with references, never with what was typed
  const looks = json(await ask('audit tail --json --limit 10')) as Record<string, unknown>[];
  const ref = vault.mac('audit-ref', id).toString('base64url');
  t.match(
    looks.filter(({ type }) => type === 'account.looked-up'),
    [
      { subject: ref, actor: String, outcome: 'success', detail: { by: 'command-line', way: 'account' } },
      { subject: ref, detail: { way: 'mobile' } },
      { subject: ref, detail: { way: 'id-number' } },
      { subject: ref, detail: { way: 'account' } },
      { outcome: 'refused', code: 'EG-1904', detail: { way: 'mobile' } },
    ],
  );

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
  t.match(again.err, /^EG-1909 .*is disabled already/);
  t.match((await ask(`accounts show ${id}`)).out, /disabled/);
  t.equal((await ask(`accounts enable ${id}`)).code, 0);
  t.match((await ask(`accounts show ${id}`)).out, /active/);
  for (const verb of ['disable', 'enable', 'end-sessions'])
    t.equal((await ask(`accounts ${verb} ${randomUUID()}`)).code, 1, `${verb} of nobody`);

  const events = json(await ask('audit tail --json --limit 8')) as { type: string; actor?: string; detail: object }[];
  t.strictSame(
    events
      .filter(({ type, actor }) => actor && type !== 'account.looked-up')
      .map(({ type, detail }) => [type, (detail as { reason: string }).reason]),
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
  t.match(json(await run('audit tail --json --limit 1')), [
    { type: 'outbox.retried', client: 'renshe', actor: operatorReference(vault).toString('base64url') },
  ]);
  await db.sql`update outbox set state = 'delivered', sealed = null where id = ${sms as string}`;
  t.match((await run(`outbox retry ${sms}`)).err, /^EG-1909 {2}Nothing is left/);
  const unknown = await run(`outbox retry ${randomUUID()}`);
  t.equal(unknown.code, 1);
  t.match(unknown.err, /^EG-1904 {2}There is no message/);
});

t.test('keys and the audit trail', async (t) => {
  const { run, db, keyFile, vault } = await world(t);
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
  const actor = operatorReference(vault).toString('base64url');
  const told = json(await run('audit tail --json --limit 3')) as object[];
  t.match(
    told,
    ['activated', 'published', 'refused'].map((what) => ({ type: `key.${what}`, actor })),
    'who turned the keys, and who tried',
  );

  const whole = await run('audit verify');
  t.equal(whole.code, 0);
  t.match(whole.out, /the trail is whole: \d+ events\nhead \d+ [0-9a-f]{64}/);
  await db.sql`delete from audit_log where number = 3`;
  const harmed = await run('audit verify --json');
  t.equal(harmed.code, 1);
  t.match(harmed.err, /^EG-1811 /);
  t.match(json(harmed), { ok: false, problems: [{ kind: 'missing' }] });

  fs.writeFileSync(keyFile, `${randomBytes(32).toString('base64url')}\n`);
  const wrong = await run('keys list');
  t.equal(wrong.code, 1);
  t.match(wrong.err, /EG-1802/);
});
