import t from 'tap';
import type { ProvincePerson } from '../../src/accounts/accounts.ts';
import { ask, granted, people, register, visitor, world } from './setup.ts';

const { jia, yi } = people;
const identityOf = ({ name, idNumber }: { name: string; idNumber: string }) => ({ name, idNumber });

const ticket = (person: { name: string; idNumber: string }, userId = 'U-1', level = 2): ProvincePerson => ({
  ...identityOf(person),
  userId,
  level,
});

t.test('a ticket of the province: a new person, then the same one again', async (t) => {
  const w = await world(t);
  const first = granted(await w.accounts.signInFromProvince({ ...visitor(), person: ticket(jia) })).signIn;
  t.match(first, { level: 2, strength: 1, amr: ['tkt'], canAdd: [] });
  const again = granted(
    await w.accounts.signInFromProvince({ ...visitor(), person: ticket({ ...jia, name: '测试新名' }, 'U-1', 1) }),
  ).signIn;
  t.match(again, { accountId: first.accountId, level: 2 }, 'the level does not fall');
  t.match(
    await w.accounts.accountForClaims(first.accountId),
    { name: '测试新名', level: 2 },
    'a changed name is the person’s name',
  );
  t.equal(
    (await w.accounts.accountForClaims(first.accountId))?.mobile,
    undefined,
    'the ticket’s mobile is nobody’s login name',
  );
  const nobody = { userId: 'U-2', name: '', idNumber: '', level: 0 };
  t.match(await w.accounts.signInFromProvince({ person: nobody }), { reason: 'ticket-without-real-name' });
  const legal = { ...ticket(yi, 'U-2'), userType: 'legal' } as const;
  t.match(await w.accounts.signInFromProvince({ person: legal }), { reason: 'way-closed' });
  const passport = ticket({ ...yi, idNumber: 'E12345678' }, 'U-2');
  t.match(await w.accounts.signInFromProvince({ person: passport }), { reason: 'way-closed' });
  t.match(await w.again({ ticketLevelCap: 1 }).signInFromProvince({ person: ticket(yi, 'U-2') }), {
    signIn: { level: 1 },
  });
  // the person registers here afterwards: it is the same person
  const who = visitor();
  const { proof } = granted(
    await w.accounts.proveMobile({ ...who, purpose: 'register', ...(await ask(w, who, 'register', jia.mobile)) }),
  );
  const { draft } = granted(await w.accounts.draftRegistration({ ...who, proof, termsVersion: '1' }));
  t.match(await w.accounts.finishRegistration({ ...who, draft, realName: identityOf(jia) }), {
    reason: 'identity-in-use',
  });
  granted(await w.accounts.joinMobile({ ...who, proof, accountId: first.accountId }));
  t.match(await w.accounts.signInWithSms({ ...who, ...(await ask(w, who, 'sign-in', jia.mobile)) }), {
    signIn: { accountId: first.accountId },
  });
});

t.test('a ticket: linked by identity, never by mobile; conflicts leave a case and change nothing', async (t) => {
  const w = await world(t);
  const jiaId = await register(w, jia);
  t.match(
    await w.accounts.signInFromProvince({ person: ticket(jia, 'U-1') }),
    { signIn: { accountId: jiaId, level: 2 } },
    'the ticket raises the level',
  );
  const yiId = granted(await w.accounts.signInFromProvince({ person: ticket(yi, 'U-2', 1) })).signIn.accountId;
  t.not(yiId, jiaId);
  const dump = () => w.database.sql`select * from province_links order by user_index`;
  const links = await dump();
  const second = await w.accounts.signInFromProvince({ person: ticket(jia, 'U-3') });
  t.match(
    second,
    { reason: 'province-conflict', code: 'EG-1309', case: String },
    'one person with two platform accounts',
  );
  t.match(
    await w.accounts.signInFromProvince({ person: ticket(yi, 'U-1') }),
    { reason: 'province-conflict' },
    'USER_ID of another identity',
  );
  t.match(
    await w.accounts.signInFromProvince({ person: ticket(people.leap, 'U-1') }),
    { reason: 'province-conflict' },
    'and of a person nobody knows',
  );
  t.same(await w.accounts.signInFromProvince({ person: ticket(jia, 'U-3') }), second, 'the same case');
  t.same(await dump(), links);
  t.equal((await w.accounts.listCases({ state: 'open' })).length, 3);
  t.equal((await w.database.sql`select * from accounts`).length, 2);
  await w.accounts.disable(jiaId, { reason: 'test' });
  t.match(await w.accounts.signInFromProvince({ person: ticket(jia, 'U-1') }), { reason: 'way-closed' });
});

t.test('20 parallel tickets of one new person: one account, one link', async (t) => {
  const w = await world(t);
  const all = await Promise.all(
    Array.from({ length: 20 }, () => w.accounts.signInFromProvince({ ...visitor(), person: ticket(jia) })),
  );
  t.equal(new Set(all.map((one) => one.ok && one.signIn.accountId)).size, 1);
  t.ok(all.every((one) => one.ok));
  t.equal((await w.database.sql`select * from accounts`).length, 1);
  t.equal((await w.database.sql`select * from province_links`).length, 1);
  const mixed = await Promise.all(
    ['U-8', 'U-9'].map((userId) => w.accounts.signInFromProvince({ person: ticket(yi, userId) })),
  );
  t.equal(mixed.filter((one) => one.ok).length, 1, 'two USER_IDs of one person at once: one link, one case');
});
