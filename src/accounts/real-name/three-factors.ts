import { type Budget, counterKey, giveBack, type Reserved, reserve } from '../budgets.ts';
import type { ProvinceBehaviour, ProvinceCode, RealNameAnswer, ThreeFactors } from '../needs.ts';
import * as records from '../records.ts';
import { type Outcome, type Reason, type Refusal, refuse } from '../refusals.ts';
import { type Room, recordAlone, referenceTo } from '../room.ts';
import { spans } from '../settings.ts';

export interface Check {
  readonly person: ThreeFactors;
  /** Of the person's number. */
  readonly identityIndex: Buffer;
  /** Of the mobile: it stands for the account before there is one, so that a fresh start gives no fresh tries. */
  readonly mobileIndex: Buffer;
  readonly accountId?: string;
  /** Signed in to the account, or about to have one: nothing of its own budget is kept from them. */
  readonly own: boolean;
  /** Who may be known to the account that holds this number. */
  readonly browser: Buffer | undefined;
}

/**
 * The three factors (name, ID number, mobile: 国办函〔2016〕108号) against the province. Counted before the call, on
 * every budget or on none of them. An answer about the person is a check and stays counted, right or wrong; where there
 * was none (outage, quota, a way that did not work) all of it is given back.
 */
export async function checkThreeFactors(room: Room, check: Check): Promise<Outcome<{ trace?: string }>> {
  const { accountId } = check;
  const uses = await count(room, check);
  const whose = accountId ? { subject: referenceTo(room, accountId) } : {};
  const refused = async (refusal: Refusal, more: { trace?: string } = {}) => {
    const { provinceCode, reason } = refusal;
    const detail = {
      way: 'three-factors',
      result: 'refused',
      reason,
      ...(provinceCode ? { provinceCode } : {}),
      ...more,
    };
    await recordAlone(room, { type: 'real-name.checked', outcome: 'refused', code: refusal.code, ...whose, detail });
    return refusal;
  };
  if ('until' in uses) return await refused(refuse('checks-used-up', { until: uses.until }));
  const back = () =>
    room.database.begin(async (tx) => {
      for (const use of uses.all) await giveBack(tx, use);
    });
  let answer: RealNameAnswer;
  try {
    answer = await room.province.checkRealName(check.person);
  } catch (error) {
    await back();
    throw error;
  }
  if (answer.ok) return { ok: true, ...traceOf(answer) };
  const { code, behaviour } = answer;
  const meaning = meanings[behaviour];
  if (!meaning.counted) await back();
  const wait = waits[code];
  return await refused(
    refuse(meaning.reason, {
      code: silent[code] ?? code,
      provinceCode: code,
      ...(meaning.counted ? {} : { givenBack: true }),
      ...(behaviour === 'count' ? { triesLeft: uses.left } : {}),
      ...(wait === undefined ? {} : { until: room.clock.now() + wait }),
    }),
    traceOf(answer),
  );
}

export const traceOf = ({ trace }: { trace?: string }): { trace?: string } => (trace ? { trace } : {});

/** What the citizen is led to, and whether the try counts. */
const meanings: Readonly<Record<ProvinceBehaviour, { reason: Reason; counted: boolean }>> = {
  count: { reason: 'details-differ', counted: true },
  counter: { reason: 'counter', counted: true },
  guardian: { reason: 'minor', counted: true },
  blocked: { reason: 'blocked', counted: true },
  'other-way': { reason: 'other-way', counted: false },
  later: { reason: 'province-later', counted: false },
  outage: { reason: 'province-unreachable', counted: false },
};

/** Which item differs is never said, and 2201 has the words and the code of its neighbours: the page names these. */
const silent: Readonly<Partial<Record<ProvinceCode, 'EG-1301' | 'EG-1304' | 'EG-1305'>>> = {
  'EG-P2001': 'EG-1301',
  'EG-P2002': 'EG-1301',
  'EG-P2003': 'EG-1301',
  'EG-P2201': 'EG-1305',
  'EG-P2202': 'EG-1305',
  'EG-P2203': 'EG-1305',
  'EG-P2204': 'EG-1305',
  'EG-P2301': 'EG-1304',
};

/** The province names no time with 3xxx; these are what its words promise: some minutes, and some time. */
const waits: Readonly<Partial<Record<ProvinceCode, number>>> = { 'EG-P3001': 5 * 60_000, 'EG-P3002': spans.hour };

/**
 * The caps, so that they bound guessing and are no weapon (DESIGN section 5): 3 checks a day of an account and of its
 * mobile, 5 a day about a number, whoever asks. Of the number's, a part is kept for who stands in a relation with it:
 * the account that holds this identity, or a browser known to that account. Being signed in to any account is none: two
 * fresh accounts would use up the number, and lock its owner out of their own recovery. Who is not registered yet and
 * meets a number used up by others can come tomorrow, or by a trust ticket, which needs no check.
 */
async function count(
  room: Room,
  check: Check,
): Promise<{ readonly all: readonly Reserved[]; readonly left: number } | { readonly until: number }> {
  const { checksADayAccount, checksADayNumber, checksKept: kept } = room.settings;
  const { identityIndex, mobileIndex, accountId, own, browser } = check;
  const known = await records.standsWithIdentity(room.database.sql, identityIndex, { accountId, browser });
  const personal = { limit: checksADayAccount, kept, span: spans.day } satisfies Budget;
  const lanes = [
    { key: counterKey('check-mobile', mobileIndex), budget: personal, known: own },
    ...(accountId ? [{ key: counterKey('check-account', Buffer.from(accountId)), budget: personal, known: own }] : []),
    {
      key: counterKey('check-number', identityIndex),
      budget: { limit: checksADayNumber, kept, span: spans.day } satisfies Budget,
      known,
    },
  ].sort((one, other) => Buffer.compare(one.key, other.key)); // one order, so that no two wait for each other
  class Full extends Error {
    until = 0;
  }
  try {
    return await room.database.begin(async (tx) => {
      const all: Reserved[] = [];
      for (const lane of lanes) {
        const use = await reserve(tx, lane.key, lane.budget, lane.known, room.clock.now());
        if (!use.ok) throw Object.assign(new Full(), { until: use.until });
        all.push(use);
      }
      return { all, left: Math.min(...all.map((use) => (use.ok ? use.left : 0))) };
    });
  } catch (error) {
    if (error instanceof Full) return { until: error.until };
    throw error;
  }
}
