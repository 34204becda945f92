import t from 'tap';
import { ask, day, granted, otherPassword, password, people, register, visitor, world } from './setup.ts';

const { jia, yi } = people;
const identityOf = ({ name, idNumber }: { name: string; idNumber: string }) => ({ name, idNumber });

t.test('mobile, code, password, real name: one account, one transaction, its events', async (t) => {
  const w = await world(t);
  const who = visitor();
  const { challenge, code } = await ask(w, who, 'register', '+86 154-0000-0117');
  t.match(code, /^\d{6}$/);
  t.match(
    await w.accounts.proveMobile({ ...visitor(), purpose: 'register', challenge, code }),
    { reason: 'expired' },
    'only in the flow that asked',
  );
  const proved = granted(await w.accounts.proveMobile({ ...who, purpose: 'register', challenge, code: ` ${code} ` }));
  t.equal(proved.mobileInUse, false);
  t.match(
    await w.accounts.proveMobile({ ...who, purpose: 'register', challenge, code }),
    { reason: 'code-dead', code: 'EG-1202' },
    'a code works once',
  );
  for (const [typed, reason] of [
    ['short', 'password-short'],
    ['woaini1314', 'password-common'],
    ['my 154 0000 0117 !', 'password-own'],
    ['x'.repeat(129), 'password-long'],
  ] as const)
    t.match(await w.accounts.draftRegistration({ ...who, proof: proved.proof, password: typed, termsVersion: '1' }), {
      ok: false,
      reason,
    });
  const drafted = granted(
    await w.accounts.draftRegistration({ ...who, proof: proved.proof, password, termsVersion: '2026-11' }),
  );
  t.equal(drafted.realNameNeeded, false);
  t.notMatch(drafted.draft + proved.proof + challenge, /15400000117|argon2/);
  const finish = (realName: { name: string; idNumber: string }) =>
    w.accounts.finishRegistration({ ...who, draft: drafted.draft, realName });
  t.match(await finish({ ...identityOf(jia), idNumber: '350299199001010118' }), { reason: 'not-an-id-number' });
  t.match(await finish({ ...identityOf(jia), name: '' }), { reason: 'not-a-name' });
  t.equal(w.asked.length, 0, 'the province is not asked what cannot be');
  t.match(await finish({ name: '测试丙', idNumber: jia.idNumber }), {
    reason: 'details-differ',
    code: 'EG-1301',
    triesLeft: 2,
    provinceCode: 'EG-P2001',
  });
  t.equal((await w.database.sql`select * from accounts`).length, 0, 'a refusal creates nothing');
  const { signIn } = granted(await finish({ name: ' 测试甲 ', idNumber: '３５０２９９１９９００１０１０１１７' }));
  t.match(signIn, { level: 1, strength: 1, amr: ['sms'], factors: ['sms'] });
  t.equal(granted(await finish(identityOf(jia))).signIn.accountId, signIn.accountId, 'sent twice, done once');

  const claims = await w.accounts.accountForClaims(signIn.accountId);
  t.match(claims, {
    level: 1,
    name: '测试甲',
    nameMasked: '测*甲',
    idNumber: jia.idNumber,
    idNumberMasked: '350*************17',
    cardType: '111',
    mobile: jia.mobile,
    mobileMasked: '154****0117',
  });
  const [row] = await w.database.sql<{ terms_version: string; mobile_is_login: boolean }[]>`select * from accounts`;
  t.match(row, { terms_version: '2026-11', mobile_is_login: true });
  t.same(
    (await w.events()).slice(-4).map((event) => event.type),
    ['account.registered', 'password.set', 'real-name.checked', 'real-name.level'],
  );
  const checked = (await w.events()).findLast((event) => event.type === 'real-name.checked');
  t.match(checked, { outcome: 'success', detail: { trace: 'trace-of-062', level: 1 } });
  t.match(await w.accounts.signInWithPassword({ ...who, loginId: jia.mobile, password }), { ok: true });
});

t.test('a password chosen before name and number are known is judged by them when they are', async (t) => {
  const w = await world(t);
  const who = visitor();
  const { proof } = granted(
    await w.accounts.proveMobile({ ...who, purpose: 'register', ...(await ask(w, who, 'register', jia.mobile)) }),
  );
  const finish = async (secret: string, typed = identityOf(jia)) => {
    const { draft } = granted(
      await w.accounts.draftRegistration({ ...who, proof, password: secret, termsVersion: '1' }),
    );
    return w.accounts.finishRegistration({ ...who, draft, realName: typed });
  };
  for (const secret of [
    jia.idNumber,
    'vellum ３５０２９９ 19900101 0117',
    'otter 010117 canal 7',
    'otter 1990-01-01 canal',
    '测试甲的密码很难猜到吧',
  ])
    t.match(await finish(secret), { reason: 'password-own', code: 'EG-1107' }, secret);
  t.equal(w.asked.length, 0, 'it costs no check');
  t.equal((await w.database.sql`select * from accounts`).length, 0, 'and creates nothing');
  t.match(await finish('otter 010117 canal 7', { ...identityOf(jia), idNumber: people.leap.idNumber }), {
    reason: 'details-differ',
  });
  t.match(await finish(password), { ok: true }, 'another password, the same proof');
});

t.test('real name later, password skipped; then the level rises', async (t) => {
  const w = await world(t);
  const id = await register(w, jia, { realName: false, password: null });
  t.match(await w.accounts.accountForClaims(id), { level: 0 });
  t.match(await w.accounts.provideRealName(id, identityOf(yi)), {
    reason: 'details-differ',
    triesLeft: 2,
    provinceCode: 'EG-P2003',
  });
  t.match(await w.accounts.provideRealName(id, identityOf(jia)), { ok: true, level: 1 });
  t.equal(w.asked.length, 2);
  t.match(await w.accounts.provideRealName(id, identityOf(jia)), { ok: true, level: 1 });
  t.equal(w.asked.length, 2, 'what is known is not asked again');
  t.match(await w.accounts.provideRealName(id, identityOf(yi)), { reason: 'identity-fixed' });
});

t.test('a mobile in use is told only after the code; another person goes on by ID number', async (t) => {
  const w = await world(t);
  const first = await register(w, jia);
  const who = visitor();
  const sent = await ask(w, who, 'register', jia.mobile);
  const proved = granted(await w.accounts.proveMobile({ ...who, purpose: 'register', ...sent }));
  t.equal(proved.mobileInUse, true);
  t.match(await w.accounts.draftRegistration({ ...who, proof: proved.proof, password, termsVersion: '1' }), {
    reason: 'mobile-in-use',
    code: 'EG-1111',
  });
  const drafted = granted(
    await w.accounts.draftRegistration({
      ...who,
      proof: proved.proof,
      password: otherPassword,
      termsVersion: '1',
      another: true,
    }),
  );
  t.equal(drafted.realNameNeeded, true);
  t.match(
    await w.accounts.finishRegistration({ ...who, draft: drafted.draft }),
    { reason: 'identity-needed' },
    'no "later" without a login name',
  );
  w.moved.set(yi.idNumber, jia.mobile);
  const second = granted(
    await w.accounts.finishRegistration({ ...who, draft: drafted.draft, realName: identityOf(yi) }),
  ).signIn.accountId;
  t.not(second, first);

  t.match(await w.accounts.signInWithPassword({ loginId: yi.idNumber, password: otherPassword }), {
    signIn: { accountId: second },
  });
  t.match(
    await w.accounts.signInWithPassword({ loginId: jia.mobile, password: otherPassword }),
    { ok: false },
    'the mobile names the first one only',
  );
  const owner = visitor();
  t.match(await w.accounts.signInWithSms({ ...owner, ...(await ask(w, owner, 'sign-in', jia.mobile)) }), {
    signIn: { accountId: first },
  });
  const other = visitor();
  const asAnother = await w.accounts.signInWithSms({
    ...other,
    another: true,
    ...(await ask(w, other, 'sign-in', jia.mobile)),
  });
  t.match(asAnother, { reason: 'identity-needed', proof: String });
  const proof = (!asAnother.ok && asAnother.proof) || '';
  t.match(
    await w.accounts.signInWithIdNumber({ ...visitor(), proof, idNumber: yi.idNumber }),
    { reason: 'expired' },
    'a proof of another flow',
  );
  t.match(await w.accounts.signInWithIdNumber({ ...other, proof, idNumber: people.leap.idNumber }), {
    reason: 'identity-differs',
    triesLeft: 3,
  });
  t.match(await w.accounts.signInWithIdNumber({ ...other, proof, idNumber: yi.idNumber }), {
    signIn: { accountId: second, amr: ['sms'] },
  });
});

t.test(
  'a second registration by the same person ends at "sign in or recover"; the new mobile joins after sign-in',
  async (t) => {
    const w = await world(t);
    const first = await register(w, jia);
    const newMobile = '15400001234';
    w.moved.set(jia.idNumber, newMobile);
    const who = visitor();
    const proved = granted(
      await w.accounts.proveMobile({ ...who, purpose: 'register', ...(await ask(w, who, 'register', newMobile)) }),
    );
    const { draft } = granted(
      await w.accounts.draftRegistration({ ...who, proof: proved.proof, password: otherPassword, termsVersion: '1' }),
    );
    const refused = await w.accounts.finishRegistration({ ...who, draft, realName: identityOf(jia) });
    t.match(refused, {
      ok: false,
      reason: 'identity-in-use',
      code: 'EG-1303',
      case: /^[0-9A-HJKMNP-TV-Z]{4}-[0-9A-HJKMNP-TV-Z]{4}$/,
    });
    t.same(Object.keys(refused).sort(), ['case', 'code', 'ok', 'reason'], 'nothing of the first account is told');
    t.equal((await w.database.sql`select * from accounts`).length, 1);
    t.match(await w.accounts.signInWithPassword({ loginId: newMobile, password: otherPassword }), { ok: false });
    const again = await w.accounts.finishRegistration({ ...who, draft, realName: identityOf(jia) });
    t.equal(!again.ok && again.case, !refused.ok && refused.case, 'one open case for one matter');
    t.match(await w.accounts.listCases(), [
      { number: String, kind: 'identity-in-use', state: 'open', refs: { first } },
    ]);

    granted(await w.accounts.signInWithPassword({ ...who, loginId: jia.idNumber, password }));
    t.match(await w.accounts.joinMobile({ ...visitor(), proof: proved.proof, accountId: first }), {
      reason: 'expired',
    });
    t.match(await w.accounts.joinMobile({ ...who, proof: proved.proof, accountId: first }), {
      ok: true,
      isLogin: true,
    });
    t.match(
      await w.accounts.joinMobile({ ...who, proof: proved.proof, accountId: first }),
      { ok: true, isLogin: true },
      'twice is once',
    );
    t.match(
      await w.accounts.signInWithPassword({ loginId: newMobile, password }),
      { signIn: { accountId: first, strength: 1, canAdd: [] } },
      'and for a day it is no second factor',
    );
    t.match(
      await w.accounts.signInWithPassword({ loginId: jia.mobile, password }),
      { ok: false },
      'the old one is free again',
    );
    w.move(day);
    t.match(await w.accounts.signInWithPassword({ loginId: newMobile, password }), { signIn: { canAdd: ['sms'] } });
    t.equal(
      w.inbox.filter((message) => message.to === jia.mobile && message.template === 'notice').length,
      1,
      'the old mobile is told',
    );
  },
);

t.test('20 parallel registrations of one mobile, and of one identity: exactly one account each', async (t) => {
  const w = await world(t, {
    messagesADay: 100,
    messagesKept: 0,
    resendAfter: 0,
    checksADayAccount: 100,
    checksADayNumber: 100,
  });
  const drafts = async (mobiles: string[]) => {
    const all = [];
    for (const mobile of mobiles) {
      const who = visitor();
      const { proof } = granted(
        await w.accounts.proveMobile({ ...who, purpose: 'register', ...(await ask(w, who, 'register', mobile)) }),
      );
      all.push({
        ...who,
        draft: granted(await w.accounts.draftRegistration({ ...who, proof, termsVersion: '1' })).draft,
      });
    }
    return all;
  };
  const oneMobile = await drafts(Array(20).fill('15400002000'));
  const mobiles = await Promise.all(oneMobile.map((one) => w.accounts.finishRegistration(one)));
  t.equal(mobiles.filter((outcome) => outcome.ok).length, 1);
  t.equal(mobiles.filter((outcome) => !outcome.ok && outcome.reason === 'mobile-in-use').length, 19);
  t.equal((await w.database.sql`select * from accounts`).length, 1);

  const many = await drafts(Array.from({ length: 20 }, (_, n) => `154000030${n + 10}`));
  // the province says yes to each: this person changes numbers faster than anyone
  const asked = w.asked.length;
  const person = { name: people.yi.name, idNumber: people.yi.idNumber };
  w.answers.set(person.idNumber, 'ok');
  const identities = await Promise.all(many.map((one) => w.accounts.finishRegistration({ ...one, realName: person })));
  t.equal(w.asked.length - asked, 20);
  t.equal(identities.filter((outcome) => outcome.ok).length, 1);
  t.equal(identities.filter((outcome) => !outcome.ok && outcome.reason === 'identity-in-use').length, 19);
  t.equal((await w.database.sql`select * from accounts where identity_index is not null`).length, 1);

  const [again] = await drafts(['15400002001']);
  const same = await Promise.all(
    Array.from({ length: 20 }, () => w.accounts.finishRegistration(again as NonNullable<typeof again>)),
  );
  t.equal(new Set(same.map((outcome) => outcome.ok && outcome.signIn.accountId)).size, 1, 'one draft sent 20 times');
  t.ok(same.every((outcome) => outcome.ok));
});
