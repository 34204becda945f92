import { type Code, catalogue } from '../errors.ts';

/**
 * What the rest of the gateway does about a refusal of the province:
 *
 * - `count`: an attempt of the person, counted; the same question may be put again
 * - `other-way`: this way did not work, another is offered
 * - `counter`, `guardian`: not settled online, or not by this person alone
 * - `blocked`: the account at the province is locked or cancelled
 * - `restart`: the sign-in there did not count, begin it again
 * - `end-organisation`: the session of the organisation ends
 * - `later`: asked too often; we back off
 * - `outage`: nobody's mistake here; degraded mode, and the breaker counts it
 */
export type Behaviour =
  | 'count'
  | 'other-way'
  | 'counter'
  | 'guardian'
  | 'blocked'
  | 'restart'
  | 'end-organisation'
  | 'later'
  | 'outage';

/** Every code of PROVINCE.md section 5 except 0000. 1xxx are ours to mend, so for a citizen they are an outage. */
const behaviours = {
  '1001': 'outage',
  '1002': 'outage',
  '1003': 'outage',
  '1101': 'outage',
  '1102': 'outage',
  '1103': 'outage',
  '1104': 'outage',
  '1105': 'outage',
  '1201': 'restart',
  '1202': 'restart',
  '1203': 'restart',
  '1204': 'restart',
  '1301': 'restart',
  '1302': 'restart',
  '2001': 'count',
  '2002': 'count',
  '2003': 'count',
  '2004': 'count',
  '2101': 'other-way',
  '2102': 'other-way',
  '2103': 'other-way',
  '2104': 'other-way',
  '2201': 'counter',
  '2202': 'counter',
  '2203': 'counter',
  '2204': 'counter',
  '2301': 'guardian',
  '2401': 'end-organisation',
  '2402': 'end-organisation',
  '2403': 'end-organisation',
  '2404': 'end-organisation',
  '2405': 'end-organisation',
  '2501': 'blocked',
  '2502': 'blocked',
  '3001': 'later',
  '3002': 'later',
  '9001': 'outage',
  '9002': 'outage',
  '9003': 'outage',
  '9999': 'outage',
} as const satisfies Record<string, Behaviour>;

export type ProvinceCode = keyof typeof behaviours;

/** The code as the catalogue mirrors it. */
export type MirroredCode = Extract<Code, `EG-P${ProvinceCode}`>;

export interface Meaning {
  /** Finds the texts for the citizen and the integrator in the catalogue. */
  readonly code: MirroredCode;
  readonly behaviour: Behaviour;
  /** For the operator's eyes: what is wrong, and what to look at. */
  readonly operator: string;
}

/** The one table: what a code of the province means here. */
export const meanings = Object.fromEntries(
  Object.entries(behaviours).map(([digits, behaviour]) => {
    const code: MirroredCode = `EG-P${digits as ProvinceCode}`;
    return [digits, { code, behaviour, operator: catalogue[code].log }];
  }),
) as Record<ProvinceCode, Meaning>;

export function isProvinceCode(digits: string): digits is ProvinceCode {
  return Object.hasOwn(behaviours, digits);
}

export function isOutage(digits: ProvinceCode): boolean {
  return meanings[digits].behaviour === 'outage';
}
