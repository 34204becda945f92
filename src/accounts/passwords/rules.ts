import { setImmediate as turn } from 'node:timers/promises';
import type { ZxcvbnFactory } from '@zxcvbn-ts/core';
import type common from '@zxcvbn-ts/language-common';
import { commonNames } from './names.ts';
import { phrases } from './phrases.ts';

/** Why a password is not taken. */
export type PasswordProblem =
  | 'password-short'
  | 'password-long'
  | 'password-unreadable'
  | 'password-own'
  | 'password-common';

/** What a password may not contain, because others know it of this person. */
export interface Own {
  readonly names?: readonly (string | undefined)[];
  readonly mobiles?: readonly (string | undefined)[];
  readonly idNumbers?: readonly (string | undefined)[];
}

const shortest = 10;
export const longest = 128;

/** The form in which a password is counted, judged and hashed: the same keys pressed give the same string (RFC 8265). */
export const normalizePassword = (typed: string): string => typed.normalize('NFKC');

/**
 * Whether a new password may be used. Length in characters (code points), no rule about which ones: only what is
 * leaked or common, or is known of the person, is refused. Returns the first problem, or undefined.
 */
export async function judgePassword(typed: string, own: Own): Promise<PasswordProblem | undefined> {
  if (!typed.isWellFormed()) return 'password-unreadable';
  const password = normalizePassword(typed);
  const length = [...password].length;
  if (length < shortest) return 'password-short';
  if (length > longest) return 'password-long';
  if (containsOwn(password, own)) return 'password-own';
  return (await isCommon(password)) ? 'password-common' : undefined;
}

// what stands between the parts of a date or a number when people write it down
const separators = /[\s.\-_/\\年月日号]/gu;
export const compact = (text: string): string => text.replace(separators, '');

export function containsOwn(password: string, own: Own): boolean {
  const lower = password.toLowerCase();
  const joined = lower.replace(separators, '');
  return piecesOf(own).some((piece) => lower.includes(piece) || joined.includes(piece.replace(separators, '')));
}

/** Lower-cased. */
export function piecesOf({ names = [], mobiles = [], idNumbers = [] }: Own): string[] {
  const pieces: string[] = [];
  for (const name of names) {
    if (!name) continue;
    const lower = name.normalize('NFKC').toLowerCase();
    // of a foreign name every longer word; of a Chinese one the whole, and the given name where it is two or more
    pieces.push(lower, ...lower.split(/[ ·]/u).filter((word) => word.length >= 4));
    if (/^\p{Script=Han}{3,}$/u.test(lower)) pieces.push([...lower].slice(1).join(''));
  }
  for (const mobile of mobiles) if (mobile) pieces.push(mobile, mobile.slice(-8));
  for (const number of idNumbers) {
    if (!number) continue;
    const lower = number.toLowerCase();
    pieces.push(lower, lower.slice(-8), lower.slice(-6));
    // birth date: 19900101, 900101
    if (lower.length === 18) pieces.push(lower.slice(6, 14), lower.slice(8, 14));
  }
  return pieces.filter((piece) => [...piece.replace(separators, '')].length >= 2);
}

// 10^8 guesses: below it a stolen hash falls within hours, and what is below it is on lists or made from their entries.
const leastScore = 3;
/** Characters looked at together: an estimate takes the square of its length, and 64 made to be slow some 20 ms. */
const span = 64;
/**
 * Leaked, common, or put together from what is. A long one is good as soon as a part of it is. Loads the dictionaries
 * (20 MB) on first use; between two parts others have their turn.
 */
async function isCommon(password: string): Promise<boolean> {
  const estimate = await dictionaries();
  const period = periodOf(password);
  // what comes again and again is no more than what comes twice
  const judged = period * 2 <= password.length ? password.slice(0, period * 2) : password;
  for (let at = 0; at < judged.length; at += span) {
    if (at > 0) await turn();
    if (estimate.check(judged.slice(at, at + span)).score >= leastScore) return false;
  }
  return true;
}

/** After how many characters a text begins anew: 3 for `abcabcab`, its length where it never does. */
function periodOf(text: string): number {
  for (let period = 1; period < text.length; period++) if (text.startsWith(text.slice(period))) return period;
  return text.length;
}

let loaded: Promise<ZxcvbnFactory> | undefined;
function dictionaries(): Promise<ZxcvbnFactory> {
  loaded ??= load().catch((error) => {
    loaded = undefined;
    throw error;
  });
  return loaded;
}

async function load(): Promise<ZxcvbnFactory> {
  // CommonJS both: what they export arrives as `default`
  const core = (await import('@zxcvbn-ts/core')) as unknown as { default: { ZxcvbnFactory: typeof ZxcvbnFactory } };
  const language = (await import('@zxcvbn-ts/language-common')) as unknown as { default: typeof common };
  return new core.default.ZxcvbnFactory({
    dictionary: {
      'passwords-common': language.default.dictionary['passwords-common'],
      'phrases-zh': [...phrases],
      'names-zh': commonNames(),
    },
    graphs: language.default.adjacencyGraphs,
  });
}
