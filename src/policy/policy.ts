/**
 * Policy: what is asked, what is met, what is missing. Pure: no store, no clock, no request. It owns the two axes of a
 * level (real-name level 实名等级 0-3 and login strength 1-3) and their name on the wire, `urn:egret:r<0-3>a<1-3>`.
 */
export interface Level {
  /** 0 未实名, 1 初级实名, 2 高级实名, 3 窗口/证书 */
  readonly realName: number;
  /** 1 one factor, 2 two factors, 3 a phishing-resistant one */
  readonly strength: number;
}

export const acrOf = (level: Level): string => `urn:egret:r${level.realName}a${level.strength}`;

/** The level an acr value names, or undefined for a value that is not ours: unknown values are never met. */
export function levelOf(acr: string | undefined): Level | undefined {
  const match = /^urn:egret:r([0-3])a([1-3])$/.exec(acr ?? '');
  return match ? { realName: Number(match[1]), strength: Number(match[2]) } : undefined;
}

/** A level is met when both axes are met, so r2a2 meets r1a1. */
export const meets = (have: Level, want: Level): boolean =>
  have.realName >= want.realName && have.strength >= want.strength;

/** Full name and number are given only of who is verified at level 2 (DESIGN section 3). */
const realNameFor: Readonly<Record<string, number>> = { identity: 2 };

/**
 * Whether this real-name level is too low for a scope to give anything. Such a scope is neither asked for nor given, and
 * not declined either: it is asked for once the level is reached.
 */
export const beyond = (scope: string, realName: number): boolean => realName < (realNameFor[scope] ?? 0);

/** All twelve, lowest first: what discovery announces. */
export const allAcrValues: readonly string[] = [0, 1, 2, 3].flatMap((realName) =>
  [1, 2, 3].map((strength) => acrOf({ realName, strength })),
);
