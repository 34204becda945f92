import type { TransactionSql } from 'postgres';
import type { AuditEvent } from '../audit/audit.ts';
import { EgretError } from '../errors.ts';
import { type Account, type AccountRow, openAccount } from './account.ts';
import type { AccountsNeeds, AccountsSettings } from './needs.ts';
import type { Hashing } from './passwords/hashing.ts';

/** What every file of this room works with. */
export interface Room extends Omit<AccountsNeeds, 'settings'> {
  readonly settings: AccountsSettings;
  readonly hashing: Hashing;
}

/** What a browser is known by: a MAC of the random value in its cookie. Undefined for a browser without one. */
export const browserMac = (room: Room, browser: string | undefined): Buffer | undefined =>
  browser ? room.vault.mac('browser', browser) : undefined;

/** How the audit trail names an account. */
export const referenceTo = (room: Room, accountId: string): Buffer => room.vault.mac('audit-ref', accountId);

export const open = (room: Room, row: AccountRow): Account => openAccount(room.vault, row);

export const record = (room: Room, tx: TransactionSql, event: AuditEvent): Promise<void> =>
  room.audit.record(tx, event);

/** An event of its own, where nothing else is written: a refused attempt. */
export const recordAlone = (room: Room, event: AuditEvent): Promise<void> =>
  room.database.begin((tx) => room.audit.record(tx, event));

/** The name of the unique index that refused a row, if that is what went wrong. */
export const violated = (error: unknown): string | undefined => {
  const { code, constraint_name: name } = error as { code?: string; constraint_name?: string };
  return code === '23505' ? name : undefined;
};

type Carried = 'challenge' | 'proof' | 'draft';

/**
 * What the caller keeps for this room between two steps of a flow, in the flow's own state: sealed, because it holds a
 * mobile, and bound to the flow, so that it opens nowhere else.
 */
export function seal(room: Room, kind: Carried, flow: string, value: object): string {
  return room.vault.seal(JSON.stringify(value), `accounts.${kind}:${flow}`).toString('base64url');
}

/** Undefined when it is of another flow or kind, changed, or older than `life`. */
export function unseal<T extends { at: number }>(
  room: Room,
  kind: Carried,
  flow: string,
  sealed: string,
  life: number,
): T | undefined {
  try {
    const value = JSON.parse(room.vault.open(Buffer.from(sealed, 'base64url'), `accounts.${kind}:${flow}`)) as T;
    return room.clock.now() < value.at + life ? value : undefined;
  } catch (error) {
    if (error instanceof EgretError || error instanceof SyntaxError) return undefined;
    throw error;
  }
}

export type Purpose = 'sign-in' | 'register' | 'recover' | 'join' | 'second-factor';

/** That this flow proved a mobile. */
export interface Proof {
  readonly mobile: string;
  readonly purpose: Purpose;
  readonly at: number;
}

export function openProof(room: Room, flow: string, sealed: string, purposes: readonly Purpose[]): Proof | undefined {
  const proof = unseal<Proof>(room, 'proof', flow, sealed, room.settings.proofLife);
  return proof && purposes.includes(proof.purpose) ? proof : undefined;
}
