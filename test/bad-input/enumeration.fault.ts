import t from 'tap';
import { pair } from '../support/pair.ts';
import { wants } from '../support/wants.ts';
import { everyName, options, type Seen, type Standing, surfaces, tryOne } from './names.ts';

t.setTimeout(120_000);

/** Rule 6 of the design, at equal numbers of tries; times are compared by `npm run faults`. */
t.test('whether a name is known is not to be seen', wants('redis-server', 'postgresql'), async (t) => {
  const accounts = { ...options.settings.accounts, password_tries: 2, resend_after: 60 };
  const own = await pair(t, { ...options, settings: { ...options.settings, accounts } });
  const codes = surfaces.filter(({ code }) => code);
  const names = await everyName(own, codes.length);
  /** What was seen on the way, so that not all of it is one refusal. */
  const outcomes = new Map<string, string[]>();
  for (const surface of surfaces) {
    const told: string[] = [];
    outcomes.set(surface.name, told);
    // two that count down, and one that is paused; a code with every guess it has, and one that comes too soon
    for (const guesses of surface.code ? [6, 0] : [0, 0, 0]) {
      const seen = new Map<Standing, readonly Omit<Seen, 'ms'>[]>();
      for (const standing of surface.standings) {
        const person = names[standing][Math.max(0, codes.indexOf(surface))];
        if (!person) throw new Error('nobody');
        const all = await tryOne(own, surface, person, guesses);
        seen.set(
          standing,
          all.map(({ ms, ...one }) => one),
        );
      }
      const unknown = seen.get('unknown') ?? [];
      told.push(...unknown.map(({ status, page }) => `${status} ${said(page)}`));
      for (const [standing, each] of seen) t.strictSame(each, unknown, `${surface.name}: ${standing}`);
    }
  }
  for (const [name, told] of outcomes) t.matchOnly(told, expected[name], name);
});

/** The first problem of a page, or its heading. */
const said = (page: string): string => (/<li><a href="#\w+">([^<]*)/.exec(page) ?? /<h1>([^<]*)/.exec(page))?.[1] ?? '';

const ofCodes = [
  /^303 查看手机短信/,
  ...[4, 3, 2, 1].map((left) => new RegExp(`^422 .*还可以再试 ${left} 次`)),
  /^422 验证码已过期/,
  /^422 验证码已过期/,
  /^422 刚刚发过验证码/,
];
const ofPasswords = [/^422 账号或密码不对，还可以再试 1 次/, /^303 密码登录停到/, /^303 密码登录停到/];
const expected: Readonly<Record<string, readonly RegExp[]>> = {
  'password, by mobile': ofPasswords,
  'password, by ID number': ofPasswords,
  'code of a sign-in': ofCodes,
  'code of a reset': ofCodes,
  'code of a registration': ofCodes,
};
