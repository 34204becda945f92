import type { Account, Level } from './account.ts';

/** What a person proved in this sign-in. */
export type Factor = 'password' | 'sms' | 'ticket';

export interface SignIn {
  readonly accountId: string;
  readonly factors: readonly Factor[];
  /** RFC 8176: `pwd`, `sms`, `mfa`; `tkt` is ours, for the province's trust ticket. */
  readonly amr: readonly string[];
  readonly strength: 1 | 2;
  readonly level: Level;
  /** Epoch ms of the last factor. */
  readonly at: number;
  /** What would raise the strength now. */
  readonly canAdd: readonly Factor[];
  /** SMS is no second factor before (a password was reset by SMS, or the mobile is new to the account); epoch ms. */
  readonly smsHeldUntil?: number;
}

const names = { password: 'pwd', sms: 'sms', ticket: 'tkt' } as const satisfies Record<Factor, string>;

/**
 * What the factors amount to. Password and SMS are two; a ticket is one, whatever stood behind it at the province.
 * Whoever reset the password by SMS holds the mobile only: for a day the pair proves no more than the mobile does. The
 * same goes for a mobile that joined with nothing but the password behind it.
 */
export function assess(account: Account, factors: readonly Factor[], at: number, hold: number): SignIn {
  const since = Math.max(
    account.resetBySmsAt ?? Number.NEGATIVE_INFINITY,
    account.mobileJoinedAt ?? Number.NEGATIVE_INFINITY,
  );
  const held = at < since + hold;
  const both = factors.includes('password') && factors.includes('sms');
  const mfa = both && !held;
  const canAdd: Factor[] = [];
  if (!held && factors.includes('password') && !factors.includes('sms') && account.mobile) canAdd.push('sms');
  if (!held && factors.includes('sms') && !factors.includes('password') && account.password) canAdd.push('password');
  return {
    accountId: account.id,
    factors,
    amr: [...factors.map((factor) => names[factor]), ...(mfa ? ['mfa'] : [])],
    strength: mfa ? 2 : 1,
    level: account.level,
    at,
    canAdd,
    ...(held ? { smsHeldUntil: since + hold } : {}),
  };
}
