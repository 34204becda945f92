import t from 'tap';
import { another, bilingual, good, item, refusal, rooms } from './room.ts';

t.setTimeout(240_000);

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
    await clients.apply([{ ...good, matter: bilingual('another matter') }]);
    t.not(clients.snapshot().clients.get('zhujian')?.itemsVersion, itemsVersion, 'the matter is a purpose too');
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
      [
        'keys twice',
        { auth: 'private_key_jwt', jwks_uri: good.home, jwks: { keys: [{}] } },
        /jwks_uri or jwks, not both/,
      ],
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
    // what is called from here, and not by the browser
    const called = {
      backchannel_logout_uri: 'https://0xa000001/',
      auth: 'private_key_jwt',
      jwks_uri: 'https://a.localhost/',
    };
    const refused = await refusal(production, [{ ...good, ...called }]);
    t.match(refused, 'backchannel_logout_uri https://10.0.0.1/ must name a public host');
    t.match(refused, 'jwks_uri https://a.localhost/ must name a public host');
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
