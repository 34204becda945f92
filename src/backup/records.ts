import type { Readable } from 'node:stream';
import { setImmediate as turn } from 'node:timers/promises';
import type { TransactionSql } from 'postgres';

/** The catalog of the server, and COPY: which tables there are, and their rows out and in. */

/** A table of this database, with the columns that are written (not those that the server computes). */
export interface Table {
  readonly name: string;
  readonly columns: readonly string[];
}

/** Neither is a record: protocol state ends with a restore, and the migrations that ran are history of their own. */
const notRecords = new Set(['protocol_state', 'migrations']);

const quoted = (name: string) => `"${name.replaceAll('"', '""')}"`;

/** Text that reads the same on every server: what `pg_dump` sets, too. */
export async function speakPlainly(tx: TransactionSql): Promise<void> {
  await tx`select set_config('TimeZone', 'UTC', true), set_config('DateStyle', 'ISO, MDY', true),
    set_config('IntervalStyle', 'postgres', true), set_config('extra_float_digits', '3', true),
    set_config('bytea_output', 'hex', true), set_config('search_path', current_schema(), true)`;
}

export async function serverVersion(tx: TransactionSql): Promise<string> {
  const [row] = await tx<{ version: string }[]>`select current_setting('server_version') as version`;
  return row?.version ?? '';
}

/** Every table of the schema, a table after those that it refers to. */
export async function allTables(tx: TransactionSql): Promise<Table[]> {
  const rows = await tx<{ name: string; columns: string[]; needs: string[] }[]>`
    select c.relname::text as name,
      array(select a.attname::text from pg_attribute a where a.attrelid = c.oid and a.attnum > 0
        and not a.attisdropped and a.attgenerated = '' order by a.attnum) as columns,
      array(select f.relname::text from pg_constraint r join pg_class f on f.oid = r.confrelid
        where r.conrelid = c.oid and r.contype = 'f' and r.confrelid <> c.oid) as needs
    from pg_class c where c.relnamespace = current_schema()::regnamespace and c.relkind = 'r' order by 1`;
  const ordered: Table[] = [];
  const left = new Map(rows.map((row) => [row.name, row]));
  while (left.size > 0) {
    const ready = [...left.values()].filter(({ needs }) => !needs.some((name) => left.has(name)));
    if (ready.length === 0) throw new Error(`tables that refer to each other: ${[...left.keys()].join(', ')}`);
    for (const { name, columns } of ready) {
      left.delete(name);
      ordered.push({ name, columns });
    }
  }
  return ordered;
}

export const recordTables = async (tx: TransactionSql): Promise<Table[]> =>
  (await allTables(tx)).filter(({ name }) => !notRecords.has(name));

/** The numbers that the server gives out, and how far each has come. */
export async function sequences(tx: TransactionSql): Promise<{ table: string; column: string; last: string }[]> {
  const rows = await tx<{ table: string; column: string; last: string | null }[]>`
    select t.relname::text as table, a.attname::text as column, pg_sequence_last_value(s.oid)::text as last
    from pg_class s
    join pg_depend d on d.classid = 'pg_class'::regclass and d.objid = s.oid and d.deptype in ('a', 'i')
      and d.refclassid = 'pg_class'::regclass
    join pg_class t on t.oid = d.refobjid
    join pg_attribute a on a.attrelid = t.oid and a.attnum = d.refobjsubid
    where s.relkind = 'S' and s.relnamespace = current_schema()::regnamespace order by 1, 2`;
  return rows.flatMap((row) => (row.last === null || notRecords.has(row.table) ? [] : [{ ...row, last: row.last }]));
}

export async function setSequence(tx: TransactionSql, one: { table: string; column: string; last: string }) {
  await tx`select setval(pg_get_serial_sequence(${quoted(one.table)}, ${one.column}), ${one.last}::bigint)`;
}

/**
 * The rows of a table. The driver stops its socket when this stream is full and starts it from `_read`, which Node does
 * not call any more once the last row and the end of the COPY came together: then every later query would wait for ever.
 */
export async function copyOut(tx: TransactionSql, { name, columns }: Table): Promise<Readable> {
  const rows = await tx.unsafe(`copy ${quoted(name)} (${columns.map(quoted).join(', ')}) to stdout`).readable();
  return rows.once('end', () => rows._read(0));
}

/**
 * Copies rows into a table; returns how many it then holds. The driver reports an error at the end of a COPY to nobody,
 * so its stream is not waited for: the next statement of the transaction tells.
 */
export async function copyIn(tx: TransactionSql, { name, columns }: Table, rows: Readable): Promise<number> {
  const to = await tx.unsafe(`copy ${quoted(name)} (${columns.map(quoted).join(', ')}) from stdin`).writable();
  let failed: unknown;
  to.on('error', (error) => {
    failed ??= error;
  });
  try {
    for await (const chunk of rows)
      await new Promise<void>((resolve, reject) => {
        to.write(chunk, (error) => (error ? reject(failed ?? error) : resolve()));
      });
  } catch (error) {
    to.destroy(error as Error);
    throw error;
  }
  if (failed) throw failed;
  to.end();
  await turn();
  const [row] = await tx<{ count: string }[]>`select count(*) from ${tx(name)}`.catch((cause) => {
    throw failed ?? new Error(`the server did not take the rows of ${name}; its log says why`, { cause });
  });
  return Number(row?.count);
}

/** What a restore would replace, and who is at work on it. */
export interface Found {
  /** Tables that no migration of ours made. */
  readonly foreign: boolean;
  readonly empty: boolean;
  readonly accounts: number;
  /** The end of the audit chain, and what was not chained yet. */
  readonly audit: { readonly number: number; readonly waiting: number };
  /** Connections of gateways. */
  readonly gateways: number;
}

/** A migration of its own makes this row. */
const seeded = new Set(['clients_version']);

export async function lookAt(tx: TransactionSql): Promise<Found> {
  const tables = await allTables(tx);
  const names = new Set(tables.map(({ name }) => name));
  let empty = true;
  for (const { name } of tables) {
    if (name === 'migrations' || seeded.has(name)) continue;
    const [row] = await tx<{ any: boolean }[]>`select exists (select from ${tx(name)}) as any`;
    if (row?.any) empty = false;
  }
  const [busy] = await tx<{ count: number }[]>`
    select count(*)::int as count from pg_stat_activity
    where datname = current_database() and pid <> pg_backend_pid() and application_name = 'egret'`;
  const [people] = names.has('accounts')
    ? await tx<{ count: number }[]>`select count(*)::int as count from accounts`
    : [];
  return {
    foreign: tables.length > 0 && !names.has('migrations'),
    empty,
    accounts: people?.count ?? 0,
    audit: names.has('audit_head') ? await auditEnd(tx) : { number: 0, waiting: 0 },
    gateways: busy?.count ?? 0,
  };
}

export async function auditEnd(tx: TransactionSql): Promise<{ number: number; hash: string | null; waiting: number }> {
  const [row] = await tx<{ number: string | null; hash: string | null; waiting: number }[]>`
    select (select number from audit_head) as number, (select encode(hash, 'hex') from audit_head) as hash,
      (select count(*)::int from audit_inbox) as waiting`;
  return { number: Number(row?.number ?? 0), hash: row?.hash ?? null, waiting: row?.waiting ?? 0 };
}

/** Everything that migrations of any version made; the database is ours alone (docs/operate.md). */
export async function dropEverything(tx: TransactionSql): Promise<void> {
  // whoever holds a table open is waited for, not for ever
  await tx`select set_config('lock_timeout', '10s', true)`;
  for (const { name } of await allTables(tx)) await tx`drop table ${tx(name)} cascade`;
  const functions = await tx<{ name: string }[]>`
    select p.oid::regprocedure::text as name from pg_proc p
    where p.pronamespace = current_schema()::regnamespace
      and not exists (select from pg_depend d where d.objid = p.oid and d.deptype = 'e')`;
  for (const { name } of functions) await tx.unsafe(`drop function ${name}`);
}

export async function emptyTables(tx: TransactionSql, tables: readonly Table[]): Promise<void> {
  await tx.unsafe(`truncate ${tables.map(({ name }) => quoted(name)).join(', ')}`);
}

/** A transaction's number means nothing on another server: readers that go on from one find these as new. */
export async function renewTransactionNumbers(tx: TransactionSql): Promise<void> {
  for (const { name, columns } of await recordTables(tx))
    if (columns.includes('xid')) await tx`update ${tx(name)} set xid = pg_current_xact_id()`;
}

/** Events of protocol acts that waited beside protocol state in PostgreSQL, the oldest first; they are taken out. */
export async function takeStamps(tx: TransactionSql, limit: number): Promise<string[]> {
  const rows = await tx<{ stamp: string }[]>`
    with taken as (delete from protocol_events where id in (select id from protocol_events order by id limit ${limit})
      returning id, stamp)
    select stamp from taken order by id`;
  return rows.map(({ stamp }) => stamp);
}

export async function appliedMigrations(tx: TransactionSql) {
  return await tx<{ number: number; name: string; digest: string }[]>`
    select number, name, digest from migrations order by number`;
}

/** The set of keys as it stands: its number, and the id of the key it is sealed under. */
export async function keySet(tx: TransactionSql): Promise<{ epoch: number; kek: string } | undefined> {
  const [row] = await tx<{ epoch: string; kek: string }[]>`select epoch, kek from key_set`;
  return row && { epoch: Number(row.epoch), kek: row.kek };
}
