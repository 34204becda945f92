import { randomUUID } from 'node:crypto';
import t from 'tap';
import { until } from '../support/processes.ts';
import { ask, day, granted, minute, otherPassword, password, people, register, visitor, world } from './setup.ts';

const { jia, yi } = people;

t.test('nothing personal rests in the clear', async (t) => {
  const w = await world(t);
  const canary = await dumpOf(w.database, 'select 15400000117::text as mobile');
  t.match(canary, jia.mobile, 'the search finds what is there');
  const who = visitor();
  await register(w, jia, { who });
  await w.accounts.signInWithPassword({ ...who, loginId: jia.mobile, password: otherPassword });
  await w.accounts.signInWithPassword({ ...who, loginId: yi.mobile, password: otherPassword });
  await w.accounts.signInFromProvince({ ...who, person: { ...yi, userId: 'USER-4711', level: 2 } });
  await w.accounts.signInFromProvince({ ...who, person: { ...yi, userId: 'USER-4712', level: 2 } });
  const sent = await ask(w, who, 'sign-in', jia.mobile);
  await w.accounts.provideRealName((await w.accounts.findAccounts(jia.mobile))[0]?.id ?? '', yi);
  const tables = await w.database.sql<{ name: string }[]>`
    select table_name as name from information_schema.tables where table_schema = 'public' and table_type = 'BASE TABLE'`;
  t.ok(tables.length > 10);
  for (const { name } of tables) {
    const dump = await dumpOf(w.database, `select * from "${name}"`);
    const words = [jia, yi].flatMap((person) => [
      person.name,
      person.idNumber,
      person.mobile,
      person.idNumber.slice(6, 14),
    ]);
    for (const word of [...words, password, otherPassword, 'USER-4711', who.browser])
      t.notOk(holds(dump, word), `${name} does not hold ${word}`);
    if (name !== 'outbox') t.notOk(new RegExp(`\\b${sent.code}\\b`).test(dump), `${name} does not hold the code`);
  }
});

/** Every value as text, and every byte string also as the text it may be. */
async function dumpOf(database: { sql: { unsafe(text: string): Promise<object[]> } }, query: string): Promise<string> {
  const rows = await database.sql.unsafe(query);
  const text = (value: unknown): string =>
    value instanceof Uint8Array
      ? `${Buffer.from(value).toString('utf8')} ${Buffer.from(value).toString('utf16le')}`
      : JSON.stringify(value);
  return rows.map((row) => Object.values(row).map(text).join(' ')).join('\n');
}
const holds = (dump: string, word: string): boolean =>
  dump.includes(word) ||
  dump.includes(Buffer.from(word).toString('base64').replace(/=+$/, '')) ||
  dump.includes(Buffer.from(word).toString('hex'));

t.test('a sealed field moved to another row does not open', async (t) => {
  const w = await world(t);
  const one = await register(w, jia);
  const other = await register(w, yi);
  await w.database.sql`update accounts set name = (select name from accounts where id = ${one}) where id = ${other}`;
  await t.rejects(w.accounts.accountForClaims(other), { code: 'EG-1801' });
  t.match(await w.accounts.accountForClaims(one), { name: jia.name });
});

t.test('show, disable, enable, end sign-ins: masked, audited, told to the feed', async (t) => {
  const w = await world(t);
  const id = await register(w, jia);
  const shown = {
    id,
    state: 'active',
    name: '测*甲',
    idNumber: '350*************17',
    mobile: '154****0117',
    level: 1,
    hasPassword: true,
  };
  for (const wanted of [id, jia.mobile, jia.idNumber, ' 154 0000 0117'])
    t.match(await w.accounts.findAccounts(wanted), [shown]);
  t.notMatch(JSON.stringify(await w.accounts.findAccounts(id)), /19900101|argon2|15400000117/);
  for (const wanted of ['', 'x', '15400009999', yi.idNumber, '00000000-0000-0000-0000-000000000000'])
    t.same(await w.accounts.findAccounts(wanted), []);

  const act = { actor: Buffer.alloc(32, 7), reason: 'asked' };
  t.equal(await w.accounts.disable('nobody', act), false);
  t.equal(await w.accounts.disable(id, act), true);
  t.equal(await w.accounts.disable(id, act), false);
  t.equal(await w.accounts.accountForClaims(id), undefined);
  t.match(await w.accounts.assess(id, ['password']), { ok: false });
  t.match(await w.accounts.provideRealName(id, jia), { reason: 'way-closed' });
  t.match(await w.accounts.requestSecondFactor({ ...visitor(), accountId: id }), { reason: 'way-closed' });
  t.match(await w.accounts.endingsSince({ at: 0 }), { endings: [{ accountId: id, reason: 'disabled' }] });
  w.move(minute);
  const sent = w.inbox.length;
  granted(await w.accounts.requestCode({ ...visitor(), purpose: 'sign-in', mobile: jia.mobile }));
  t.equal(await w.accounts.enable(id, act), true);
  const who = visitor();
  await ask(w, who, 'sign-in', jia.mobile);
  t.equal(w.inbox.length, sent + 1, 'while disabled nothing was sent');
  t.match(await w.accounts.signInWithPassword({ loginId: jia.mobile, password }), { ok: true });
  t.equal(await w.accounts.endAllSignIns(id, act), true);
  t.equal((await w.accounts.endingsSince({ at: 0 })).endings.length, 2);
  const types = (await w.events()).map((event) => event.type);
  for (const type of ['account.disabled', 'account.enabled', 'session.ended']) t.ok(types.includes(type), type);
});

t.test('disabled between the factor and its transaction: not let in', async (t) => {
  const w = await world(t);
  const id = await register(w, jia);
  const [signIn] = await Promise.all([
    w.accounts.signInWithPassword({ loginId: jia.mobile, password }),
    w.database.sql`update accounts set state = 'disabled' where id = ${id}`,
  ]);
  t.match(signIn, { ok: false, reason: 'wrong-password' });
});

t.test('ended between the factor and the session: no session is made of it', async (t) => {
  const w = await world(t);
  const { accounts, database } = w;
  const id = await register(w, jia);
  const signIn = await accounts.signInWithPassword({ loginId: jia.mobile, password });
  if (!signIn.ok) throw new Error(signIn.reason);
  const stands = (found: { accountId: string; at: number }) => database.begin((tx) => accounts.signInStands(tx, found));
  t.equal(await stands(signIn.signIn), true);
  // whoever ends it has begun, and commits while the other waits
  let waiting: Promise<boolean> | undefined;
  await database.begin(async (tx) => {
    await tx`select from accounts where id = ${id} for no key update`;
    await tx`insert into account_endings (id, account_id, at, reason) values (${randomUUID()}, ${id}, ${new Date(w.clock.now())}, 'password-reset')`;
    waiting = stands(signIn.signIn);
    await until(
      async () =>
        (
          await database.sql`select from pg_stat_activity where datname = current_database() and wait_event_type = 'Lock'`
        ).length > 0,
    );
  });
  t.equal(await waiting, false);
  w.move(1);
  const later = await accounts.signInWithPassword({ loginId: jia.mobile, password });
  t.equal(later.ok && (await stands(later.signIn)), true, 'what is proved later stands');
  await accounts.disable(id, { reason: 'test' });
  t.equal(later.ok && (await stands(later.signIn)), false);
});

t.test('an ending that commits late is not missed', async (t) => {
  const w = await world(t);
  const id = await register(w, jia);
  let commit: () => void = () => {};
  const held = new Promise<void>((resolve) => {
    commit = resolve;
  });
  let written: () => void = () => {};
  const inserted = new Promise<void>((resolve) => {
    written = resolve;
  });
  const slow = w.database.begin(async (tx) => {
    await tx`insert into account_endings (id, account_id, at, reason) values (gen_random_uuid(), ${id}, ${new Date(w.clock.now())}, 'slow')`;
    written();
    await held;
  });
  await inserted;
  await w.accounts.endAllSignIns(id, { reason: 'fast' });
  const first = await w.accounts.endingsSince({ at: 0 });
  t.match(first.endings, [{ reason: 'fast' }]);
  commit();
  await slow;
  const next = await w.accounts.endingsSince({ cursor: first.cursor });
  t.ok(
    next.endings.some((ending) => ending.reason === 'slow'),
    'the cursor goes back to what was under way',
  );
});

t.test('counters lapse and are swept; browsers are a handful', async (t) => {
  const w = await world(t, { knownBrowsers: 3 });
  await register(w, jia);
  for (let turn = 0; turn < 5; turn++, w.move(1000))
    granted(await w.accounts.signInWithPassword({ ...visitor(), loginId: jia.mobile, password }));
  t.equal((await w.database.sql`select * from known_browsers`).length, 3);
  await w.accounts.signInWithPassword({ loginId: yi.mobile, password });
  t.equal(await w.accounts.sweep(), 0);
  w.move(day + minute);
  t.ok((await w.accounts.sweep()) >= 3);
  t.same(
    await w.database
      .sql`select (select count(*)::int from budgets) as b, (select count(*)::int from password_tries) as p`,
    [{ b: 0, p: 0 }],
  );
});

t.test('what nothing is left of is swept, as much of it as there is', async (t) => {
  const w = await world(t);
  const id = await register(w, jia);
  await w.accounts.endAllSignIns(id, { reason: 'test' });
  await w.database.sql`
    insert into account_endings (id, account_id, at, reason)
    select gen_random_uuid(), ${id}, ${new Date(w.clock.now() - 9 * day)}, 'old' from generate_series(1, 2500)`;
  await w.database.sql`
    insert into password_tries (key, tries, pauses, lapses_at)
    select decode(md5(n::text), 'hex'), 1, 0, ${new Date(w.clock.now() - day)} from generate_series(1, 2500) as n`;
  t.equal(await w.accounts.sweep(), 5_000);
  t.match(await w.accounts.endingsSince({ at: 0 }), { endings: [{ reason: 'test' }] }, 'what can still end something');
  t.equal((await w.accounts.endingsSince({ at: 0 })).endings.length, 1);
  w.move(7 * day);
  await w.accounts.sweep();
  t.equal((await w.accounts.endingsSince({ at: 0 })).endings.length, 1, 'a session may live for a week');
  w.move(day + minute);
  await w.accounts.sweep();
  t.same((await w.accounts.endingsSince({ at: 0 })).endings, []);
});
