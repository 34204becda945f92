import type { Account, Level } from './account.ts';
import type { CaseKind } from './cases/cases.ts';
import { type CardType, isAccountId, maskIdNumber, maskMobile, maskName, parseLoginId } from './identifiers.ts';
import * as records from './records.ts';
import { endSignIns } from './recovery.ts';
import { open, type Room, record, referenceTo } from './room.ts';

/** What the command line, and later staff, may see of an account: masked, no birth date, no hash. */
export interface AccountShown {
  readonly id: string;
  readonly state: 'active' | 'disabled';
  readonly name?: string;
  readonly idNumber?: string;
  readonly cardType?: CardType;
  readonly mobile?: string;
  readonly mobileIsLogin: boolean;
  readonly mobileProvedAt?: number;
  readonly level: Level;
  readonly hasPassword: boolean;
  readonly passwordChangedAt?: number;
  readonly termsVersion?: string;
  readonly createdAt: number;
}

export function shown(account: Account): AccountShown {
  const { id, state, name, idNumber, cardType, mobile, mobileIsLogin, mobileProvedAt, level, passwordChangedAt } =
    account;
  return {
    id,
    state,
    mobileIsLogin,
    level,
    hasPassword: account.password !== undefined,
    createdAt: account.createdAt,
    ...(name ? { name: maskName(name) } : {}),
    ...(idNumber ? { idNumber: maskIdNumber(idNumber), cardType } : {}),
    ...(mobile ? { mobile: maskMobile(mobile), mobileProvedAt } : {}),
    ...(passwordChangedAt ? { passwordChangedAt } : {}),
    ...(account.termsVersion ? { termsVersion: account.termsVersion } : {}),
  };
}

/** By account id, mobile (everyone who has it) or ID number. Nothing found, or nothing that can be one: an empty list. */
export async function findAccounts(room: Room, wanted: string): Promise<AccountShown[]> {
  const run = room.database.sql;
  if (isAccountId(wanted)) {
    const row = await records.accountById(run, wanted);
    return row ? [shown(open(room, row))] : [];
  }
  const login = parseLoginId(wanted, room.clock.now());
  if (!login) return [];
  const index = room.vault.blindIndex(login.kind, login.value);
  const rows =
    login.kind === 'mobile'
      ? await records.accountsByMobile(run, index, undefined)
      : [await records.accountByLogin(run, login.kind, index, undefined)];
  return rows.filter((row) => row !== undefined).map((row) => shown(open(room, row)));
}

export interface StaffAct {
  /** Who acts, as the audit trail names them: `vault.mac('audit-ref', …)`. */
  readonly actor?: Uint8Array | string;
  /** A word of a fixed list of the caller's; nothing personal. */
  readonly reason: string;
}

/** Disables an account and ends its sign-ins. False: there is none, or it was disabled already. */
export function disable(room: Room, accountId: string, act: StaffAct): Promise<boolean> {
  return change(room, accountId, 'disabled', act);
}

export function enable(room: Room, accountId: string, act: StaffAct): Promise<boolean> {
  return change(room, accountId, 'active', act);
}

async function change(room: Room, accountId: string, state: 'active' | 'disabled', act: StaffAct): Promise<boolean> {
  if (!isAccountId(accountId)) return false;
  return await room.database.begin(async (tx) => {
    const row = await records.accountById(tx, accountId, true);
    if (!row || row.state === state) return false;
    await records.updateAccount(tx, accountId, { state, updated_at: new Date(room.clock.now()) });
    if (state === 'disabled') await endSignIns(room, tx, accountId, room.clock.now(), 'disabled');
    await record(room, tx, {
      type: state === 'disabled' ? 'account.disabled' : 'account.enabled',
      outcome: 'success',
      subject: referenceTo(room, accountId),
      ...(act.actor === undefined ? {} : { actor: act.actor }),
      detail: { by: 'staff', reason: act.reason },
    });
    return true;
  });
}

/** Ends every sign-in of an account that began until now. False: there is no such account. */
export async function endAllSignIns(room: Room, accountId: string, act: StaffAct): Promise<boolean> {
  if (!isAccountId(accountId)) return false;
  return await room.database.begin(async (tx) => {
    if (!(await records.accountById(tx, accountId, true))) return false;
    await endSignIns(room, tx, accountId, room.clock.now(), act.reason);
    const actor = act.actor === undefined ? {} : { actor: act.actor };
    const subject = referenceTo(room, accountId);
    await record(room, tx, {
      type: 'session.ended',
      outcome: 'success',
      subject,
      ...actor,
      detail: { by: 'staff', scope: 'all', reason: act.reason },
    });
    return true;
  });
}

export interface Case {
  readonly number: string;
  readonly kind: CaseKind;
  readonly state: 'open' | 'closed';
  /** Account ids and names of provinces, nothing personal. */
  readonly refs: Readonly<Record<string, string>>;
  readonly openedAt: number;
  readonly closedAt?: number;
  /** What it was resolved as, and a keyed reference to who did, as the audit trail names them. */
  readonly outcome?: string;
  readonly closedBy?: string;
}

export function caseShown(row: records.CaseRow): Case {
  const { number, kind, state, refs, opened_at, closed_at, outcome, closed_by } = row;
  return {
    number,
    kind: kind as CaseKind,
    state,
    refs,
    openedAt: opened_at.getTime(),
    ...(closed_at ? { closedAt: closed_at.getTime() } : {}),
    ...(outcome ? { outcome } : {}),
    ...(closed_by ? { closedBy: closed_by.toString('base64url') } : {}),
  };
}

/** Newest first. */
export async function listCases(
  room: Room,
  options: { state?: 'open' | 'closed'; limit?: number } = {},
): Promise<Case[]> {
  const rows = await records.listCases(room.database.sql, options.state, options.limit ?? 100);
  return rows.map(caseShown);
}

export interface AccountEnding {
  readonly id: string;
  readonly accountId: string;
  /** Sign-ins that began at or before are over; epoch ms. */
  readonly at: number;
  readonly reason: string;
}

/**
 * The feed of endings. First read by time, then go on from the cursor: nothing is missed, whatever order transactions
 * commit in; the last few may come again, under the same id.
 */
export async function endingsSince(
  room: Room,
  since: { at: number } | { cursor: string },
): Promise<{ cursor: string; endings: AccountEnding[] }> {
  const found = await records.endingsSince(room.database.sql, 'cursor' in since ? since : { at: new Date(since.at) });
  const endings = found.endings.map(({ id, account_id, at, reason }) => ({
    id,
    accountId: account_id,
    at: Number(at),
    reason,
  }));
  return { cursor: found.cursor, endings };
}
