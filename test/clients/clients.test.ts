import t, { type Test } from 'tap';
import { type Clients, createClients } from '../../src/clients/clients.ts';
import { shiftedClock } from '../../src/clock.ts';
import type { EgretError } from '../../src/errors.ts';
import { openDatabase } from '../../src/store/database.ts';
import { world } from '../cli/world.ts';
import { until } from '../support/processes.ts';

/**
 * The room over its own front door, with its real neighbours: a database, the keys, the audit trail. Other processes
 * are the command line, and a second instance with connections of its own.
 */
t.setTimeout(240_000);

const patience = 60_000;

const bilingual = (text: string) => ({ zh: text, en: text });
const item = {
  scope: 'openid',
  group: 'told',
  purpose: bilingual('why'),
  without: bilingual('what if not'),
  basis: bilingual('the law'),
};
/** A definition in which nothing is wrong. */
const good = {
  client_id: 'zhujian',
  name: { zh: '市住建局', en: 'Housing Bureau' },
  department: { zh: '厦门市住房和建设局', en: 'Xiamen Housing and Construction Bureau', seal: '建' },
  kind: 'web',
  sector: 'zhujian.xm',
  auth: 'client_secret_basic',
  redirect_uris: ['https://zhujian.example/callback'],
  post_logout_redirect_uris: ['https://zhujian.example/signed-out'],
  backchannel_logout_uri: 'https://zhujian.example/backchannel-logout',
  home: 'https://zhujian.example/',
  sign_out: 'https://zhujian.example/sign-out',
  scopes: ['openid', 'profile'],
  grants: ['authorization_code', 'refresh_token'],
  session_minutes: 30,
  items: [item],
};
const another = {
  ...good,
  client_id: 'jiaoyu',
  sector: 'jiaoyu.xm',
  auth: 'private_key_jwt',
  jwks_uri: 'https://jiaoyu.example/jwks.json',
};

async function rooms(t: Test) {
  const own = await world(t);
  let offset = 0;
  const clock = shiftedClock(() => offset);
  const { db, vault, audit } = own;
  const open = (development: boolean, database = db as Parameters<typeof createClients>[0]['database']) =>
    createClients({ database, vault, audit, clock, development });
  const { sql } = db;
  return {
    ...own,
    open,
    clients: await open(true),
    move: (ms: number) => {
      offset += ms;
    },
    /** Everything that the room keeps, and what it told the audit trail. */
    async kept(): Promise<string> {
      const rows = await sql`
        select (select jsonb_agg(c order by client_id) from clients c) as clients,
          (select jsonb_agg(s order by hash) from client_secrets s) as secrets,
          (select version from clients_version) as version,
          (select count(*) from audit_inbox) as told`;
      return JSON.stringify(rows);
    },
    /** Of this room, oldest first. */
    async events(): Promise<Record<string, unknown>[]> {
      const rows = await sql<{ event: string }[]>`select event from audit_inbox order by arrived`;
      return rows.map(({ event }) => JSON.parse(event)).filter(({ type }) => type.startsWith('client.'));
    },
  };
}

/** What EG-1601 says of these. */
async function refusal(clients: Clients, definitions: readonly unknown[]): Promise<string> {
  try {
    await clients.apply(definitions);
  } catch (error) {
    if ((error as EgretError).code === 'EG-1601') return (error as EgretError).message;
    throw error;
  }
  return 'it was taken';
}

t.test('apply', async (t) => {
  const { clients, kept, events, open } = await rooms(t);

  await t.test('new, then the same, whatever the order of its fields', async (t) => {
    let heard = 0;
    const unhear = clients.onChange(() => {
      heard += 1;
    });
    t.same(await clients.diff([good, another]), [
      { clientId: 'zhujian', change: 'new', fields: [] },
      { clientId: 'jiaoyu', change: 'new', fields: [] },
    ]);
    t.equal(clients.snapshot().clients.size, 0, 'a diff writes nothing');
    await clients.apply([good, another], 'test');
    const { version } = clients.snapshot();
    t.match(clients.snapshot().clients.get('zhujian'), { ...good, state: 'active', secretHashes: [], origins: [] });
    t.equal(heard, 1, 'one change for all that was applied together');
    const before = await kept();
    const turned = Object.fromEntries(Object.entries(good).reverse());
    t.same(
      (await clients.apply([another, turned])).map(({ change }) => change),
      ['same', 'same'],
    );
    t.equal(await kept(), before, 'nothing is written, nor audited');
    t.equal(clients.snapshot().version, version);
    t.equal(heard, 1, 'and nobody is woken');
    unhear();
    await clients.apply([{ ...good, session_minutes: 31 }]);
    t.equal(heard, 1, 'who no longer listens is not told');
    await clients.apply([good]);
  });

  await t.test('a change names the fields, and one taken out is gone', async (t) => {
    const { sign_out: _, ...less } = { ...good, session_minutes: 20, name: bilingual('住建') };
    t.same(await clients.apply([less]), [
      { clientId: 'zhujian', change: 'changed', fields: ['name', 'sign_out', 'session_minutes'] },
    ]);
    const record = clients.snapshot().clients.get('zhujian');
    t.equal(record?.sign_out, undefined);
    t.equal(record?.session_minutes, 20);
    t.ok(clients.snapshot().clients.has('jiaoyu'), 'who is not among the definitions stays');
    const { itemsVersion } = record ?? {};
    await clients.apply([{ ...good, items: [{ ...item, purpose: bilingual('another reason') }] }]);
    t.not(clients.snapshot().clients.get('zhujian')?.itemsVersion, itemsVersion, 'people are shown other words');
    await clients.apply([good]);
    t.equal(clients.snapshot().clients.get('zhujian')?.itemsVersion, itemsVersion);
  });

  await t.test('each is told to the audit trail, with the fields and who it was', async (t) => {
    t.match(
      (await events()).slice(0, 2),
      [
        { type: 'client.applied', outcome: 'success', client: 'zhujian', detail: { change: 'new', by: 'test' } },
        { type: 'client.applied', outcome: 'success', client: 'jiaoyu', detail: { change: 'new', by: 'test' } },
      ],
      'in the order they were given',
    );
    t.match((await events()).at(4), {
      client: 'zhujian',
      detail: { change: 'changed', fields: ['name', 'sign_out', 'session_minutes'], by: 'file' },
    });
  });

  await t.test('bad values: each refused by client and field, and nothing of it written', async (t) => {
    const before = await kept();
    const { clients: standing } = clients.snapshot();
    const cases: [string, Record<string, unknown>, RegExp][] = [
      ['an unknown key', { surprise: 1 }, /surprise/],
      ['a state, which is not a file’s to say', { state: 'stopped' }, /state/],
      ['a secret', { client_secret: 'x'.repeat(43) }, /client_secret/],
      ['an unknown key further in', { department: { ...good.department, fax: '1' } }, /department.*fax/],
      ['an unknown key in an item', { items: [{ ...item, optional: true }] }, /items.*optional/],
      ['nothing where a name should be', { name: undefined }, /name/],
      ['one language', { name: { zh: '住建' } }, /name.*en/],
      ['an empty name', { name: { zh: '', en: 'x' } }, /name\/zh/],
      ['a seal of three characters', { department: { ...good.department, seal: '住建局' } }, /department\/seal/],
      ['a word for a number', { session_minutes: '30' }, /session_minutes/],
      ['half a minute', { session_minutes: 0.5 }, /session_minutes/],
      ['no time', { session_minutes: 0 }, /session_minutes/],
      ['longer than a day', { session_minutes: 1441 }, /session_minutes/],
      ['an unknown kind', { kind: 'mobile' }, /kind/],
      ['a secret in the form', { auth: 'client_secret_post' }, /auth/],
      ['the implicit grant', { grants: ['implicit'] }, /grants/],
      ['no grant', { grants: [] }, /grants/],
      ['an unknown scope', { scopes: ['openid', 'admin'] }, /scopes/],
      ['no openid', { scopes: ['profile'] }, /scopes.*openid/],
      ['a sector with blanks', { sector: 'a b' }, /sector/],
      ['an unknown group', { items: [{ ...item, group: 'silent' }] }, /items\/0\/group/],
      ['an item without its reason', { items: [{ ...item, purpose: undefined }] }, /items.*purpose/],
      ['one address, no list', { redirect_uris: good.redirect_uris[0] }, /redirect_uris/],
      ['a number for an address', { redirect_uris: [7] }, /redirect_uris/],
      ['too many addresses', { redirect_uris: Array(21).fill(good.redirect_uris[0]) }, /redirect_uris/],
      ['an address too long', { redirect_uris: [`https://a.example/${'a'.repeat(500)}`] }, /redirect_uris/],
      ['no address for a code', { redirect_uris: [] }, /redirect_uris/],
      ['a key for nobody', { auth: 'private_key_jwt' }, /private_key_jwt.*jwks/],
      ['keys twice', { auth: 'private_key_jwt', jwks_uri: good.home, jwks: { keys: [{}] } }, /private_key_jwt.*one/],
      ['an empty set of keys', { auth: 'private_key_jwt', jwks: { keys: [] } }, /jwks/],
      ['credentials of a public client', { auth: 'none', grants: ['client_credentials'] }, /client_credentials/],
      ['an origin with a path', { origins: ['https://zhujian.example/'] }, /origins.*bare/],
      ['a script as its home', { home: 'javascript:alert(1)' }, /home/],
      ['a text as its sign-out', { sign_out: 'data:text/html,out' }, /sign_out/],
      ['notices to anybody', { backchannel_logout_uri: 'http://zhujian.example/out' }, /backchannel_logout_uri.*https/],
      ['keys from anywhere', { auth: 'private_key_jwt', jwks_uri: 'http://a.example/' }, /jwks_uri.*https/],
      [
        'a fragment after sign-out',
        { post_logout_redirect_uris: ['https://a.example/#x'] },
        /post_logout_redirect_uris/,
      ],
    ];
    for (const [name, change, said] of cases) {
      const wrong = await refusal(clients, [
        { ...another, session_minutes: 5 },
        { ...good, ...change },
      ]);
      const line = wrong.split('\n').find((each) => said.test(each));
      t.match(line ?? wrong, /^(EG-1601 .*)?zhujian: /, name);
      t.match(line ?? wrong, said, name);
    }
    for (const id of ['Zhujian', 'z', 'zhu jian', '-zhujian', '../etc', `z${'a'.repeat(63)}`, 7, undefined])
      t.match(await refusal(clients, [{ ...good, client_id: id }]), /client_id/, `client_id ${id}`);
    for (const nothing of ['zhujian', 7, [], null])
      t.match(await refusal(clients, [nothing]), /a client: /, `${JSON.stringify(nothing)} for a definition`);
    t.match(await refusal(clients, [good, { ...good, session_minutes: 5 }]), /zhujian is defined twice/);
    const both = await refusal(clients, [
      { ...good, kind: 'mobile', session_minutes: 0 },
      { ...another, sector: '' },
    ]);
    for (const said of [/zhujian: .*kind/, /zhujian: .*session_minutes/, /jiaoyu: .*sector/])
      t.match(both, said, 'all that is wrong is said at once');
    t.equal(await kept(), before);
    t.equal(clients.snapshot().clients, standing, 'nor is anything in force');
  });

  await t.test('addresses that a code may not go to', async (t) => {
    const before = await kept();
    const production = await open(false);
    const here = ['http://127.0.0.1:9/callback', 'http://localhost:9/callback', 'http://[::1]:9/callback'];
    const never = [
      'http://zhujian.example/callback',
      'http://localhost.zhujian.example/callback',
      'http://127.0.0.1.zhujian.example/callback',
      'http://192.168.0.1/callback',
      'https://zhujian.example/callback#at',
      'https://zhujian.example/callback#',
      'https://*.zhujian.example/callback',
      'https://zhujian.example/*',
      'https://somebody:secret@zhujian.example/callback',
      'https://somebody@zhujian.example/callback',
      '/callback',
      '//zhujian.example/callback',
      'zhujian.example/callback',
      'https://',
      'javascript:alert(document.domain)',
      'data:text/html,callback',
      'file:///etc/passwd',
      'zhujian-app://callback',
      ' https://zhujian.example/callback',
      'https://zhujian.example/call\nback',
      'https://zhujian.example\\callback',
    ];
    for (const field of ['redirect_uris', 'post_logout_redirect_uris'] as const) {
      for (const address of never)
        for (const each of [clients, production])
          t.match(await refusal(each, [{ ...good, [field]: [address] }]), `zhujian: ${field} `, `${field} ${address}`);
      for (const address of here)
        t.match(
          await refusal(production, [{ ...good, [field]: [address] }]),
          `zhujian: ${field} ${address} must be https`,
        );
    }
    t.equal(await kept(), before);
    await clients.apply([{ ...good, redirect_uris: here }]);
    t.same(clients.snapshot().clients.get('zhujian')?.redirect_uris, here, 'in development, on this machine');
    await production.apply([good]);
    t.same(production.snapshot().clients.get('zhujian')?.redirect_uris, good.redirect_uris);
  });

  await t.test('by two at once: both hold', async (t) => {
    const side = await open(true);
    const [one, two] = [
      { ...good, session_minutes: 41 },
      { ...another, session_minutes: 42 },
    ];
    await Promise.all([clients.apply([one]), side.apply([two]), clients.apply([one]), side.apply([one, two])]);
    for (const each of [clients, side]) {
      await each.refresh();
      const minutes = ['zhujian', 'jiaoyu'].map((id) => each.snapshot().clients.get(id)?.session_minutes);
      t.same(minutes, [41, 42]);
    }
  });
});

t.test('stopped and started', async (t) => {
  const { clients, events, kept } = await rooms(t);
  await clients.apply([good]);
  const state = () => clients.snapshot().clients.get('zhujian')?.state;
  t.equal(await clients.stopClient('zhujian', 'incident'), true);
  t.equal(state(), 'stopped', 'in force when it resolves');
  t.match(await clients.apply([good]), [{ change: 'same' }], 'a file does not say whether it is stopped');
  await clients.apply([{ ...good, session_minutes: 7 }]);
  t.equal(state(), 'stopped', 'nor does a changed one start it');
  t.equal(await clients.startClient('zhujian'), true);
  t.equal(state(), 'active');
  t.match(
    (await events()).filter(({ type }) => type !== 'client.applied'),
    [
      { type: 'client.stopped', outcome: 'success', client: 'zhujian', detail: { reason: 'incident' } },
      { type: 'client.restarted', outcome: 'success', client: 'zhujian' },
    ],
  );
  const before = await kept();
  t.equal(await clients.stopClient('nobody', 'incident'), false);
  t.equal(await clients.startClient('nobody'), false);
  t.equal(await kept(), before, 'who is not there is neither stopped nor told of');
});

t.test('secrets', async (t) => {
  const { clients, db, vault, move, events, kept, open } = await rooms(t);
  await clients.apply([good, another]);
  const hashed = (secret: string | undefined) => vault.mac('client-secret', secret ?? '').toString('base64url');
  const standing = () => clients.snapshot().clients.get('zhujian')?.secretHashes;
  const make = async (): Promise<string> => {
    move(1_000);
    return (await clients.newSecret('zhujian')) ?? '';
  };
  const first = await make();
  t.match(first, /^[\w-]{43}$/, '256 bits');
  t.same(standing(), [hashed(first)]);
  const second = await make();
  t.same(standing(), [hashed(second), hashed(first)], 'two overlap');
  const third = await make();
  t.same(standing(), [hashed(third), hashed(second)], 'the third displaces the oldest');
  t.equal(new Set([first, second, third]).size, 3);
  const rows = await db.sql<{ hash: Buffer }[]>`select hash from client_secrets order by created_at desc`;
  t.same(
    rows.map(({ hash }) => hash.toString('base64url')),
    [hashed(third), hashed(second)],
    'what rests is a keyed hash, and no more of them',
  );
  const everything = [await kept(), JSON.stringify([...clients.snapshot().clients]), JSON.stringify(await events())];
  t.match(everything[2], /client\.secret/, 'a search that can find something');
  for (const secret of [first, second, third])
    for (const [form, text] of [
      ['as it is', secret],
      ['as bytes', Buffer.from(secret, 'base64url').toString('hex')],
      ['its letters as bytes', Buffer.from(secret).toString('hex')],
    ] as const)
      t.notOk(
        everything.some((each) => each.includes(text)),
        `${form}: nowhere`,
      );
  t.match(
    (await events()).filter(({ type }) => type === 'client.secret'),
    Array(3).fill({ outcome: 'success', client: 'zhujian', detail: { step: 'made' } }),
  );

  await t.test('made at one moment, or where the clock is behind: the new one always holds', async (t) => {
    for (const step of [0, 0, -3_600_000, 0, -3_600_000]) {
      move(step);
      const made = hashed(await clients.newSecret('zhujian'));
      t.ok(standing()?.includes(made), `moved by ${step}`);
      t.equal(standing()?.length, 2, 'and one before it');
    }
  });

  await t.test('made by several at once: two are left', async (t) => {
    move(10_800_000);
    const sides = await Promise.all(Array.from({ length: 4 }, () => open(true)));
    const made = (await Promise.all(sides.map((side) => side.newSecret('zhujian')))).map(hashed);
    await clients.refresh();
    t.equal(standing()?.length, 2);
    t.ok(standing()?.every((each) => made.includes(each)));
  });

  await t.test('a definition that is applied again keeps them', async (t) => {
    const before = standing();
    await clients.apply([{ ...good, session_minutes: 9 }]);
    t.same(standing(), before);
  });

  await t.test('who has none', async (t) => {
    const before = await kept();
    t.equal(await clients.newSecret('jiaoyu'), undefined, 'it signs with a key');
    t.equal(await clients.newSecret('nobody'), undefined);
    t.equal(await kept(), before);
  });
});

t.test('another process follows', async (t) => {
  const { clients, db, vault, run } = await rooms(t);
  const connections = openDatabase({ url: db.url, max: 2 });
  const follower = await createClients({
    database: connections,
    vault,
    audit: {
      async record() {
        t.fail('who follows writes nothing');
      },
    },
    clock: shiftedClock(() => 0),
    development: true,
  });
  await follower.start();
  t.teardown(async () => {
    await follower.stop();
    await connections.close();
  });
  const record = () => follower.snapshot().clients.get('zhujian');
  let heard = 0;
  follower.onChange(() => {
    heard += 1;
  });

  await clients.apply([good]);
  await until(() => record() !== undefined, patience);
  t.match(record(), { ...good, state: 'active' });
  await clients.apply([{ ...good, session_minutes: 12 }]);
  await until(() => record()?.session_minutes === 12, patience);
  await clients.stopClient('zhujian', 'incident');
  await until(() => record()?.state === 'stopped', patience);
  t.equal(heard, 3, 'told once of each');

  // the command line is a process of its own
  t.equal((await run('clients start zhujian')).code, 0);
  await until(() => record()?.state === 'active', patience);
  const made = await run('clients secret zhujian');
  t.equal(made.code, 0);
  await until(() => record()?.secretHashes.length === 1, patience);
  t.equal(
    record()?.secretHashes[0],
    vault.mac('client-secret', made.out.trim()).toString('base64url'),
    'the secret that was printed is the one that holds',
  );
  t.notMatch((await run('clients show zhujian --json')).out, made.out.trim(), 'it is printed once');

  await t.test('by notice, and does so no longer once it is stopped', async (t) => {
    let noticed = 0;
    const { unlisten } = await connections.sql.listen('egret_clients', () => {
      noticed += 1;
    });
    await clients.stopClient('zhujian', 'maintenance');
    await until(() => noticed === 1, patience);
    await clients.apply([{ ...good, session_minutes: 12 }]);
    await until(() => record()?.state === 'stopped', patience);
    await follower.stop();
    await clients.startClient('zhujian');
    await until(() => noticed === 2, patience);
    t.equal(record()?.state, 'stopped', 'nothing is read after its end');
    await follower.refresh();
    t.equal(record()?.state, 'active', 'unless it is asked to');
    await unlisten();
  });
});
