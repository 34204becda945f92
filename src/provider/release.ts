import type { TransactionSql } from 'postgres';
import type { AccountClaims } from '../accounts/accounts.ts';
import type { Audit } from '../audit/audit.ts';
import { beyond } from '../policy/policy.ts';
import type { Database } from '../store/database.ts';
import type { PersonalData } from './claims.ts';

/**
 * Reads a person's claims for a client, as far as they are agreed to now, and records that they were given, in one
 * transaction: no unrecorded release.
 */
export function personalData(needs: {
  readonly database: Database;
  readonly audit: Audit;
  /** Of these scopes, those that the person agrees to give this client (decision 0009). */
  readonly agreed: (
    tx: TransactionSql,
    accountId: string,
    clientId: string,
    scopes: readonly string[],
  ) => Promise<readonly string[]>;
  readonly account: (accountId: string, tx: TransactionSql) => Promise<AccountClaims | undefined>;
  readonly reference: (accountId: string) => Uint8Array;
}): PersonalData {
  const { database, audit, agreed, account, reference } = needs;
  return (accountId, clientId, asked) =>
    database.begin(async (tx) => {
      const scopes = await agreed(tx, accountId, clientId, asked);
      if (scopes.length === 0) return {};
      const person = await account(accountId, tx);
      if (!person) return undefined;
      const claims = Object.assign(
        {},
        ...scopes.map((scope) => (beyond(scope, person.level) ? {} : (claimsOf[scope]?.(person) ?? {}))),
      );
      await audit.record(tx, {
        type: 'personal-data.released',
        outcome: 'success',
        subject: reference(accountId),
        client: clientId,
        detail: { scopes: [...scopes], claims: Object.keys(claims), way: 'userinfo' },
      });
      return claims;
    });
}

/** What each scope gives; what is not known of a person is absent, never empty. */
const claimsOf: Record<string, (person: AccountClaims) => Record<string, unknown>> = {
  profile: ({ nameMasked, updatedAt }) => ({ nickname: nameMasked, updated_at: Math.floor(updatedAt / 1000) }),
  phone: ({ mobile, mobileProvedAt }) =>
    mobile ? { phone_number: `+86${mobile}`, phone_number_verified: mobileProvedAt !== undefined } : {},
  realname: ({ level, name, idNumberMasked }) => ({
    realname_level: level,
    ...(name ? { realname_name: name, realname_id_masked: idNumberMasked } : {}),
  }),
  identity: ({ name, idNumber, cardType }) => (name ? { id_name: name, id_number: idNumber, id_type: cardType } : {}),
};
