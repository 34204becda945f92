import type { Refusal, SignIn } from '../accounts/accounts.ts';
import type { Code } from '../errors.ts';
import type { Interaction } from '../provider/provider.ts';

/** What was typed and may be shown again: never a password, never a code. */
export interface Typed {
  readonly loginId?: string;
  readonly mobile?: string;
  readonly agreed?: boolean;
  readonly fullName?: string;
  readonly idNumber?: string;
  readonly cardType?: string;
}

/** A step did not come to its end: what has to be mended, at which field; or a page of its own for what nobody can. */
export type NotDone =
  | { readonly name: string; readonly refusal: Refusal; readonly typed?: Typed }
  | { readonly code: Code };

/** What a journey has come to, sealed on the server between two requests of one browser. */
export interface Flow {
  readonly way?: 'password' | 'sms' | 'register' | 'recover';
  readonly code?: {
    readonly purpose: 'sign-in' | 'register' | 'recover' | 'second-factor';
    readonly challenge: string;
    readonly mobile: string;
    readonly mobileMasked: string;
    readonly resendAt: number;
    readonly expiresAt: number;
  };
  /** The login name, so that password managers know whose password it is. */
  readonly login?: string;
  /** The person says, before the code, that others have this mobile too: it needs the ID number as well. */
  readonly shared?: boolean;
  /** After a right code whose mobile is shared or was recycled: the ID number is asked. */
  readonly identityProof?: string;
  readonly proof?: string;
  readonly mobileInUse?: boolean;
  readonly another?: boolean;
  readonly draft?: string;
  /** Proved by a registration of somebody who has an account already: joins it after the sign-in of this journey. */
  readonly joining?: { readonly proof: string; readonly idNumber: string; readonly mobileMasked: string };
  readonly signIn?: SignIn;
  /** Of the session that this sign-in becomes. */
  readonly sessionUid?: string;
  /** The real name was just proved: its result is shown once. */
  readonly proved?: boolean;
  /** What a department asks for beyond this was declined: the level reached is answered. */
  readonly declined?: boolean;
  readonly pausedUntil?: number;
  /** Of a journey to the province that this browser began. */
  readonly provinceState?: string;
  readonly recoverProof?: string;
  readonly identityAsked?: boolean;
  readonly identity?: { readonly name: string; readonly idNumber: string };
  readonly identityRefused?: { readonly code: Code; readonly triesLeft?: number; readonly until?: number };
  /** The password was just replaced: its page is shown once. */
  readonly recovered?: boolean;
  /** The province takes longer than a page may: asked at (epoch ms). */
  readonly waiting?: number;
  /** What came of it in the end, where that was a refusal. */
  readonly notDone?: NotDone;
}

/** More than any question takes: a process that was asked and died with the answer does not hold the journey up. */
export const longestWait = 15_000;

export type Step =
  | 'password'
  | 'paused'
  | 'sms'
  | 'code'
  | 'identity'
  | 'register-mobile'
  | 'mobile-in-use'
  | 'method'
  | 'register-real-name'
  | 'real-name'
  | 'real-name-result'
  | 'second-factor'
  | 'second-password'
  | 'recover-mobile'
  | 'recover-identity'
  | 'new-password'
  | 'recovered'
  | 'roaming'
  | 'consent'
  | 'waiting'
  | 'finish';

/** What the department's acr asks beyond the level reached. */
export interface Missing {
  readonly realName?: boolean;
  readonly secondFactor?: boolean;
}

/**
 * The one dispatcher: the next step from stored state alone. No step names the next, so that no order of requests leads
 * past one. `first` is the way a sign-in opens on where none was chosen.
 */
export function stepOf(
  prompt: Interaction['prompt'],
  flow: Flow,
  missing: Missing | undefined,
  first: 'password' | 'sms',
): Step {
  if (flow.waiting) return 'waiting';
  if (prompt === 'consent') return 'consent';
  if (prompt === 'roaming_notice' && !flow.way) return 'roaming';
  if (flow.signIn) {
    if (flow.recovered) return 'recovered';
    if (flow.proved) return 'real-name-result';
    if (flow.declined || !missing) return 'finish';
    if (missing.secondFactor && flow.code) return 'code';
    if (missing.secondFactor && flow.signIn.canAdd.includes('sms')) return 'second-factor';
    if (missing.secondFactor && flow.signIn.canAdd.includes('password')) return 'second-password';
    return missing.realName ? 'real-name' : 'finish';
  }
  if (flow.draft) return 'register-real-name';
  if (flow.proof) return flow.mobileInUse && !flow.another ? 'mobile-in-use' : 'method';
  if (flow.identityProof) return 'identity';
  if (flow.recoverProof) return flow.identityAsked && !flow.identity ? 'recover-identity' : 'new-password';
  if (flow.code) return 'code';
  if (flow.way === 'recover') return 'recover-mobile';
  if (flow.way === 'register') return 'register-mobile';
  if (flow.way === 'sms') return 'sms';
  if (flow.pausedUntil) return 'paused';
  return flow.way ?? first;
}
