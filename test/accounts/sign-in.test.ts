import t from 'tap';
import { ask, day, granted, hour, minute, otherPassword, password, people, register, visitor, world } from './setup.ts';

const { jia, yi } = people;

t.test('password: both login names, five tries, a growing pause, other ways stay open', async (t) => {
  const w = await world(t);
  const id = await register(w, jia);
  const byMobile = granted(
    await w.accounts.signInWithPassword({ ...visitor(), loginId: ' １５４ 0000-0117', password }),
  );
  t.match(byMobile.signIn, {
    accountId: id,
    factors: ['password'],
    amr: ['pwd'],
    strength: 1,
    level: 1,
    canAdd: ['sms'],
  });
  const byNumber = granted(await w.accounts.signInWithPassword({ ...visitor(), loginId: jia.idNumber, password }));
  t.equal(byNumber.signIn.accountId, id);
  t.match(await w.accounts.signInWithPassword({ loginId: 'jia', password }), { ok: false, reason: 'not-a-login-name' });

  const wrong = () => w.accounts.signInWithPassword({ loginId: jia.mobile, password: otherPassword });
  for (const left of [4, 3, 2, 1])
    t.match(await wrong(), { reason: 'wrong-password', code: 'EG-1101', triesLeft: left });
  const paused = await wrong();
  t.match(paused, { ok: false, reason: 'password-paused', code: 'EG-1102', triesLeft: 0 });
  const first = (!paused.ok && paused.until) || 0;
  t.ok(Math.abs(first - w.clock.now() - 10 * minute) < 5_000, 'ten minutes');
  t.match(
    await w.accounts.signInWithPassword({ loginId: jia.mobile, password }),
    { reason: 'password-paused', until: first },
    'the right one too',
  );

  const who = visitor();
  t.match(
    await w.accounts.signInWithSms({ ...who, ...(await ask(w, who, 'sign-in', jia.mobile)) }),
    { ok: true },
    'SMS is open',
  );
  w.move(9 * minute);
  for (let turn = 0; turn < 4; turn++) t.match(await wrong(), { reason: 'wrong-password' });
  const second = await wrong();
  t.ok(
    Math.abs(((!second.ok && second.until) || 0) - w.clock.now() - 20 * minute) < 5_000,
    'the second pause is twenty',
  );
  w.move(day + minute);
  t.match(await wrong(), { reason: 'wrong-password', triesLeft: 4 }, 'a day later it has lapsed');
  t.match(await w.accounts.signInWithPassword({ loginId: jia.mobile, password }), { ok: true });
  t.match(await wrong(), { triesLeft: 4 }, 'the right password cleared the count');
  const refused = (await w.events()).filter(
    (event) => event.type === 'sign-in.password' && event.outcome === 'refused',
  );
  t.equal(refused.length, 13, 'every refused attempt is audited');
});

t.test('password: the pauses grow to half a day and no longer', async (t) => {
  const w = await world(t, { argon2: { memoryCost: 1024, timeCost: 2, parallelism: 1 } });
  const lengths: number[] = [];
  for (let turn = 0; turn < 9; turn++) {
    let until: number | undefined;
    for (let tries = 0; tries < 5; tries++) {
      const outcome = await w.accounts.signInWithPassword({ loginId: jia.mobile, password });
      until = outcome.ok ? undefined : outcome.until;
    }
    lengths.push(Math.round(((until ?? 0) - w.clock.now()) / minute));
    w.move((until ?? 0) - w.clock.now() + 1000);
  }
  t.same(lengths, [10, 20, 40, 80, 160, 320, 640, 720, 720]);
});

t.test('password: unknown, disabled, without password: same words, countdown and pause', async (t) => {
  const w = await world(t);
  const disabled = await register(w, jia);
  await register(w, yi, { password: null });
  t.ok(await w.accounts.disable(disabled, { reason: 'test' }));
  const seen = async (loginId: string, tried: string) => {
    const outcomes: object[] = [];
    for (let turn = 0; turn < 6; turn++) {
      const outcome = await w.accounts.signInWithPassword({ ...visitor(), loginId, password: tried });
      if (outcome.ok) throw new Error('let in');
      outcomes.push({ ...outcome, until: outcome.until && Math.round((outcome.until - w.clock.now()) / minute) });
    }
    return outcomes;
  };
  const unknown = await seen('15400009999', otherPassword);
  t.match(unknown.at(-1), { reason: 'password-paused', until: 10 });
  t.same(await seen(jia.mobile, password), unknown, 'disabled, with the right password');
  t.same(await seen(yi.mobile, otherPassword), unknown, 'no password was ever set');
  t.same(await seen(people.leap.idNumber, otherPassword), unknown, 'an unknown ID number');
});

t.test('password: 20 at once are five guesses, whether the name is known or not', async (t) => {
  const w = await world(t);
  await register(w, jia);
  for (const loginId of [jia.mobile, '15400009998']) {
    const outcomes = await Promise.all(
      Array.from({ length: 20 }, (_, n) =>
        w.accounts.signInWithPassword({ ...visitor(), loginId, password: `${otherPassword}${n}` }),
      ),
    );
    const reasons = outcomes.map((outcome) => !outcome.ok && `${outcome.reason} ${outcome.triesLeft ?? '-'}`).sort();
    t.same(reasons, [
      ...Array(15).fill('password-paused -'),
      'password-paused 0',
      'wrong-password 1',
      'wrong-password 2',
      'wrong-password 3',
      'wrong-password 4',
    ]);
  }
  // the right one among 19 wrong ones: it either had one of the five places or met the pause, and never a sixth place
  const id = await register(w, yi);
  const outcomes = await Promise.all(
    Array.from({ length: 20 }, (_, n) =>
      w.accounts.signInWithPassword({ loginId: yi.mobile, password: n === 2 ? password : `${otherPassword}${n}` }),
    ),
  );
  t.ok(outcomes.filter((outcome) => outcome.ok).length <= 1);
  t.ok(outcomes.filter((outcome) => !outcome.ok && outcome.reason === 'wrong-password').length <= 5);
  t.ok(id);
});

t.test('password: strangers cannot shut out a browser that the account knows', async (t) => {
  const w = await world(t);
  const home = visitor();
  await register(w, jia, { who: home });
  const wrong = (who: { browser?: string }) =>
    w.accounts.signInWithPassword({ ...who, loginId: jia.mobile, password: otherPassword });
  for (let turn = 0; turn < 5; turn++) await wrong(visitor());
  t.match(await w.accounts.signInWithPassword({ ...visitor(), loginId: jia.mobile, password }), {
    reason: 'password-paused',
  });
  t.match(await w.accounts.signInWithPassword({ ...home, loginId: jia.mobile, password }), { ok: true });
  t.match(
    await w.accounts.signInWithPassword({ ...visitor(), loginId: jia.mobile, password }),
    { reason: 'password-paused' },
    'and does not reopen it for them',
  );
  for (let turn = 0; turn < 4; turn++) t.match(await wrong(home), { reason: 'wrong-password' });
  t.match(await wrong(home), { reason: 'password-paused' }, 'the known browser has its own five');
  const browsers = await w.database.sql`select * from known_browsers`;
  t.equal(browsers.length, 1, 'a refused browser is not remembered');
});

t.test('password: parameters rise on the next sign-in', async (t) => {
  const w = await world(t);
  const weak = w.again({ argon2: { memoryCost: 1024, timeCost: 2, parallelism: 1 } });
  const id = await register({ ...w, accounts: weak }, jia);
  const stored = async () =>
    (await w.database.sql<{ password: string }[]>`select password from accounts where id = ${id}`)[0]?.password;
  t.match(await stored(), /\$argon2id\$v=19\$m=1024,/);
  t.match(await w.accounts.signInWithPassword({ loginId: jia.mobile, password: otherPassword }), { ok: false });
  t.match(await stored(), /m=1024,/, 'a wrong one changes nothing');
  t.match(await w.accounts.signInWithPassword({ loginId: jia.mobile, password }), { ok: true });
  t.match(await stored(), /^\$argon2id\$v=19\$m=19456,(?=.*t=2)(?=.*p=1)/);
  t.match(await w.accounts.signInWithPassword({ loginId: jia.mobile, password }), { ok: true });
  t.equal((await w.events()).filter((event) => event.type === 'password.rehashed').length, 1);
});

t.test('password: too many at once are told to come back, and lose no try', async (t) => {
  const w = await world(t);
  await register(w, jia);
  const narrow = w.again({ hashesAtOnce: 1, hashesWaiting: 1 });
  const outcomes = await Promise.allSettled(
    Array.from({ length: 5 }, () => narrow.signInWithPassword({ loginId: jia.mobile, password: otherPassword })),
  );
  const busy = outcomes.filter((outcome) => outcome.status === 'rejected');
  t.ok(busy.length >= 1 && busy.length <= 3);
  for (const { reason } of busy as PromiseRejectedResult[])
    t.match(reason, { code: 'EG-1701', status: 503, params: { retryAfter: Number } });
  const next = await w.accounts.signInWithPassword({ loginId: jia.mobile, password: otherPassword });
  t.match(next, { reason: 'wrong-password', triesLeft: 5 - (5 - busy.length) - 1 });
});

t.test('an unknown account costs the time of a known one', async (t) => {
  const w = await world(t, { passwordTries: 1000 });
  const id = await register(w, jia);
  const time = async (loginId: string) => {
    const before = performance.now();
    await w.accounts.signInWithPassword({ ...visitor(), loginId, password: otherPassword });
    return performance.now() - before;
  };
  const spent: Record<string, number[]> = { known: [], unknown: [] };
  for (let turn = 0; turn < 25; turn++) {
    spent.known?.push(await time(jia.mobile));
    spent.unknown?.push(await time('15400009997'));
  }
  const median = (times: number[] = []) => [...times].sort((a, b) => a - b)[Math.floor(times.length / 2)] as number;
  const [known, unknown] = [median(spent.known), median(spent.unknown)];
  t.comment(`password: known ${known.toFixed(1)} ms, unknown ${unknown.toFixed(1)} ms (${id.length})`);
  // without a hash it would be a fifth
  t.ok(known / unknown < 2 && unknown / known < 2, 'no telling apart');

  // the request of a code: same answer, limits and steps
  const ways: Record<string, number[]> = { known: [], unknown: [] };
  const free = w.again({ messagesADay: 1000, messagesKept: 0, resendAfter: 0 });
  for (let turn = 0; turn < 25; turn++)
    for (const [way, mobile] of [
      ['known', jia.mobile],
      ['unknown', '15400009997'],
    ] as const) {
      const who = visitor();
      w.move(1);
      const before = performance.now();
      granted(await free.requestCode({ ...who, purpose: 'sign-in', mobile }));
      ways[way]?.push(performance.now() - before);
    }
  const [one, other] = [median(ways.known), median(ways.unknown)];
  t.comment(`code: known ${one.toFixed(1)} ms, unknown ${other.toFixed(1)} ms`);
  t.ok(one / other < 2.5 && other / one < 2.5, 'no telling apart');
});

t.test('two factors, and the day after a reset', async (t) => {
  const w = await world(t);
  const home = visitor();
  const id = await register(w, jia, { who: home });
  const { signIn } = granted(await w.accounts.signInWithPassword({ ...home, loginId: jia.mobile, password }));
  w.move(minute);
  const sent = w.inbox.length;
  const { challenge, mobileMasked } = granted(await w.accounts.requestSecondFactor({ ...home, accountId: id }));
  t.equal(mobileMasked, '154****0117');
  const code = await w.codeFor(jia.mobile, sent);
  t.match(
    await w.accounts.signInWithSms({ ...home, challenge, code }),
    { reason: 'expired' },
    'a code of one purpose is none of another',
  );
  const both = granted(await w.accounts.addSms({ ...home, challenge, code, accountId: id, factors: signIn.factors }));
  t.match(both.signIn, { strength: 2, amr: ['pwd', 'sms', 'mfa'], factors: ['password', 'sms'], canAdd: [] });
  t.match(
    await w.accounts.addSms({ ...home, challenge, code, accountId: id, factors: signIn.factors }),
    { reason: 'code-dead' },
    'once',
  );

  const sms = granted(
    await w.accounts.signInWithSms({ ...home, ...(await ask(w, home, 'sign-in', jia.mobile)) }),
  ).signIn;
  t.match(sms, { strength: 1, amr: ['sms'], canAdd: ['password'] });
  t.match(await w.accounts.addPassword({ ...home, accountId: id, factors: sms.factors, password: otherPassword }), {
    reason: 'wrong-password',
    triesLeft: 4,
  });
  for (const who of [home, visitor()])
    t.match(await w.accounts.addPassword({ ...who, accountId: id, factors: sms.factors, password }), {
      signIn: { strength: 2, amr: ['sms', 'pwd', 'mfa'] },
    });
  t.same(
    (await w.events()).filter(({ type }) => type === 'sign-in.second-factor').map(({ detail }) => detail?.browser),
    ['known', 'known', 'known', 'new'],
    'the trail says in which browser',
  );

  const { proof } = granted(
    await w.accounts.proveForRecovery({ ...home, ...(await ask(w, home, 'recover', jia.mobile)) }),
  );
  const identity = { name: jia.name, idNumber: jia.idNumber };
  granted(await w.accounts.recover({ ...home, proof, identity, newPassword: otherPassword }));
  const after = granted(
    await w.accounts.signInWithPassword({ ...home, loginId: jia.mobile, password: otherPassword }),
  ).signIn;
  t.match(after, { strength: 1, canAdd: [], smsHeldUntil: Number });
  t.match(await w.accounts.requestSecondFactor({ ...home, accountId: id }), {
    reason: 'way-closed',
    until: after.smsHeldUntil,
  });
  t.match(granted(await w.accounts.assess(id, ['password', 'sms'])).signIn, { strength: 1, amr: ['pwd', 'sms'] });
  w.move(day);
  t.match(granted(await w.accounts.assess(id, ['password', 'sms'])).signIn, {
    strength: 2,
    amr: ['pwd', 'sms', 'mfa'],
  });
  t.match(granted(await w.accounts.assess(id, ['ticket'])).signIn, { strength: 1, amr: ['tkt'] });
  w.move(hour);
});
