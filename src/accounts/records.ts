import type { Sql, TransactionSql } from 'postgres';
import { batch, inBatches } from '../store/batches.ts';
import type { AccountRow } from './account.ts';
import type { LoginId } from './identifiers.ts';

/** The rows of this room, and nothing but: what they mean is decided by the callers. */

export type Run = Sql | TransactionSql;

export async function insertAccount(run: Run, row: AccountRow): Promise<void> {
  await run`insert into accounts ${run({ ...row })}`;
}

/** Writes the named columns of one account. */
export async function updateAccount(run: Run, id: string, columns: Partial<AccountRow>): Promise<void> {
  await run`update accounts set ${run({ ...columns })} where id = ${id}`;
}

/** Whether the password was still `before`. */
export async function replacePassword(run: Run, id: string, before: string, after: string): Promise<boolean> {
  return (await run`update accounts set password = ${after} where id = ${id} and password = ${before}`).count > 0;
}

export async function accountById(run: Run, id: string, lock = false): Promise<AccountRow | undefined> {
  const [row] = await run<
    AccountRow[]
  >`select * from accounts where id = ${id} ${lock ? run`for no key update` : run``}`;
  return row;
}

const knownTo = (run: Run, browser: Buffer | undefined) =>
  run`exists (select from known_browsers b where b.account_id = a.id and b.browser = ${browser ?? Buffer.alloc(0)})`;

/** The account of a login name, and whether the browser is known to it: one query, whether there is one or not. */
export async function accountByLogin(run: Run, kind: LoginId['kind'], index: Buffer, browser: Buffer | undefined) {
  const where =
    kind === 'mobile' ? run`a.mobile_index = ${index} and a.mobile_is_login` : run`a.identity_index = ${index}`;
  const [row] = await run<(AccountRow & { known: boolean })[]>`
    select a.*, ${knownTo(run, browser)} as known
    from accounts a where ${where}`;
  return row;
}

/** Everyone whose proved mobile this is; the one whose login name it is comes first. */
export async function accountsByMobile(run: Run, index: Buffer, browser: Buffer | undefined) {
  return await run<(AccountRow & { known: boolean })[]>`
    select a.*, ${knownTo(run, browser)} as known
    from accounts a where a.mobile_index = ${index} order by a.mobile_is_login desc, a.created_at limit 20`;
}

export async function isKnownBrowser(run: Run, id: string, browser: Buffer | undefined): Promise<boolean> {
  if (!browser) return false;
  return (await run`select from known_browsers where account_id = ${id} and browser = ${browser}`).length > 0;
}

/** Whether somebody signed in with this browser, and it was not forgotten since. */
export async function isKnownToAnyone(run: Run, browser: Buffer): Promise<boolean> {
  return (await run`select from known_browsers where browser = ${browser} limit 1`).length > 0;
}

/** Whether this is the account that holds the identity, or a browser known to that account. */
export async function standsWithIdentity(
  run: Run,
  identityIndex: Buffer,
  who: { accountId: string | undefined; browser: Buffer | undefined },
): Promise<boolean> {
  const found = await run`
    select from accounts a where a.identity_index = ${identityIndex}
      and (a.id = ${who.accountId ?? null} or ${knownTo(run, who.browser)})`;
  return found.length > 0;
}

export async function rememberBrowser(run: Run, id: string, browser: Buffer, at: Date, most: number): Promise<void> {
  await run`
    insert into known_browsers (account_id, browser, seen_at) values (${id}, ${browser}, ${at})
    on conflict (account_id, browser) do update set seen_at = excluded.seen_at`;
  await run`
    delete from known_browsers where account_id = ${id} and browser in (
      select browser from known_browsers where account_id = ${id} order by seen_at desc, browser offset ${most})`;
}

export async function knownBrowsers(run: Run, id: string): Promise<Buffer[]> {
  const rows = await run<{ browser: Buffer }[]>`select browser from known_browsers where account_id = ${id}`;
  return rows.map(({ browser }) => browser);
}

export async function forgetBrowsers(run: Run, id: string, except: Buffer | undefined): Promise<void> {
  await run`delete from known_browsers where account_id = ${id} and browser <> ${except ?? Buffer.alloc(0)}`;
}

/**
 * Whom a ticket may mean: the account linked to its USER_ID, and the one of its identity; at most two, read in one
 * statement, so that a link made at the same moment is seen with its account or not at all.
 */
export async function accountsOfTicket(
  run: Run,
  ticket: { province: string; userIndex: Buffer; identityIndex: Buffer; browser: Buffer | undefined },
) {
  const { province, userIndex, identityIndex } = ticket;
  return await run<(AccountRow & { known: boolean; by_user: boolean; by_identity: boolean; linked: boolean })[]>`
    select a.*, ${knownTo(run, ticket.browser)} as known,
      l.user_index is not distinct from ${userIndex} as by_user,
      a.identity_index is not distinct from ${identityIndex} as by_identity,
      l.user_index is not null as linked
    from accounts a left join province_links l on l.account_id = a.id and l.province = ${province}
    where a.identity_index = ${identityIndex}
      or a.id in (select account_id from province_links where province = ${province} and user_index = ${userIndex})`;
}

export async function linkProvinceUser(run: Run, province: string, index: Buffer, id: string, at: Date): Promise<void> {
  await run`insert into province_links (province, user_index, account_id, linked_at) values (${province}, ${index}, ${id}, ${at})`;
}

export interface CaseRow {
  number: string;
  kind: string;
  state: 'open' | 'closed';
  refs: Record<string, string>;
  /** SHA-256, see cases.ts. */
  matter: Buffer;
  opened_at: Date;
  closed_at: Date | null;
  outcome: string | null;
  /** Keyed reference of who closed it. */
  closed_by: Buffer | null;
}

/** Opens a case, or returns the open one of the same matter. Undefined: the number is taken, draw another. */
export async function openCase(run: Run, row: Pick<CaseRow, 'number' | 'kind' | 'refs' | 'matter' | 'opened_at'>) {
  const [opened] = await run<{ number: string; fresh: boolean }[]>`
    insert into cases (number, kind, state, refs, matter, opened_at)
    select ${row.number}, ${row.kind}, 'open', ${run.json(row.refs)}, ${row.matter}, ${row.opened_at}
    where not exists (select from cases where number = ${row.number})
    on conflict (matter) where state = 'open' do update set matter = excluded.matter
    returning number, number = ${row.number} as fresh`;
  return opened;
}

export async function listCases(run: Run, state: 'open' | 'closed' | undefined, limit: number): Promise<CaseRow[]> {
  return await run<CaseRow[]>`
    select * from cases
    where ${state ?? null}::text is null or state = ${state ?? null} order by opened_at desc, number limit ${limit}`;
}

export async function caseByNumber(run: Run, number: string, lock: boolean): Promise<CaseRow | undefined> {
  const [row] = await run<CaseRow[]>`select * from cases where number = ${number} ${lock ? run`for update` : run``}`;
  return row;
}

/** Of a case that was read under lock. */
export async function closeCase(
  tx: Run,
  { number, ...row }: { number: string; outcome: string; closed_at: Date; closed_by: Buffer },
): Promise<void> {
  await tx`update cases set ${tx({ ...row, state: 'closed' })} where number = ${number}`;
}

export interface LinkRow {
  account_id: string;
  linked_at: Date;
}

export async function provinceLinks(run: Run, province: string, ids: readonly string[]): Promise<LinkRow[]> {
  return await run<LinkRow[]>`
    select account_id, linked_at from province_links
    where province = ${province} and account_id = any(${ids as string[]}::uuid[]) order by account_id`;
}

export async function dropProvinceLinks(tx: Run, province: string, ids: readonly string[]): Promise<void> {
  await tx`delete from province_links where province = ${province} and account_id = any(${ids as string[]}::uuid[])`;
}

export async function moveProvinceLinks(tx: Run, from: string, to: string): Promise<void> {
  await tx`update province_links set account_id = ${to} where account_id = ${from}`;
}

export async function insertEnding(
  run: Run,
  row: { id: string; accountId: string; at: Date; reason: string },
): Promise<void> {
  await run`insert into account_endings (id, account_id, at, reason) values (${row.id}, ${row.accountId}, ${row.at}, ${row.reason})`;
}

/** Locked against whoever disables the account or resets its password: they see the session, or this sees them. */
export async function signInStands(tx: Run, accountId: string, since: Date): Promise<boolean> {
  const active = await tx`select from accounts where id = ${accountId} and state = 'active' for share`;
  if (active.length === 0) return false;
  // a statement of its own: what committed while the lock was waited for is seen
  return (
    (await tx`select from account_endings where account_id = ${accountId} and at >= ${since} limit 1`).length === 0
  );
}

/** Returns how many went. */
export async function sweepEndings(run: Run, before: Date): Promise<number> {
  return await inBatches(
    () => run`
      delete from account_endings where ctid = any(array(
        select ctid from account_endings where at < ${before} limit ${batch} for update skip locked))`,
  );
}

export interface EndingRow {
  id: string;
  account_id: string;
  at: Date;
  reason: string;
}

/** What was ended since a cursor (or a time, for the first read), and the cursor to go on from. One snapshot. */
export async function endingsSince(run: Run, since: { cursor: string } | { at: Date }) {
  const where = 'cursor' in since ? run`xid >= ${since.cursor}::xid8` : run`at >= ${since.at}`;
  const [row] = await run<{ cursor: string; endings: (Omit<EndingRow, 'at'> & { at: string })[] | null }[]>`
    select pg_snapshot_xmin(pg_current_snapshot())::text as cursor,
      (select json_agg(json_build_object('id', id, 'account_id', account_id, 'reason', reason,
        'at', (extract(epoch from at) * 1000)::bigint) order by at, id) from account_endings where ${where}) as endings`;
  return { cursor: row?.cursor ?? '0', endings: row?.endings ?? [] };
}
