import type { TransactionSql } from 'postgres';
import type { Level } from './account.ts';
import { type CardType, isAccountId, maskIdNumber, maskMobile, maskName } from './identifiers.ts';
import * as records from './records.ts';
import { open, type Room } from './room.ts';

/** The account as claims are made of it; of a disabled or unknown one nothing. In the caller's transaction, if given. */
export async function accountForClaims(
  room: Room,
  accountId: string,
  run?: TransactionSql,
): Promise<AccountClaims | undefined> {
  const row = isAccountId(accountId) ? await records.accountById(run ?? room.database.sql, accountId) : undefined;
  if (row?.state !== 'active') return undefined;
  const { name, idNumber, cardType, mobile, mobileProvedAt, level, realNameAt, updatedAt } = open(room, row);
  return {
    accountId,
    level,
    updatedAt,
    ...(name ? { name, nameMasked: maskName(name), realNameAt } : {}),
    ...(idNumber ? { idNumber, idNumberMasked: maskIdNumber(idNumber), cardType } : {}),
    ...(mobile ? { mobile, mobileMasked: maskMobile(mobile), mobileProvedAt } : {}),
  };
}

export interface AccountClaims {
  readonly accountId: string;
  readonly level: Level;
  readonly updatedAt: number;
  readonly name?: string;
  readonly nameMasked?: string;
  readonly realNameAt?: number;
  readonly idNumber?: string;
  readonly idNumberMasked?: string;
  readonly cardType?: CardType;
  /** National form, 11 digits. */
  readonly mobile?: string;
  readonly mobileMasked?: string;
  readonly mobileProvedAt?: number;
}
