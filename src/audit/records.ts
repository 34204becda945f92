import type { Sql, TransactionSql } from 'postgres';
import type { Envelope } from './envelope.ts';

type Any = Sql | TransactionSql;

/** Writes one event to the inbox; returns the id of the transaction, or savepoint, it belongs to. */
export async function insertEvent(tx: TransactionSql, { text, mac }: Envelope): Promise<string> {
  const [row] = await tx<{ top: string; own: string }[]>`
    insert into audit_inbox (event, mac) values (${text}, ${mac})
    returning pg_current_xact_id()::text as top, xmin::text as own`;
  if (!row) throw new Error('an insert without its row');
  // A row carries the low half of its transaction's id; a savepoint's is later than that of the transaction around it.
  const top = BigInt(row.top);
  const own = (top & ~0xffff_ffffn) | BigInt(row.own);
  return String(own < top ? own + 0x1_0000_0000n : own);
}

/**
 * Writes events once each; returns how many were new. Their texts travel by lines, since canonical JSON has no line
 * break and an array would have every quote of it escaped.
 */
export async function insertOnce(
  tx: TransactionSql,
  envelopes: readonly (Envelope & { id: string })[],
): Promise<number> {
  const { count } = await tx`
    insert into audit_inbox (event, mac)
    select event, decode(mac, 'hex')
    from unnest(string_to_array(${envelopes.map(({ text }) => text).join('\n')}, E'\n'), ${envelopes.map(({ mac }) => mac.toString('hex'))}::text[],
      ${envelopes.map(({ id }) => id)}::uuid[]) as given (event, mac, id)
    where not exists (select from audit_log where event_id = given.id)
    on conflict (event_id) do nothing`;
  return count;
}

/** Keeps what did not carry a good MAC, as it was found. */
export async function insertRejected(tx: TransactionSql, found: readonly Envelope[], at: number): Promise<void> {
  await tx`
    insert into audit_rejected (event, mac, found_at)
    select event, decode(mac, 'hex'), ${new Date(at)}
    from unnest(${found.map(({ text }) => text)}::text[], ${found.map(({ mac }) => mac.toString('hex'))}::text[])
      as given (event, mac)`;
}

/** What became of transactions; those still running, and those too old to be known, are left out. */
export async function transactionFates(
  sql: Any,
  xids: readonly string[],
): Promise<Map<string, 'committed' | 'aborted'>> {
  // The server refuses to be asked about the future, which a replica that was promoted may take our past for.
  const rows = await sql<{ xid: string; fate: 'committed' | 'aborted' }[]>`
    select xid, fate
    from unnest(${[...xids]}::text[]) as given (xid),
      lateral (select case when xid::xid8 < pg_snapshot_xmax(pg_current_snapshot())
        then pg_xact_status(xid::xid8) end as fate) as asked
    where fate in ('committed', 'aborted')`;
  return new Map(rows.map(({ xid, fate }) => [xid, fate]));
}

export async function storedEvents(sql: Any, ids: readonly string[]): Promise<Set<string>> {
  const rows = await sql<{ id: string }[]>`
    select event_id::text as id from audit_log where event_id = any(${[...ids]}::uuid[])
    union all select event_id::text from audit_inbox where event_id = any(${[...ids]}::uuid[])`;
  return new Set(rows.map(({ id }) => id));
}

export interface Head {
  readonly number: number;
  readonly hash: Buffer;
  readonly key: string;
  readonly mac: Buffer;
}

/** One node chains at a time; the others find it taken and go on. Held until the transaction ends. */
export async function tryLockChain(tx: TransactionSql): Promise<boolean> {
  const [row] = await tx<{ locked: boolean }[]>`
    select pg_try_advisory_xact_lock(hashtextextended('egret audit chain', 0)) as locked`;
  return row?.locked ?? false;
}

export async function readHead(sql: Any): Promise<Head | undefined> {
  const [row] = await sql`select number, hash, key, mac from audit_head`;
  return row && { number: Number(row.number), hash: row.hash, key: row.key, mac: row.mac };
}

export async function writeHead(tx: TransactionSql, head: Head): Promise<void> {
  await tx`
    insert into audit_head (number, hash, key, mac) values (${head.number}, ${head.hash}, ${head.key}, ${head.mac})
    on conflict (single) do update
    set number = excluded.number, hash = excluded.hash, key = excluded.key, mac = excluded.mac`;
}

export interface InboxRow extends Envelope {
  readonly arrived: string;
}

/** The oldest events of the inbox, locked against change until the transaction ends. */
export async function lockInbox(tx: TransactionSql, limit: number): Promise<InboxRow[]> {
  return tx<InboxRow[]>`
    select arrived, event as text, mac from audit_inbox order by arrived limit ${limit} for update`;
}

export interface Link {
  readonly arrived: string;
  readonly number: number;
  readonly hash: Buffer;
}

/** Moves events to the chain, each with its number and hash. */
export async function insertLinks(tx: TransactionSql, links: readonly Link[]): Promise<void> {
  await tx`
    insert into audit_log (number, event, mac, hash)
    select number, event, mac, decode(link.hash, 'hex')
    from unnest(${links.map(({ arrived }) => arrived)}::bigint[], ${links.map(({ number }) => number)}::bigint[],
      ${links.map(({ hash }) => hash.toString('hex'))}::text[]) as link (arrived, number, hash)
    join audit_inbox using (arrived)
    order by number`;
}

export async function deleteInbox(tx: TransactionSql, rows: readonly InboxRow[]): Promise<void> {
  await tx`delete from audit_inbox where arrived = any(${rows.map(({ arrived }) => arrived)}::bigint[])`;
}

/** Which of these events are in the chain already. */
export async function chained(tx: TransactionSql, ids: readonly string[]): Promise<Set<string>> {
  const rows = await tx<{ id: string }[]>`
    select event_id::text as id from audit_log where event_id = any(${[...ids]}::uuid[])`;
  return new Set(rows.map(({ id }) => id));
}

export async function anyLogged(sql: Any): Promise<boolean> {
  const [row] = await sql<{ any: boolean }[]>`select exists (select from audit_log) as any`;
  return row?.any ?? false;
}

export async function anyWaiting(sql: Any): Promise<boolean> {
  const [row] = await sql<{ any: boolean }[]>`select exists (select from audit_inbox) as any`;
  return row?.any ?? false;
}

/** One view of the whole trail for as long as `tx` lasts, however long that is. */
export async function freeze(tx: TransactionSql): Promise<void> {
  await tx`set transaction isolation level repeatable read, read only`;
  await tx`set local statement_timeout = 0`;
}

export interface LogRow extends Envelope {
  readonly number: number;
  readonly hash: Buffer;
}

export async function readLog(sql: Any, after: number, limit: number): Promise<LogRow[]> {
  const rows = await sql`
    select number, event as text, mac, hash from audit_log where number > ${after} order by number limit ${limit}`;
  return rows.map((row) => ({ number: Number(row.number), text: row.text, mac: row.mac, hash: row.hash }));
}

export async function readInbox(sql: Any, after: string, limit: number): Promise<InboxRow[]> {
  return sql<InboxRow[]>`
    select arrived, event as text, mac from audit_inbox where arrived > ${after} order by arrived limit ${limit}`;
}

/** Numbers of a process that are not in the chain (`from` ≤ `to`), or are there twice (`from` > `to`). */
export interface Gap {
  readonly process: string;
  readonly from: number;
  readonly to: number;
  /** When the event after it happened, milliseconds since the epoch. */
  readonly at: number;
  /** Where in the chain the event after it stands, and the one before it (0: there is none). */
  readonly place: number;
  readonly placeBefore: number;
}

export async function readGaps(sql: Any, limit: number): Promise<Gap[]> {
  const rows = await sql`
    select process, before + 1 as first, process_number - 1 as last, at, number, number_before
    from (select process, process_number, at, number,
        lag(process_number, 1, 0::bigint) over each as before, lag(number, 1, 0::bigint) over each as number_before
      from audit_log window each as (partition by process order by process_number)) as numbered
    where process_number <> before + 1
    order by process, process_number limit ${limit}`;
  return rows.map((row) => ({
    process: row.process,
    from: Number(row.first),
    to: Number(row.last),
    at: (row.at as Date).getTime(),
    place: Number(row.number),
    placeBefore: Number(row.number_before),
  }));
}

/** What waits to be chained, counted to 100,000, and the text of the oldest of it. */
export async function readBacklog(sql: Any): Promise<{ waiting: number; oldest: string | undefined }> {
  const [row] = await sql<{ waiting: string; oldest: string | null }[]>`
    select count(*) as waiting, (select event from audit_inbox order by arrived limit 1) as oldest
    from (select from audit_inbox limit 100000) as some`;
  return { waiting: Number(row?.waiting ?? 0), oldest: row?.oldest ?? undefined };
}

export async function countRejected(sql: Any): Promise<number> {
  const [row] = await sql<{ count: string }[]>`select count(*) from audit_rejected`;
  return Number(row?.count ?? 0);
}

export async function readTail(sql: Any, count: number): Promise<{ number: number; text: string }[]> {
  const rows = await sql`select number, event as text from audit_log order by number desc limit ${count}`;
  return rows.map((row) => ({ number: Number(row.number), text: row.text as string })).reverse();
}
