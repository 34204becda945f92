import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import t from 'tap';
import { stringify } from 'yaml';
import { createClients } from '../../src/clients/clients.ts';
import { shiftedClock } from '../../src/clock.ts';
import { openDatabase } from '../../src/store/database.ts';
import { until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { another, good, patience, rooms } from './room.ts';

t.setTimeout(240_000);

t.test('stopped and started', async (t) => {
  const { clients, events, kept } = await rooms(t);
  await clients.apply([good]);
  const state = () => clients.snapshot().clients.get('zhujian')?.state;
  t.equal(await clients.stopClient('zhujian', 'incident'), true);
  t.equal(await clients.stopClient('zhujian', 'incident'), false, 'it is stopped already');
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
  const { clients, db, vault, run, events, kept } = await rooms(t);
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
  t.equal((await run('clients stop zhujian --reason incident')).code, 0);
  await until(() => record()?.state === 'stopped', patience);
  t.equal((await run('clients start zhujian')).code, 0);
  await until(() => record()?.state === 'active', patience);
  const told = (await events()).slice(-4);
  t.same(
    told.map(({ type }) => type),
    ['client.restarted', 'client.secret', 'client.stopped', 'client.restarted'],
  );
  const actors = new Set(told.map(({ actor }) => actor));
  t.match([...actors], [/^[\w-]{43}$/], 'one operator, as a keyed reference');

  await t.test('a file with a slip in it is named, and the key', async (t) => {
    const folder = scratch(t, 'definitions');
    const file = join(folder, 'zhujian.yaml');
    const before = await kept();
    writeFileSync(file, stringify({ ...good, sesion_minutes: 30 }));
    const slip = await run(`clients apply ${folder}`);
    t.not(slip.code, 0);
    t.match(slip.err, /EG-1601/);
    t.match(slip.err, /zhujian\.yaml: zhujian: .*sesion_minutes/);
    writeFileSync(file, stringify({ ...good, redirect_uris: ['http://zhujian.example/callback'] }));
    t.match((await run(`clients apply ${folder}`)).err, /zhujian\.yaml: zhujian: redirect_uris .* must be https/);
    t.equal(await kept(), before);
  });

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
