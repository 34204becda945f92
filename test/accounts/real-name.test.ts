import t from 'tap';
import {
  ask,
  day,
  granted,
  minute,
  otherPassword,
  password,
  people,
  register,
  visitor,
  type World,
  world,
} from './setup.ts';

const { jia, yi } = people;
const identityOf = ({ name, idNumber }: { name: string; idNumber: string }) => ({ name, idNumber });

t.test(
  'three checks a day an account, five an ID number, counted before the call, given back on an outage',
  async (t) => {
    const w = await world(t);
    const id = await register(w, jia, { realName: false });
    const wrong = { name: '测试丙', idNumber: yi.idNumber };
    w.answers.set(yi.idNumber, '9002');
    for (let turn = 0; turn < 4; turn++)
      t.match(await w.accounts.provideRealName(id, identityOf(yi)), {
        reason: 'province-unreachable',
        code: 'EG-P9002',
        provinceCode: 'EG-P9002',
      });
    w.answers.set(yi.idNumber, '3001');
    t.match(await w.accounts.provideRealName(id, identityOf(yi)), { reason: 'province-later' });
    w.answers.delete(yi.idNumber);
    for (const triesLeft of [2, 1, 0])
      t.match(await w.accounts.provideRealName(id, wrong), { reason: 'details-differ', triesLeft });
    const asked = w.asked.length;
    t.match(await w.accounts.provideRealName(id, identityOf(jia)), {
      reason: 'checks-used-up',
      code: 'EG-1302',
      until: Number,
    });
    t.equal(w.asked.length, asked, 'the province is not asked any more');

    // another account, another mobile, the same number: one more, and the fifth is kept for whose number it is
    const other = await register(w, { ...jia, mobile: '15400004000' }, { realName: false });
    t.match(await w.accounts.provideRealName(other, wrong), { triesLeft: 0 });
    t.match(
      await w.accounts.provideRealName(other, wrong),
      { reason: 'checks-used-up' },
      'five a number, whoever asks',
    );
    t.match(
      await w.accounts.provideRealName(other, { name: '测试丙', idNumber: people.leap.idNumber }),
      { reason: 'details-differ' },
      'another number has its own',
    );
    w.move(day);
    t.match(await w.accounts.provideRealName(id, identityOf(jia)), { ok: true, level: 1 });
    t.match(w.asked.at(-1), jia, 'name, number, mobile');
  },
);

t.test('a fresh registration with the same mobile gives no fresh checks', async (t) => {
  const w = await world(t);
  const who = visitor();
  const { proof } = granted(
    await w.accounts.proveMobile({ ...who, purpose: 'register', ...(await ask(w, who, 'register', jia.mobile)) }),
  );
  for (const left of [2, 1, 0]) {
    const { draft } = granted(await w.accounts.draftRegistration({ ...who, proof, termsVersion: '1' }));
    const realName = { name: '测试丙', idNumber: people.leap.idNumber };
    t.match(await w.accounts.finishRegistration({ ...who, draft, realName }), {
      reason: 'details-differ',
      triesLeft: left,
    });
  }
  const { draft } = granted(await w.accounts.draftRegistration({ ...who, proof, termsVersion: '1' }));
  t.match(await w.accounts.finishRegistration({ ...who, draft, realName: identityOf(jia) }), {
    reason: 'checks-used-up',
  });
  const later = granted(await w.accounts.finishRegistration({ ...who, draft }));
  t.equal(later.signIn.level, 0, 'later is always open');
  t.match(await w.accounts.provideRealName(later.signIn.accountId, identityOf(jia)), { reason: 'checks-used-up' });
});

t.test('20 checks at once: three reach the province', async (t) => {
  const w = await world(t);
  const id = await register(w, jia, { realName: false });
  w.asked.length = 0;
  const all = await Promise.all(
    Array.from({ length: 20 }, () => w.accounts.provideRealName(id, { name: '测试丙', idNumber: yi.idNumber })),
  );
  t.equal(w.asked.length, 3);
  t.equal(all.filter((one) => !one.ok && one.reason === 'details-differ').length, 3);
  t.equal(all.filter((one) => !one.ok && one.reason === 'checks-used-up').length, 17);
});

t.test('an account of its own, then the identity of another: a case, and both stay as they are', async (t) => {
  const w = await world(t);
  const first = await register(w, jia);
  const second = await register(w, { ...jia, mobile: '15400004001' }, { realName: false });
  w.moved.set(jia.idNumber, '15400004001');
  const refused = await w.accounts.provideRealName(second, identityOf(jia));
  t.match(refused, { reason: 'identity-in-use', case: String });
  t.match(await w.accounts.listCases({ state: 'open' }), [{ kind: 'identity-in-use', refs: { first, second } }]);
  t.match(await w.accounts.accountForClaims(second), { level: 0 });
  t.match(
    (await w.events()).find((event) => event.type === 'case.opened'),
    { case: !refused.ok && refused.case },
  );
});

/** What the trail tells of the checks after the one of the registration. */
const checksOf = async (w: World) =>
  (await w.events()).flatMap(({ type, outcome }) => (type === 'real-name.checked' ? [outcome] : [])).slice(1);

t.test('a recycled mobile: name nothing, open nothing', async (t) => {
  const w = await world(t);
  const home = visitor();
  const id = await register(w, jia, { who: home });
  w.move(91 * day);
  const stranger = visitor();
  const first = await w.accounts.signInWithSms({ ...stranger, ...(await ask(w, stranger, 'sign-in', jia.mobile)) });
  t.match(first, { reason: 'identity-needed', code: 'EG-1112', proof: String });
  const proof = (!first.ok && first.proof) || '';
  w.asked.length = 0;
  t.match(await w.accounts.signInWithIdNumber({ ...stranger, proof, idNumber: 'x' }), { reason: 'not-an-id-number' });
  t.match(await w.accounts.signInWithIdNumber({ ...stranger, proof, idNumber: yi.idNumber }), {
    reason: 'identity-differs',
    code: 'EG-1110',
  });
  t.equal(w.asked.length, 0);
  w.moved.set(jia.idNumber, '15400005000');
  t.match(
    await w.accounts.signInWithIdNumber({ ...stranger, proof, idNumber: jia.idNumber }),
    { reason: 'identity-differs' },
    'the number moved on: 2003',
  );
  t.equal(w.asked.length, 1);
  t.match(
    await w.accounts.signInWithSms({ ...home, ...(await ask(w, home, 'sign-in', jia.mobile)) }),
    { signIn: { accountId: id } },
    'the known browser is not asked',
  );

  // that sign-in proved the mobile anew: now a new browser is not asked either, for ninety days
  const fresh = visitor();
  t.match(await w.accounts.signInWithSms({ ...fresh, ...(await ask(w, fresh, 'sign-in', jia.mobile)) }), { ok: true });
  w.move(91 * day);
  w.moved.clear();
  const owner = visitor();
  const again = await w.accounts.signInWithSms({ ...owner, ...(await ask(w, owner, 'sign-in', jia.mobile)) });
  const ownProof = (!again.ok && again.proof) || '';
  w.answers.set(jia.idNumber, '9001');
  t.match(await w.accounts.signInWithIdNumber({ ...owner, proof: ownProof, idNumber: jia.idNumber }), {
    reason: 'province-unreachable',
  });
  w.answers.clear();
  t.match(await w.accounts.signInWithIdNumber({ ...owner, proof: ownProof, idNumber: jia.idNumber }), {
    signIn: { accountId: id, strength: 1 },
  });
  t.match(await checksOf(w), ['refused', 'refused', 'success'], 'all three are told');
  w.move(31 * minute);
  t.match(await w.accounts.signInWithIdNumber({ ...owner, proof: ownProof, idNumber: jia.idNumber }), {
    reason: 'expired',
  });
});

t.test('a level-0 account is not asked who it is', async (t) => {
  const w = await world(t);
  await register(w, jia, { realName: false });
  w.move(200 * day);
  const who = visitor();
  t.match(await w.accounts.signInWithSms({ ...who, ...(await ask(w, who, 'sign-in', jia.mobile)) }), { ok: true });
});

t.test(
  'forgotten password: name and number of a real-named account, bounded, once, everything else ends',
  async (t) => {
    const w = await world(t);
    const home = visitor();
    const id = await register(w, jia, { who: home });
    for (let turn = 0; turn < 5; turn++)
      await w.accounts.signInWithPassword({ loginId: jia.mobile, password: otherPassword });
    const before = await w.accounts.endingsSince({ at: w.clock.now() - day });
    t.same(before.endings, []);
    const who = visitor();
    const proved = granted(
      await w.accounts.proveForRecovery({ ...who, ...(await ask(w, who, 'recover', jia.mobile)) }),
    );
    t.equal(proved.identityNeeded, true);
    const { proof } = proved;
    const newPassword = otherPassword;
    const identity = identityOf(jia);
    t.match(await w.accounts.recover({ ...who, proof, newPassword }), { reason: 'identity-needed' });
    t.match(await w.accounts.recover({ ...who, proof, newPassword: '测试甲 is my name!', identity }), {
      reason: 'password-own',
    });
    t.match(await w.accounts.recover({ ...who, proof, newPassword: 'q8Zp 19900101 vellum', identity }), {
      reason: 'password-own',
    });
    t.match(await w.accounts.recover({ ...who, proof, newPassword, identity: { ...identity, name: '测试丙' } }), {
      reason: 'identity-differs',
      code: 'EG-1110',
      triesLeft: 3,
    });
    t.match(await w.accounts.recover({ ...who, proof, newPassword, identity: identityOf(yi) }), {
      reason: 'identity-differs',
      triesLeft: 2,
    });
    t.match(
      await w.accounts.recover({ ...visitor(), proof, newPassword, identity }),
      { reason: 'expired' },
      'another flow',
    );
    const done = granted(await w.accounts.recover({ ...who, proof, newPassword, identity }));
    t.match(done, { accountId: id, endedAt: Number, signIn: { amr: ['sms'], strength: 1, level: 1 } });
    t.match(
      await w.accounts.recover({ ...who, proof, newPassword: password, identity }),
      { reason: 'expired' },
      'a proof resets once',
    );
    t.match(
      await w.accounts.signInWithPassword({ loginId: jia.mobile, password: newPassword }),
      { ok: true },
      'and the pause is over',
    );
    t.match(await w.accounts.signInWithPassword({ loginId: jia.mobile, password }), { ok: false });
    t.ok(done.signIn.at > done.endedAt, 'the sign-in that comes of it is not among what it ended');
    const feed = await w.accounts.endingsSince({ cursor: before.cursor });
    t.match(feed.endings, [{ accountId: id, at: done.endedAt, reason: 'password-reset' }]);
    t.same((await w.accounts.endingsSince({ at: done.endedAt })).endings, feed.endings, 'by time, too');
    t.match(await w.accounts.endingsSince({ cursor: feed.cursor }), { endings: [] });
    t.equal(
      (await w.database.sql`select * from known_browsers where browser in (select browser from known_browsers limit 1)`)
        .length,
      1,
    );
    await w.codeFor(jia.mobile, 0);
    const notices = () => w.inbox.filter((message) => message.to === jia.mobile && message.template === 'notice');
    while (notices().length === 0) await new Promise((resolve) => setTimeout(resolve, 5));
    t.match(notices()[0]?.params.text, /密码已重设/);

    // wrong answers are bounded: four for strangers
    const guesser = visitor();
    const other = granted(
      await w.accounts.proveForRecovery({ ...guesser, ...(await ask(w, guesser, 'recover', jia.mobile)) }),
    );
    const reasons = [];
    for (let turn = 0; turn < 6; turn++) {
      const outcome = await w.accounts.recover({
        ...guesser,
        proof: other.proof,
        newPassword,
        identity: identityOf(yi),
      });
      reasons.push(!outcome.ok && outcome.reason);
    }
    t.same(reasons, [
      'identity-differs',
      'identity-differs',
      'answers-used-up',
      'answers-used-up',
      'answers-used-up',
      'answers-used-up',
    ]);
  },
);

t.test('forgotten password: the pause of a known browser ends with it', async (t) => {
  const w = await world(t);
  const [home, work] = [visitor(), visitor()];
  await register(w, jia, { who: home });
  granted(await w.accounts.signInWithPassword({ ...work, loginId: jia.idNumber, password }));
  for (const loginId of [jia.mobile, jia.idNumber])
    for (const who of [home, work]) {
      const tries = [];
      for (let turn = 0; turn < 5; turn++)
        tries.push(await w.accounts.signInWithPassword({ ...who, loginId, password: otherPassword }));
      t.match(tries.at(-1), { reason: 'password-paused' });
    }
  const { proof } = granted(
    await w.accounts.proveForRecovery({ ...home, ...(await ask(w, home, 'recover', jia.mobile)) }),
  );
  granted(await w.accounts.recover({ ...home, proof, newPassword: otherPassword, identity: identityOf(jia) }));
  for (const loginId of [jia.mobile, jia.idNumber])
    for (const who of [home, work])
      t.match(await w.accounts.signInWithPassword({ ...who, loginId, password: otherPassword }), { ok: true });
});

t.test('forgotten password: a level-0 account, a stale mobile, 20 at once', async (t) => {
  const w = await world(t);
  await register(w, yi, { realName: false });
  const who = visitor();
  const simple = granted(await w.accounts.proveForRecovery({ ...who, ...(await ask(w, who, 'recover', yi.mobile)) }));
  t.equal(simple.identityNeeded, false);
  const all = await Promise.all(
    Array.from({ length: 20 }, () => w.accounts.recover({ ...who, proof: simple.proof, newPassword: otherPassword })),
  );
  t.equal(all.filter((one) => one.ok).length, 1);
  t.match(await w.accounts.signInWithPassword({ loginId: yi.mobile, password: otherPassword }), { ok: true });

  const id = await register(w, jia);
  w.move(91 * day);
  w.moved.set(jia.idNumber, '15400005001');
  const stranger = visitor();
  const { proof } = granted(
    await w.accounts.proveForRecovery({ ...stranger, ...(await ask(w, stranger, 'recover', jia.mobile)) }),
  );
  const request = { ...stranger, proof, newPassword: otherPassword, identity: identityOf(jia) };
  t.match(
    await w.accounts.recover(request),
    { reason: 'identity-differs' },
    'who bought the number and the data is not the person',
  );
  w.moved.clear();
  t.match(await w.accounts.recover(request), { ok: true, accountId: id });
  t.match(await checksOf(w), ['refused', 'success'], 'the province was asked twice, and both are told');
});
