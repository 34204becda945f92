/**
 * What people agreed to give to whom: one standing consent a person and client, and a receipt for each time it was
 * asked, with the wording shown. It does not own the page (signin) nor the session's copy (provider). No routes.
 */
import type { Sql, TransactionSql } from 'postgres';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../clock.ts';
import type { Database } from '../store/database.ts';

/** Milliseconds: half a year after it was given a consent ends by itself, and is asked for again. */
export const consentLife = 183 * 86_400_000;

/** Carried in the session too, so that a roam asks no records. */
export interface Standing {
  readonly granted: readonly string[];
  readonly declined: readonly string[];
  readonly noticeOff: boolean;
  /** Epoch milliseconds. */
  readonly givenAt: number;
  readonly itemsVersion: string;
}

export interface Given {
  readonly accountId: string;
  readonly clientId: string;
  readonly granted: readonly string[];
  readonly declined: readonly string[];
  readonly itemsVersion: string;
  readonly language: string;
}

export interface Consents {
  /** All that stands for a person, by client, and has not come to its end: one query, at sign-in. */
  standing(accountId: string): Promise<Record<string, Standing>>;
  find(accountId: string, clientId: string): Promise<Standing | undefined>;
  /**
   * Of these scopes, those that may be given now: agreed to, in this wording of the items, and not past its end. Read in
   * the transaction of each release of personal data: a code, a token, a refresh of before gives no more than this.
   */
  agreed(
    tx: TransactionSql,
    about: Pick<Given, 'accountId' | 'clientId' | 'itemsVersion'>,
    scopes: readonly string[],
  ): Promise<string[]>;
  /**
   * What is no longer among it ends as a withdrawal does, in every session. What was answered before, in the same
   * wording, and was not asked now stands on.
   */
  give(given: Given): Promise<Standing>;
  /** Switches the roaming notice for this client; a person who was asked nothing, or withdrew, gives nothing by it. */
  setNotice(accountId: string, clientId: string, off: boolean, itemsVersion: string): Promise<Standing>;
  /** False when nothing stood. The receipt stays; `onWithdrawn`, then `also`, run in the same transaction. */
  withdraw(
    accountId: string,
    clientId: string,
    by: string,
    also?: (tx: TransactionSql) => Promise<unknown>,
  ): Promise<boolean>;
}

interface Row {
  client_id: string;
  granted: string[];
  declined: string[];
  notice_off: boolean;
  items_version: string;
  given_at: Date;
  withdrawn_at: Date | null;
}

export function createConsents(needs: {
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly reference: (accountId: string) => Uint8Array;
  /** Told of a withdrawal in its transaction: the record that every process refuses what was given until `at` by. */
  readonly onWithdrawn: (tx: TransactionSql, accountId: string, clientId: string, at: number) => Promise<void>;
}): Consents {
  const { database, audit, clock, reference, onWithdrawn } = needs;
  const { sql } = database;
  const standingOf = (row: Row): Standing => ({
    granted: row.granted,
    declined: row.declined,
    noticeOff: row.notice_off,
    givenAt: row.given_at.getTime(),
    itemsVersion: row.items_version,
  });
  const oldest = () => new Date(clock.now() - consentLife);
  const stands = async (
    on: Sql | TransactionSql,
    accountId: string,
    clientId: string,
  ): Promise<Standing | undefined> => {
    const [row] = await on<Row[]>`
      select * from consents where account_id = ${accountId} and client_id = ${clientId} and withdrawn_at is null
        and given_at > ${oldest()}`;
    return row && standingOf(row);
  };
  return {
    find: (accountId, clientId) => stands(sql, accountId, clientId),
    async agreed(tx, { accountId, clientId, itemsVersion }, scopes) {
      const standing = await stands(tx, accountId, clientId);
      return standing?.itemsVersion === itemsVersion ? scopes.filter((scope) => standing.granted.includes(scope)) : [];
    },
    async standing(accountId) {
      const rows = await sql<
        Row[]
      >`select * from consents where account_id = ${accountId} and withdrawn_at is null and given_at > ${oldest()} limit 200`;
      return Object.fromEntries(rows.map((row) => [row.client_id, standingOf(row)]));
    },
    async give({ accountId, clientId, granted, declined, itemsVersion, language }) {
      const at = new Date(clock.now());
      return database.begin(async (tx) => {
        const [before] = await tx<Row[]>`
          select * from consents where account_id = ${accountId} and client_id = ${clientId} for update`;
        const stood =
          before?.withdrawn_at === null && before.given_at > oldest() && before.items_version === itemsVersion;
        const untouched = (scopes: readonly string[]) =>
          stood ? scopes.filter((scope) => !granted.includes(scope) && !declined.includes(scope)) : [];
        const all = [...granted, ...untouched(before?.granted ?? [])];
        const none = [...declined, ...untouched(before?.declined ?? [])];
        const [row] = await tx<Row[]>`
          insert into consents (account_id, client_id, granted, declined, items_version, given_at)
          values (${accountId}, ${clientId}, ${all}, ${none}, ${itemsVersion}, ${at})
          on conflict (account_id, client_id) do update set granted = excluded.granted, declined = excluded.declined,
            items_version = excluded.items_version, given_at = excluded.given_at, withdrawn_at = null
          returning *`;
        await tx`insert into consent_receipts (account_id, client_id, act, granted, declined, items_version, language, at)
          values (${accountId}, ${clientId}, 'given', ${granted as string[]}, ${declined as string[]}, ${itemsVersion}, ${language}, ${at})`;
        await audit.record(tx, {
          type: 'consent.given',
          outcome: 'success',
          subject: reference(accountId),
          client: clientId,
          detail: { scopes: [...granted], way: 'page' },
        });
        const narrower = before?.granted.some((scope) => !all.includes(scope));
        if (narrower) await onWithdrawn(tx, accountId, clientId, at.getTime() - 1);
        return standingOf(row!);
      });
    },
    setNotice: (accountId, clientId, off, itemsVersion) =>
      database.begin(async (tx) => {
        // withdrawn, or past its end: neither comes back by a switch
        const standing = tx`consents.withdrawn_at is null and consents.given_at > ${oldest()}`;
        const [row] = await tx<Row[]>`
          insert into consents (account_id, client_id, granted, declined, items_version, given_at, notice_off)
          values (${accountId}, ${clientId}, '{}', '{}', ${itemsVersion}, ${new Date(clock.now())}, ${off})
          on conflict (account_id, client_id) do update set notice_off = excluded.notice_off, withdrawn_at = null,
            granted = case when ${standing} then consents.granted else '{}' end,
            declined = case when ${standing} then consents.declined else '{}' end,
            items_version = case when ${standing} then consents.items_version else excluded.items_version end,
            given_at = case when ${standing} then consents.given_at else excluded.given_at end
          returning *`;
        await audit.record(tx, {
          type: 'consent.notice',
          outcome: 'success',
          subject: reference(accountId),
          client: clientId,
          detail: { choice: off ? 'off' : 'on' },
        });
        return standingOf(row!);
      }),
    withdraw: (accountId, clientId, by, also) =>
      database.begin(async (tx) => {
        const at = new Date(clock.now());
        const [row] = await tx<Row[]>`
          update consents set withdrawn_at = ${at} where account_id = ${accountId} and client_id = ${clientId} and withdrawn_at is null returning *`;
        if (!row) return false;
        await tx`insert into consent_receipts (account_id, client_id, act, granted, declined, items_version, language, at)
          values (${accountId}, ${clientId}, 'withdrawn', ${row.granted}, ${row.declined}, ${row.items_version}, '', ${at})`;
        await audit.record(tx, {
          type: 'consent.withdrawn',
          outcome: 'success',
          subject: reference(accountId),
          client: clientId,
          detail: { scopes: row.granted, by },
        });
        await onWithdrawn(tx, accountId, clientId, at.getTime());
        await also?.(tx);
        return true;
      }),
  };
}
