import { randomBytes, randomUUID } from 'node:crypto';
import t from 'tap';
import { type Account, sealAccount } from '../../src/accounts/account.ts';
import { createAccounts } from '../../src/accounts/accounts.ts';
import { insertAccount } from '../../src/accounts/records.ts';
import { createOutbox } from '../../src/outbox/outbox.ts';
import { createSessions } from '../../src/sessions/sessions.ts';
import { json, world } from './world.ts';

// Many programs run here, and the machine may be busy.
t.setTimeout(240_000);

const jia = { name: '测试甲', idNumber: '350299199001010117' };
const yi = { name: '测试乙', idNumber: '350299199001010221' };
const mobiles = ['15400000117', '15400000221', '15400000629', '15400000040'] as const;

/** The command line on one side, and on the other the room as a gateway has it, with a province that agrees. */
async function desk(t: Parameters<typeof world>[0]) {
  const w = await world(t);
  const { db, vault, audit, clock } = w;
  const outbox = createOutbox({ database: db, vault, audit, clock });
  const sessions = createSessions({ database: db, clock });
  const accounts = createAccounts({
    ...{ database: db, vault, audit, outbox, clock, random: randomBytes },
    codes: { put: async () => {}, guess: async () => ({ outcome: 'dead' }) },
    province: { name: 'fujian', checkRealName: async () => ({ ok: true }) },
  });
  /** An account with one sign-in. */
  const person = async (mobile: string, more: Partial<Account> = {}) => {
    const id = randomUUID();
    const now = clock.now();
    const base = { id, state: 'active', mobile, mobileIsLogin: true, mobileProvedAt: now, level: 0 } as const;
    await insertAccount(db.sql, sealAccount(vault, { ...base, createdAt: now, updatedAt: now, ...more }));
    const session = { uid: `aa${id}`, accountId: id, device: 'Firefox', methods: ['pwd'], expiresAt: now + 3_600_000 };
    await db.begin((tx) => sessions.begin(tx, session));
    return id;
  };
  const ticket = async (userId: string, who: typeof jia) => {
    const came = await accounts.signInFromProvince({ person: { userId, level: 2, ...who } });
    return came.ok ? came.signIn.accountId : (came.case ?? came.reason);
  };
  /** Who proves the three factors of a person that another account holds: the number of the case. */
  const conflict = async (account: string, who: typeof jia) => {
    const refused = await accounts.provideRealName(account, who);
    if (refused.ok || !refused.case) throw new Error(`no conflict: ${JSON.stringify(refused)}`);
    return refused.case;
  };
  const told = async () => {
    const rows = await db.sql<{ id: string; sealed: Buffer }[]>`select id, sealed from outbox order by created_at`;
    return rows.map(({ id, sealed }) => JSON.parse(vault.open(sealed, `outbox.message:${id}`)).to as string).sort();
  };
  return { ...w, sessions, accounts, person, ticket, conflict, told };
}

t.test('a case is shown masked, resolved once, and what it moves is moved', async (t) => {
  const d = await desk(t);
  const { run, sessions } = d;
  const ran: string[] = [];
  const ask = async (args: string) => {
    const one = await run(args);
    ran.push(one.out, one.err);
    return one;
  };
  const first = await d.person(mobiles[0], { ...jia, cardType: '111', level: 2, realNameAt: d.clock.now() });
  const second = await d.person(mobiles[1]);
  t.equal(await d.ticket('u-1', jia), first, 'the province knows the first');
  const number = await d.conflict(second, jia);

  const shown = json(await ask(`cases show ${number.toLowerCase()} --json`));
  t.match(shown, { number, kind: 'identity-in-use', state: 'open', outcomes: ['apart', 'move-identity'] });
  t.match(shown.accounts, [
    { role: 'first', id: first, name: '测*甲', level: 2 },
    { role: 'second', id: second, level: 0 },
  ]);
  t.match((await ask(`cases show ${number}`)).out, new RegExp(`may be +apart, move-identity[^]*first +${first}`));

  for (const [args, code, said] of [
    [`cases resolve ${number} --by w1`, 2, /EG-1902 .*--as is one of/],
    [`cases resolve ${number} --as merge --by w1`, 2, /EG-1902 .*--as is one of/],
    [`cases resolve ${number} --as apart`, 2, /EG-1902 .*--by/],
    ['cases resolve 7K4M --as apart --by w1', 2, /EG-1902 .*CASE/],
    ['cases resolve 0000-0000 --as apart --by w1', 1, /EG-1930 /],
    ['cases show 0000-0000', 1, /EG-1930 /],
    [`cases resolve ${number} --as relink --by w1`, 1, /EG-1932 /],
  ] as const) {
    const one = await ask(args);
    t.equal(one.code, code, args);
    t.match(one.err, said);
  }
  t.match(json(await ask('cases list --json')), [{ number, state: 'open' }], 'no refusal closes it');
  t.equal((await sessions.list(first)).length, 1);

  const both = await Promise.all(
    ['w1', 'w2'].map((who) => ask(`cases resolve ${number} --as move-identity --by ${who}`)),
  );
  t.same(both.map(({ code }) => code).sort(), [0, 1], 'of two operators one wins');
  t.match(both.find(({ code }) => code === 1)?.err, /EG-1931 /);
  t.match((await ask(`cases resolve ${number} --as apart --by w1`)).err, /EG-1931 /);

  t.match(json(await ask(`accounts show ${first} --json`)), [{ level: 0, name: undefined }]);
  t.match(json(await ask(`accounts show ${second} --json`)), [{ level: 1, name: '测*甲' }]);
  t.same([...(await sessions.list(first)), ...(await sessions.list(second))], [], 'both are signed out');
  t.same(await d.told(), [mobiles[0], mobiles[1]], 'both are told');
  t.equal(await d.ticket('u-1', jia), second, 'and the ticket follows the identity');
  t.equal((await d.accounts.accountForClaims(second))?.idNumber, jia.idNumber, 'sealed in its new place');

  const events = json(await ask('audit tail --json --limit 60')) as Record<string, unknown>[];
  const ref = (id: string) => d.vault.mac('audit-ref', id).toString('base64url');
  const winner = both[0]?.code === 0 ? 'w1' : 'w2';
  const of = (type: string) => events.filter((event) => event.type === type && event.outcome === 'success');
  t.match(of('case.resolved'), [
    {
      case: number,
      actor: ref(`operator:${winner}`),
      detail: { kind: 'identity-in-use', as: 'move-identity', user: String },
    },
  ]);
  t.match(
    of('real-name.level').filter((event) => event.case),
    [
      { subject: ref(first), detail: { from: 2, to: 0, way: 'case' } },
      { subject: ref(second), detail: { from: 0, to: 1, way: 'case' } },
    ],
  );
  t.equal(of('session.ended').length, 2);
  t.ok(of('account.looked-up').some((event) => event.case === number && event.subject === ref(first)));
  t.same(
    events.filter((event) => event.type === 'case.resolved' && event.outcome === 'refused').map(({ code }) => code),
    ['EG-1930', 'EG-1932', 'EG-1931', 'EG-1931'],
  );
  const said = ran.join('\n');
  for (const secret of [jia.name, jia.idNumber, ...mobiles]) t.notOk(said.includes(secret), 'nothing personal');
});

t.test('an outcome must fit what is so now; links that contradict go', async (t) => {
  const d = await desk(t);
  const { run } = d;
  const first = await d.person(mobiles[0], { ...jia, cardType: '111', level: 1, realNameAt: d.clock.now() });
  const second = await d.person(mobiles[1]);
  const number = await d.conflict(second, jia);
  // the mobile that was proved together with the identity is not this account's any more
  const { mobile, mobile_index } = sealAccount(d.vault, {
    ...{ id: second, state: 'active', mobile: mobiles[2], mobileIsLogin: true, level: 0, createdAt: 0, updatedAt: 0 },
  });
  await d.db.sql`update accounts set ${d.db.sql({ mobile, mobile_index })} where id = ${second}`;
  t.match(json(await run(`cases show ${number} --json`)).outcomes, ['apart']);
  t.match((await run(`cases resolve ${number} --as move-identity --by w1`)).err, /EG-1932 /);
  t.equal((await run(`cases resolve ${number} --as apart --by w1`)).out, `${number} is closed as apart\n`);
  t.equal((await d.sessions.list(second)).length, 1, 'nobody is signed out');
  t.match(json(await run('cases list --json --state closed')), [{ number, outcome: 'apart', closedBy: String }]);
  t.not(await d.conflict(second, jia), number, 'what is tried again is another case');

  t.equal(await d.ticket('u-1', jia), first);
  const contradiction = await d.ticket('u-1', yi);
  const shown = json(await run(`cases show ${contradiction} --json`));
  t.match(shown, { kind: 'province-conflict', outcomes: ['apart', 'relink'] });
  t.match(shown.accounts, [{ role: 'userIdOf', id: first, linkedAt: Number }]);
  const done = await run(`cases resolve ${contradiction} --as relink --by w1`);
  t.match(done.out, new RegExp(`closed as relink\nevery sign-in of ${first} is ended`));
  t.same(await d.sessions.list(first), []);
  t.same(await d.told(), [mobiles[0]]);
  const own = await d.ticket('u-1', yi);
  t.match(own, /^[0-9a-f-]{36}$/, 'USER_ID leads to its person now');
  t.not(own, first);
  t.equal(await d.ticket('u-2', jia), first, 'and the first is linked by its own');
  t.match((await run('audit verify')).out, /the trail is whole/);
});
