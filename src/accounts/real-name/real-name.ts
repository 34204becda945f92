import type { TransactionSql } from 'postgres';
import type { AccountRow } from '../account.ts';
import { openCase } from '../cases/cases.ts';
import { parseIdNumber, parseName } from '../identifiers.ts';
import * as records from '../records.ts';
import { type Outcome, refuse } from '../refusals.ts';
import { browserMac, open, type Room, record, recordAlone, referenceTo, violated } from '../room.ts';
import { checkThreeFactors, traceOf } from './three-factors.ts';

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
 * A passed check about somebody whose level it does not change. Told at once: the province has answered, whatever
 * becomes of the step that it was asked for.
 */
export async function recordChecked(
  room: Room,
  { id, real_name_level: level }: Pick<AccountRow, 'id' | 'real_name_level'>,
  answer: { trace?: string },
): Promise<void> {
  const way = 'three-factors';
  await room.database.begin((tx) => recordLevel(room, tx, id, { from: level, to: level, way, ...traceOf(answer) }));
}

/**
 * Real name for a person who is signed in: level 1 when the three factors agree. A second check of the same identity
 * is no check: the level stands.
 */
export async function provideRealName(
  room: Room,
  accountId: string,
  typed: TypedIdentity,
  browser?: string,
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
    own: true,
    browser: browserMac(room, browser),
  });
  if (!check.ok) return check;
  if (await isPassword(room, row.password, idNumber)) {
    const refusal = refuse('password-own');
    const subject = referenceTo(room, accountId);
    const detail = { way: 'three-factors', result: 'refused', reason: refusal.reason, ...traceOf(check) };
    await recordAlone(room, { type: 'real-name.checked', outcome: 'refused', code: refusal.code, subject, detail });
    return refusal;
  }
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

/**
 * Whether the password that rests as a hash is the ID number itself: all that can still be found out about one that was
 * set before the number was known here. Asked after the province agreed, so that it tells nobody whether some number is
 * the password.
 */
async function isPassword(room: Room, phc: string | null, idNumber: string): Promise<boolean> {
  if (!phc) return false;
  for (const candidate of new Set([idNumber, idNumber.toLowerCase()]))
    if (await room.hashing.verify(phc, candidate)) return true;
  return false;
}
