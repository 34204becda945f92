import type { TransactionSql } from 'postgres';
import type { AccountRow } from './account.ts';
import { type Budget, counterKey, giveBack, type Reserved, reserve } from './budgets.ts';
import { openCase } from './cases.ts';
import { parseIdNumber, parseName } from './identifiers.ts';
import type { RealNameAnswer, ThreeFactors } from './needs.ts';
import * as records from './records.ts';
import { type Outcome, type Reason, type Refusal, refuse } from './refusals.ts';
import { open, type Room, record, recordAlone, referenceTo, violated } from './room.ts';
import { spans } from './settings.ts';

/** Name and number as a person typed them. */
export interface TypedIdentity {
  readonly name: string;
  readonly idNumber: string;
}

export interface Identity {
  readonly name: string;
  readonly idNumber: string;
  readonly cardType: NonNullable<ReturnType<typeof parseIdNumber>>['cardType'];
  readonly index: Buffer;
}

export function readIdentity(room: Room, typed: TypedIdentity): Outcome<{ identity: Identity }> {
  const name = parseName(typed.name);
  if (!name) return refuse('not-a-name');
  const id = parseIdNumber(typed.idNumber, room.clock.now());
  if (!id) return refuse('not-an-id-number');
  const index = room.vault.blindIndex('id-number', id.number);
  return { ok: true, identity: { name, idNumber: id.number, cardType: id.cardType, index } };
}

interface Check {
  readonly person: ThreeFactors;
  /** Of the person's number. */
  readonly identityIndex: Buffer;
  /** Of the mobile: it stands for the account before there is one, so that a fresh start gives no fresh tries. */
  readonly mobileIndex: Buffer;
  readonly accountId?: string;
  /** Signed in, or in a browser that the account knows. */
  readonly known: boolean;
}

/**
 * The three factors (name, ID number, mobile: 国办函〔2016〕108号) against the province. Counted before the call, on
 * the account, its mobile and the number together or on none of them; given back when the province did not answer.
 */
export async function checkThreeFactors(room: Room, check: Check): Promise<Outcome<{ trace?: string }>> {
  const { settings, province } = room;
  const a = { limit: settings.checksADayAccount, kept: settings.checksKept, span: spans.day } satisfies Budget;
  const b = { limit: settings.checksADayNumber, kept: settings.checksKept, span: spans.day } satisfies Budget;
  const { accountId } = check;
  // who registers proved the mobile just now and has no other browser: nothing is kept from them on that side
  const own = check.known || accountId === undefined;
  const lanes = [
    { key: counterKey('check-mobile', check.mobileIndex), budget: a, known: own },
    { key: counterKey('check-number', check.identityIndex), budget: b, known: check.known },
    ...(accountId ? [{ key: counterKey('check-account', Buffer.from(accountId)), budget: a, known: own }] : []),
  ].sort((one, other) => Buffer.compare(one.key, other.key)); // one order, so that no two wait for each other
  const uses = await reserveAll(room, lanes);
  const whose = accountId ? { subject: referenceTo(room, accountId) } : {};
  const refused = async (
    reason: Reason,
    details: Omit<Refusal, 'ok' | 'reason' | 'code'> = {},
    more: { trace?: string } = {},
  ) => {
    const refusal = refuse(reason, details);
    const { provinceCode = '' } = details;
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
  if ('until' in uses) return await refused('checks-used-up', { until: uses.until });
  const back = () =>
    room.database.begin(async (tx) => {
      for (const use of uses.all) await giveBack(tx, use);
    });
  let answer: RealNameAnswer;
  try {
    answer = await province.checkRealName(check.person);
  } catch (error) {
    await back();
    throw error;
  }
  if (answer.ok) return { ok: true, ...traceOf(answer) };
  const code = answer.code.replace(/^EG-P/, '');
  const reason = reasonOf(code);
  if (reason === 'province-unreachable') await back();
  const tries =
    reason === 'details-differ' ? { triesLeft: Math.min(...uses.all.map((use) => (use.ok ? use.left : 0))) } : {};
  return await refused(reason, { provinceCode: `EG-P${code}`, ...tries }, traceOf(answer));
}

export const traceOf = ({ trace }: { trace?: string }): { trace?: string } => (trace ? { trace } : {});

/** What the citizen is told: which item differs is never said, and 2201 has the words of its neighbours. */
function reasonOf(code: string): Reason {
  if (/^200\d$/.test(code)) return 'details-differ';
  if (code === '2301') return 'minor';
  if (/^(22|25)\d\d$/.test(code)) return 'counter';
  return 'province-unreachable';
}

async function reserveAll(room: Room, lanes: readonly { key: Buffer; budget: Budget; known: boolean }[]) {
  class Full extends Error {
    until = 0;
  }
  try {
    return await room.database.begin(async (tx) => {
      const all: Reserved[] = [];
      for (const { key, budget, known } of lanes) {
        const use = await reserve(tx, key, budget, known, room.clock.now());
        if (!use.ok) throw Object.assign(new Full(), { until: use.until });
        all.push(use);
      }
      return { all };
    });
  } catch (error) {
    if (error instanceof Full) return { until: error.until };
    throw error;
  }
}

/** The columns that a verified identity fills. */
export function identityColumns(room: Room, accountId: string, identity: Identity): Partial<AccountRow> {
  return {
    identity_index: identity.index,
    id_number: room.vault.seal(identity.idNumber, `account.id-number:${accountId}`),
    name: room.vault.seal(identity.name, `account.name:${accountId}`),
    card_type: identity.cardType,
  };
}

/** Someone proved to be a person who has an account already: a case, and nothing told of the first account. */
export async function refuseSecondAccount(
  room: Room,
  identity: Identity,
  from: { accountId?: string; mobileIndex: Buffer },
) {
  return await room.database.begin(async (tx) => {
    const first = await records.accountByLogin(tx, 'id-number', identity.index, undefined);
    const refs = { ...(first ? { first: first.id } : {}), ...(from.accountId ? { second: from.accountId } : {}) };
    const number = await openCase(room, tx, {
      kind: 'identity-in-use',
      refs,
      matter: [identity.index, from.mobileIndex],
    });
    const refusal = refuse('identity-in-use', { case: number });
    const { code, reason } = refusal;
    const subject = first ? { subject: referenceTo(room, first.id) } : {};
    const detail = { way: 'three-factors', result: 'refused', reason };
    await record(room, tx, { type: 'real-name.checked', outcome: 'refused', code, case: number, ...subject, detail });
    return refusal;
  });
}

/** The events of a passed check, in the transaction that writes its result. */
export async function recordLevel(
  room: Room,
  tx: TransactionSql,
  accountId: string,
  { from, to, way, ...trace }: { from: number; to: number; way: 'three-factors' | 'ticket'; trace?: string },
) {
  const subject = referenceTo(room, accountId);
  const common = { outcome: 'success', subject } as const;
  if (way === 'three-factors')
    await record(room, tx, {
      type: 'real-name.checked',
      ...common,
      detail: { way, level: to, result: 'passed', ...trace },
    });
  if (from !== to) await record(room, tx, { type: 'real-name.level', ...common, detail: { from, to, way } });
}

/**
 * Real name for a person who is signed in: level 1 when the three factors agree. A second check of the same identity
 * is no check: the level stands.
 */
export async function provideRealName(
  room: Room,
  accountId: string,
  typed: TypedIdentity,
): Promise<Outcome<{ level: number }>> {
  const read = readIdentity(room, typed);
  if (!read.ok) return read;
  const { identity } = read;
  const row = await records.accountById(room.database.sql, accountId);
  if (row?.state !== 'active') return refuse('way-closed');
  if (row.identity_index)
    return row.identity_index.equals(identity.index)
      ? { ok: true, level: row.real_name_level }
      : refuse('identity-fixed');
  const { mobile } = open(room, row);
  if (!mobile || !row.mobile_index) return refuse('no-mobile');
  const mobileIndex = row.mobile_index;
  const { name, idNumber } = identity;
  const person = { name, idNumber, mobile };
  const check = await checkThreeFactors(room, {
    person,
    identityIndex: identity.index,
    mobileIndex,
    accountId,
    known: true,
  });
  if (!check.ok) return check;
  const at = new Date(room.clock.now());
  try {
    return await room.database.begin(async (tx) => {
      const now = await records.accountById(tx, accountId, true);
      if (now?.state !== 'active') return refuse('way-closed');
      if (now.identity_index)
        return now.identity_index.equals(identity.index)
          ? { ok: true, level: now.real_name_level }
          : refuse('identity-fixed');
      await records.updateAccount(tx, accountId, {
        ...identityColumns(room, accountId, identity),
        real_name_level: 1,
        real_name_at: at,
        updated_at: at,
      });
      await recordLevel(room, tx, accountId, { from: 0, to: 1, way: 'three-factors', ...traceOf(check) });
      return { ok: true, level: 1 };
    });
  } catch (error) {
    if (violated(error) !== 'accounts_identity') throw error;
    return await refuseSecondAccount(room, identity, { accountId, mobileIndex });
  }
}
