import type { Code } from '../errors.ts';
import type { ProvinceCode } from './needs.ts';

/** Every expected refusal of this room, and its code of the catalogue. */
export const refusalCodes = {
  'not-a-login-name': 'EG-1103',
  'not-a-mobile': 'EG-1206',
  'not-a-code': 'EG-1209',
  'not-an-id-number': 'EG-1307',
  'not-a-name': 'EG-1308',
  'wrong-password': 'EG-1101',
  'password-paused': 'EG-1102',
  'password-short': 'EG-1104',
  'password-long': 'EG-1105',
  'password-common': 'EG-1106',
  'password-own': 'EG-1107',
  'password-unreadable': 'EG-1108',
  'code-wrong': 'EG-1201',
  'code-dead': 'EG-1202',
  'code-too-soon': 'EG-1203',
  'messages-used-up': 'EG-1204',
  'guesses-used-up': 'EG-1205',
  'answers-used-up': 'EG-1207',
  'no-mobile': 'EG-1208',
  /** The proof, challenge or draft is too old, or of another browser's flow. */
  expired: 'EG-1004',
  /** This way is not open: a disabled account, a factor used twice, SMS held after a reset. */
  'way-closed': 'EG-1109',
  /** After a right code: ask the ID number (and, for a reset, the name) too. */
  'identity-needed': 'EG-1112',
  /** What was answered about name and number is not what the records say: lead to recovery. */
  'identity-differs': 'EG-1110',
  'mobile-in-use': 'EG-1111',
  'details-differ': 'EG-1301',
  'checks-used-up': 'EG-1302',
  /** This person has an account: sign in, or recover it. */
  'identity-in-use': 'EG-1303',
  'identity-fixed': 'EG-1310',
  minor: 'EG-1304',
  counter: 'EG-1305',
  // These three are told with the province's own code: it names nothing that a stranger could use.
  /** This way of checking did not work: another one. */
  'other-way': 'EG-P2104',
  /** Locked for a time, or cancelled, at the province. */
  blocked: 'EG-P2502',
  /** The province is asked too often. `until` says when it is worth another try. */
  'province-later': 'EG-P3001',
  /** Told with the province's own code too, where it gave one. */
  'province-unreachable': 'EG-1306',
  'province-conflict': 'EG-1309',
  'ticket-without-real-name': 'EG-1311',
} as const satisfies Record<string, Code>;

export type Reason = keyof typeof refusalCodes;

export interface Refusal {
  readonly ok: false;
  readonly reason: Reason;
  readonly code: Code;
  /** Epoch ms from which on it may be tried again. */
  readonly until?: number;
  readonly triesLeft?: number;
  /** The number the citizen can quote: `7K4M-20Q9`. */
  readonly case?: string;
  /** The province's own code, as the catalogue mirrors it: `EG-P2001`. Never shown where it would say which item differs. */
  readonly provinceCode?: ProvinceCode;
  /** No check about the person took place: the try was not counted. */
  readonly givenBack?: boolean;
  /** What the citizen proved before the refusal, where a next step goes on from it. */
  readonly proof?: string;
}

export type Outcome<T> = ({ readonly ok: true } & T) | Refusal;

/** `code`: where the reason's own would say less. */
export function refuse(
  reason: Reason,
  details: Omit<Refusal, 'ok' | 'reason' | 'code'> & { code?: Code } = {},
): Refusal {
  return { ok: false, reason, ...details, code: details.code ?? refusalCodes[reason] };
}
