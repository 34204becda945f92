import type { Test } from 'tap';
import { assertions, codes, refreshedInside, refreshedOutside, resumed } from './departments.ts';
import { rightCodes, tickets, wrongCodes } from './people.ts';
import type { World } from './world.ts';

/**
 * Every single-use thing, over the wire, at two gateway processes by turns: 20 at once, 25 times.
 * @param weather what befalls the stores before the case of that name; resolves when they serve again
 */
export async function races(t: Test, here: World, weather: Record<string, () => Promise<void>> = {}): Promise<void> {
  let resumption: Awaited<ReturnType<typeof resumed>>;
  const cases: Record<string, (t: Test) => Promise<void>> = {
    'an interaction goes on': async (t) => {
      resumption = await resumed(t, here);
    },
    'an authorization code': (t) => codes(t, here),
    'an assertion': (t) => assertions(t, here),
    'a refresh token inside its window': (t) => refreshedInside(t, here),
    'a code by SMS': (t) => rightCodes(t, here),
    'guesses of a code': (t) => wrongCodes(t, here),
    'a trust ticket': (t) => tickets(t, here),
    'a refresh token outside its window': (t) => refreshedOutside(t, here, resumption),
  };
  for (const [name, work] of Object.entries(cases)) {
    await weather[name]?.();
    await t.test(name, work);
  }
  for (const gateway of here.own.gateways)
    t.notMatch(gateway.output(), /unexpected fault|"level":50/, 'no fault in a log');
}
