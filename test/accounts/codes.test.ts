import t from 'tap';
import { ask, day, granted, hour, minute, people, register, visitor, world } from './setup.ts';

const { jia } = people;

t.test('codes: 60 s apart, ten a day with some kept for known browsers, ten minutes, five tries', async (t) => {
  const w = await world(t);
  const home = visitor();
  await register(w, jia, { who: home });
  w.move(2 * day);
  const request = (who = visitor(), mobile = jia.mobile) =>
    w.accounts.requestCode({ ...who, purpose: 'sign-in', mobile });
  t.match(await request(visitor(), '12345'), { reason: 'not-a-mobile' });
  const first = granted(await request());
  t.equal(first.mobileMasked, '154****0117');
  t.match(await request(), { reason: 'code-too-soon', code: 'EG-1203', until: Number });
  w.move(59_000);
  t.match(await request(), { reason: 'code-too-soon' });
  w.move(1_001);
  for (let turn = 0; turn < 6; turn++, w.move(minute)) t.match(await request(), { ok: true });
  t.match(await request(), { reason: 'messages-used-up', code: 'EG-1204' }, 'strangers have seven');
  for (let turn = 0; turn < 3; turn++, w.move(minute)) t.match(await request(home), { ok: true });
  const full = await request(home);
  t.match(full, { reason: 'messages-used-up' }, 'and all together ten');
  w.move(((!full.ok && full.until) || 0) - w.clock.now() - 1000);
  t.match(await request(home), { ok: false });
  w.move(1_001);
  t.match(await request(home), { ok: true }, 'a day after the first one there is room again');

  const who = visitor();
  w.move(day);
  const late = await ask(w, who, 'sign-in', jia.mobile);
  w.move(10 * minute);
  t.match(await w.accounts.signInWithSms({ ...who, ...late }), { reason: 'code-dead' }, 'after ten minutes');
  const tried = await ask(w, who, 'sign-in', jia.mobile);
  const wrong = tried.code === '000000' ? '000001' : '000000';
  t.match(await w.accounts.signInWithSms({ ...who, ...tried, code: '12345' }), {
    reason: 'not-a-code',
    code: 'EG-1209',
    triesLeft: undefined,
  });
  for (const triesLeft of [4, 3, 2, 1])
    t.match(await w.accounts.signInWithSms({ ...who, ...tried, code: wrong }), { reason: 'code-wrong', triesLeft });
  t.match(await w.accounts.signInWithSms({ ...who, ...tried, code: wrong }), { reason: 'code-dead' });
  t.match(
    await w.accounts.signInWithSms({ ...who, ...tried }),
    { reason: 'code-dead' },
    'the right one comes too late',
  );
});

t.test('codes: 20 at once are five guesses, and one right one is spent once', async (t) => {
  const w = await world(t);
  await register(w, jia);
  const who = visitor();
  const { challenge, code } = await ask(w, who, 'sign-in', jia.mobile);
  const wrong = Array.from({ length: 20 }, (_, n) => String((Number(code) + 1 + n) % 1_000_000).padStart(6, '0'));
  const guesses = await Promise.all(wrong.map((one) => w.accounts.signInWithSms({ ...who, challenge, code: one })));
  t.equal(guesses.filter((outcome) => !outcome.ok && outcome.reason === 'code-wrong').length, 4);
  t.match(await w.accounts.signInWithSms({ ...who, challenge, code }), { reason: 'code-dead' });
  const next = await ask(w, who, 'sign-in', jia.mobile);
  const rights = await Promise.all(Array.from({ length: 20 }, () => w.accounts.signInWithSms({ ...who, ...next })));
  t.equal(rights.filter((outcome) => outcome.ok).length, 1);
});

t.test('codes: at most 30 guesses an hour over all codes, 20 of them for strangers', async (t) => {
  const w = await world(t, { messagesADay: 100, messagesKept: 0 });
  const home = visitor();
  await register(w, jia, { who: home });
  const burn = async (who: ReturnType<typeof visitor>) => {
    const sent = await ask(w, who, 'sign-in', jia.mobile);
    const code = sent.code === '000000' ? '000001' : '000000';
    const reasons = [];
    for (let turn = 0; turn < 5; turn++) {
      const outcome = await w.accounts.signInWithSms({ ...who, ...sent, code });
      reasons.push(!outcome.ok && outcome.reason);
    }
    return reasons;
  };
  for (let turn = 0; turn < 4; turn++) t.same((await burn(visitor())).at(-1), 'code-dead');
  const stranger = visitor();
  const sent = await ask(w, stranger, 'sign-in', jia.mobile);
  t.match(
    await w.accounts.signInWithSms({ ...stranger, ...sent }),
    { reason: 'guesses-used-up', code: 'EG-1205', until: Number },
    'the right code, too',
  );
  t.match(
    await w.accounts.signInWithSms({ ...home, ...(await ask(w, home, 'sign-in', jia.mobile)) }),
    { ok: true },
    'the known browser goes on',
  );
  for (let turn = 0; turn < 2; turn++) await burn(home);
  t.same(await burn(home), Array(5).fill('guesses-used-up'));
  w.move(hour);
  t.match(await w.accounts.signInWithSms({ ...home, ...(await ask(w, home, 'sign-in', jia.mobile)) }), { ok: true });
});

t.test('codes: an unknown mobile looks the same and gets no message', async (t) => {
  const w = await world(t);
  await register(w, jia);
  const unknown = '15400009990';
  for (const purpose of ['sign-in', 'recover'] as const) {
    w.move(minute);
    const who = visitor();
    const known = granted(await w.accounts.requestCode({ ...who, purpose, mobile: jia.mobile }));
    const other = visitor();
    const answer = granted(await w.accounts.requestCode({ ...other, purpose, mobile: unknown }));
    t.same(Object.keys(answer), Object.keys(known));
    t.equal(answer.challenge.length, known.challenge.length);
    t.equal(Math.abs(answer.expiresAt - known.expiresAt) < 1000, true);
    for (const triesLeft of [4, 3, 2, 1])
      t.match(
        purpose === 'sign-in'
          ? await w.accounts.signInWithSms({ ...other, challenge: answer.challenge, code: '123456' })
          : await w.accounts.proveForRecovery({ ...other, challenge: answer.challenge, code: '123456' }),
        { reason: 'code-wrong', triesLeft },
      );
  }
  t.match(await w.accounts.requestCode({ ...visitor(), purpose: 'sign-in', mobile: unknown }), {
    reason: 'code-too-soon',
  });
  w.move(minute);
  for (let turn = 0; turn < 5; turn++, w.move(minute))
    granted(await w.accounts.requestCode({ ...visitor(), purpose: 'sign-in', mobile: unknown }));
  t.match(await w.accounts.requestCode({ ...visitor(), purpose: 'sign-in', mobile: unknown }), {
    reason: 'messages-used-up',
  });
  await w.codeFor(jia.mobile, 2); // registration's, sign-in's, recovery's
  t.equal(w.inbox.filter((message) => message.to === unknown).length, 0);
  t.equal((await w.database.sql`select * from outbox`).length, w.inbox.length, 'and nothing waits for it');
});

t.test('codes: a lost reply counts once, and does not lose the right code', async (t) => {
  const w = await world(t);
  await register(w, jia);
  const who = visitor();
  const sent = await ask(w, who, 'sign-in', jia.mobile);
  const wrong = sent.code === '000000' ? '000001' : '000000';
  w.lost.replies = 1;
  t.match(await w.accounts.signInWithSms({ ...who, ...sent, code: wrong }), { reason: 'code-wrong', triesLeft: 4 });
  w.lost.replies = 2;
  await t.rejects(
    w.accounts.signInWithSms({ ...who, ...sent, code: wrong }),
    /lost/,
    'a store that is gone is no refusal',
  );
  w.lost.replies = 1;
  t.match(await w.accounts.signInWithSms({ ...who, ...sent }), { ok: true });
});
