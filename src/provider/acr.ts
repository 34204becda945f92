import { acrOf, type Level, levelOf, meets } from '../policy/policy.ts';

/** The acr values a request asks for, in its order; essential ones come from the claims parameter (not offered yet). */
export function wanted(params: { acr_values?: string } | undefined): readonly string[] {
  return params?.acr_values?.split(' ').filter(Boolean) ?? [];
}

/** The first requested value that the level reached meets on both axes, or undefined (DESIGN section 3). */
export function reached(acr: string | undefined, values: readonly string[]): string | undefined {
  const have = levelOf(acr);
  if (!have) return undefined;
  return values.find((value) => {
    const want = levelOf(value);
    return want && meets(have, want);
  });
}

/** The highest real-name level that can be led to today: r1 by three factors. */
const reachableRealName = 1;

/**
 * What a person with this level must still prove for the first requested value that can be reached, or undefined.
 * Voluntary: whoever declines goes on with the level reached.
 */
export function missing(
  acr: string | undefined,
  values: readonly string[],
): { realName?: true; secondFactor?: true } | undefined {
  const have: Level = levelOf(acr) ?? { realName: 0, strength: 1 };
  if (reached(acrOf(have), values)) return undefined;
  for (const value of values) {
    const want = levelOf(value);
    if (!want || want.strength > 2) continue;
    const realName = want.realName > have.realName;
    if (realName && want.realName > reachableRealName) continue;
    return {
      ...(realName ? { realName: true } : {}),
      ...(want.strength > have.strength ? { secondFactor: true } : {}),
    };
  }
  return undefined;
}
