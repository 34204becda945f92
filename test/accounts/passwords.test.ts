import { createHmac, randomBytes } from 'node:crypto';
import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import t from 'tap';
import { boundedQueue, createHashing } from '../../src/accounts/passwords/hashing.ts';
import { containsOwn, judgePassword, normalizePassword } from '../../src/accounts/passwords/rules.ts';
import { showsOwn, tracesOf } from '../../src/accounts/passwords/traces.ts';

const own = { names: ['测试甲', 'TEST RESIDENT'], mobiles: ['15400000117'], idNumbers: ['350299199001010117'] };

t.test('taken: any script, no rule of composition', async (t) => {
  for (const password of [
    'q8Zp bridge vellum',
    'kjhsdfkjhw',
    '今天天气真好我们去爬山吧',
    'птица на крыше',
    'correct horse fiddle',
    '🦢🌊🪁🎐🧭🪢🥁🧵🪵🫖',
    'plum-otter-canal-92',
    `${'vellum otter '.repeat(9)}canal`,
  ])
    t.equal(await judgePassword(password, own), undefined, password);
});

t.test('refused with the reason', async (t) => {
  for (const [password, problem] of [
    ['', 'password-short'],
    ['q8Zpbridg', 'password-short'],
    ['🦢🌊🪁🎐🧭🪢🥁🧵🪵', 'password-short'],
    ['x'.repeat(129), 'password-long'],
    ['vellum otter \ud83d canal', 'password-unreadable'],
    // leaked and common
    ['qwertyuiop', 'password-common'],
    ['1q2w3e4r5t', 'password-common'],
    ['password1234', 'password-common'],
    ['aaaaaaaaaaaaaaaa', 'password-common'],
    ['1234567890'.repeat(12), 'password-common'],
    // pinyin phrases, numbers that are words, names
    ['woaini1314', 'password-common'],
    ['ｗｏａｉｎｉ１３１４', 'password-common'],
    ['WoAiNi5201314', 'password-common'],
    ['5201314520', 'password-common'],
    ['zhangwei1990', 'password-common'],
    ['wangxiaoming1985', 'password-common'],
    ['xiamen520520', 'password-common'],
    ['gongxifacai888', 'password-common'],
    ['张伟19851010', 'password-common'],
    ['我爱你一生一世1314', 'password-common'],
    // known of this person
    ['测试甲的密码很难猜到吧', 'password-own'],
    ['my Resident vellum 9', 'password-own'],
    ['call 154 0000 0117 now', 'password-own'],
    ['otter 00000117 canal', 'password-own'],
    ['vellum350299199001010117', 'password-own'],
    ['vellum 010117 otter', 'password-own'],
    ['otter 1990-01-01 canal', 'password-own'],
    ['otter 90.01.01 canal', 'password-own'],
    ['otter 1990年01月01日', 'password-own'],
  ] as const)
    t.equal(await judgePassword(password, own), problem, password.slice(0, 40));
});

t.test('what is kept of a password until the name is known finds what the password itself would', async (t) => {
  const mac = (piece: string) => createHmac('sha256', 'a key').update(piece).digest();
  const others = { names: ['李明', 'ANNA'], idNumbers: ['35029919880808004X'] };
  for (const typed of [
    'q8Zp bridge vellum',
    '今天天气真好我们去爬山吧',
    '测试甲的密码很难猜到吧',
    'my Resident vellum 9',
    'vellum350299199001010117',
    'otter 1990年01月01日',
    'otter 90.01.01 canal',
    'Hanna likes 08004X more',
    'x 08-08-04 李 明 y',
    'res iden t test residen',
    '🦢🌊🪁🎐🧭🪢🥁🧵🪵🫖',
  ])
    for (const whose of [{ ...own, mobiles: [] }, others])
      t.equal(showsOwn(tracesOf(typed, mac), whose, mac), containsOwn(normalizePassword(typed), whose), typed);
  const kept = tracesOf('x'.repeat(64) + 'vellum otter canal'.repeat(3), mac);
  t.ok(kept.length < 2_000);
  t.notMatch(kept, /vell|otte|xxxx/);
});

t.test('properties', async (t) => {
  // whatever surrounds it, what is known of the person is found
  fc.assert(
    fc.property(
      fc.string({ unit: 'grapheme' }),
      fc.string({ unit: 'grapheme' }),
      fc.constantFrom('15400000117', '测试甲', '19900101', '350299199001010117'),
      (before, after, piece) => {
        const typed = normalizePassword(`${before} ${piece} ${after}`);
        return containsOwn(typed, own);
      },
    ),
  );
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => normalizePassword(normalizePassword(text)) === normalizePassword(text),
    ),
  );
  // never longer than a moment, whatever is typed
  const times: number[] = [];
  await fc.assert(
    fc.asyncProperty(
      fc.string({ unit: fc.constantFrom(...'4@8({[</|369&#!1$05+7%2aA1 '), minLength: 100, maxLength: 128 }),
      async (text) => {
        const before = process.cpuUsage();
        await judgePassword(text, own);
        const spent = process.cpuUsage(before);
        times.push((spent.user + spent.system) / 1000);
      },
    ),
    { numRuns: 20 },
  );
  times.sort((a, b) => a - b);
  t.ok((times[10] ?? 0) < 400, `of the processor, median ${times[10]?.toFixed(0)} ms`);
});

const argon2 = { memoryCost: 19_456, timeCost: 2, parallelism: 1 };

t.test('the whole string is hashed, in one form', async (t) => {
  const hashing = createHashing({ argon2, hashesAtOnce: 2, hashesWaiting: 8 }, randomBytes);
  const long = 'vellum otter canal '.repeat(7).slice(0, 128);
  const phc = await hashing.hash(long);
  t.match(phc, /^\$argon2id\$v=19\$/);
  t.notOk(hashing.outdated(phc));
  t.equal(await hashing.verify(phc, long), true);
  t.equal(await hashing.verify(phc, `${long.slice(0, 127)}!`), false, 'the last character counts');
  const accented = await hashing.hash('caf\u00e9 otter ２０ canal');
  t.equal(await hashing.verify(accented, 'cafe\u0301 otter 20 canal'), true, 'NFKC: typed another way, the same');
  t.equal(await hashing.verify(undefined, long), false);
  t.equal(await hashing.verify(null, ''), false);
});

t.test('the queue: so many at once, so many wait, in order, and nobody steps in', async (t) => {
  const queue = boundedQueue(2, 3);
  const done: number[] = [];
  const release: (() => void)[] = [];
  let running = 0;
  let most = 0;
  const work = (n: number) =>
    queue.run(async () => {
      most = Math.max(most, ++running);
      await new Promise<void>((resolve) => release.push(resolve));
      running--;
      done.push(n);
    });
  const all = [1, 2, 3, 4, 5].map(work);
  t.equal(queue.waiting, 3);
  await t.rejects(work(6), { code: 'EG-1701', params: { retryAfter: Number } });
  await turn();
  for (let freed = 0; freed < 5; freed++) {
    while (release.length === 0) await turn();
    release.shift()?.();
    await turn();
  }
  await Promise.all(all);
  t.same(done, [1, 2, 3, 4, 5]);
  t.equal(most, 2);
  await t.rejects(
    queue.run(async () => Promise.reject(new Error('broken'))),
    /broken/,
  );
  t.equal(await queue.run(async () => 'goes on'), 'goes on');
});
