import type { Sql, TransactionSql } from 'postgres';
import { batch, inBatches } from '../store/batches.ts';

export type MessageState = 'waiting' | 'delivered' | 'dead';

/** A row of `outbox` without its content; times in milliseconds since the epoch. */
export interface MessageRow {
  readonly id: string;
  readonly kind: string;
  /** A client id; null where the address is personal. */
  readonly target: string | null;
  readonly state: MessageState;
  readonly tries: number;
  readonly createdAt: number;
  readonly nextAttemptAt: number;
  /** Under way until then at most. */
  readonly leaseUntil: number | null;
  readonly expiresAt: number;
  readonly answeredAt: number | null;
  readonly lastError: string | null;
}

export interface Claimed extends MessageRow {
  readonly sealed: Buffer;
}

const millis = (at: unknown): number | null => (at === null ? null : (at as Date).getTime());

const row = (found: Record<string, unknown>): MessageRow => ({
  id: found.id as string,
  kind: found.kind as string,
  target: found.target as string | null,
  state: found.state as MessageState,
  tries: found.tries as number,
  createdAt: millis(found.created_at) ?? 0,
  nextAttemptAt: millis(found.next_attempt_at) ?? 0,
  leaseUntil: millis(found.lease_until),
  expiresAt: millis(found.expires_at) ?? 0,
  answeredAt: millis(found.answered_at),
  lastError: found.last_error as string | null,
});

const columns =
  'id, kind, target, state, tries, created_at, next_attempt_at, lease_until, expires_at, answered_at, last_error';

export interface NewMessage {
  readonly id: string;
  readonly kind: string;
  readonly target: string | null;
  readonly sealed: Buffer;
  readonly key: string | null;
  readonly now: number;
  readonly expiresAt: number;
}

/** Returns the id of the message, or of the one that used its key before. */
export async function insertMessage(tx: TransactionSql, message: NewMessage): Promise<string> {
  const now = new Date(message.now);
  const [made] = await tx<{ id: string }[]>`
    insert into outbox (id, kind, target, sealed, state, created_at, next_attempt_at, expires_at, idempotency_key)
    values (${message.id}, ${message.kind}, ${message.target}, ${message.sealed}, 'waiting', ${now}, ${now},
      ${new Date(message.expiresAt)}, ${message.key})
    on conflict (kind, idempotency_key) do nothing
    returning id`;
  if (made) return made.id;
  const [before] = await tx<{ id: string }[]>`
    select id from outbox where kind = ${message.kind} and idempotency_key = ${message.key}`;
  if (!before) throw new Error('a key that is taken by no message');
  return before.id;
}

export interface ClaimOptions {
  readonly kind: string;
  readonly now: number;
  readonly leaseUntil: number;
  readonly limit: number;
  /** At most so many of one target at once. */
  readonly perTarget: number;
  /** How many of each target are under way. */
  readonly under: ReadonlyMap<string, number>;
}

/**
 * Takes what is due, each for one process; a lease that ended without a word is due again. It looks at the oldest 500
 * only, and takes few of one target, so that a department that is down leaves room for the others.
 */
export async function claim(sql: Sql, options: ClaimOptions): Promise<Claimed[]> {
  const { kind, leaseUntil, limit, perTarget, under } = options;
  const busy = [...under].filter(([, count]) => count >= perTarget).map(([target]) => target);
  const now = new Date(options.now);
  // The conditions stand twice: another process may have taken the message between the look and the lock.
  // Materialized: planned into a join, the choice could run twice and take more than its limit.
  const rows = await sql`
    with due as (
      select id, target, next_attempt_at from outbox
      where state = 'waiting' and next_attempt_at <= ${now} and kind = ${kind}
        and (lease_until is null or lease_until <= ${now})
        and (target is null or target <> all(${busy}::text[]))
      order by next_attempt_at limit 500
    ), fair as (
      select id, target,
        row_number() over (partition by target order by next_attempt_at) + coalesce(under.count, 0) as place
      from due
      left join unnest(${[...under.keys()]}::text[], ${[...under.values()]}::integer[]) as under (target, count)
        using (target)
    ), taken as materialized (
      select id from outbox
      where id in (select id from fair where target is null or place <= ${perTarget})
        and state = 'waiting' and (lease_until is null or lease_until <= ${now})
      order by next_attempt_at limit ${limit}
      for update skip locked)
    update outbox set lease_until = ${new Date(leaseUntil)}, tries = tries + 1
    where id in (select id from taken)
    returning ${sql.unsafe(columns)}, sealed`;
  return rows.map((found) => ({ ...row(found), sealed: found.sealed as Buffer }));
}

/** The end of a message: whoever sees it first. Returns whether this was it. */
export async function settleMessage(
  tx: TransactionSql,
  {
    id,
    state,
    at,
    error,
    erase,
  }: { id: string; state: MessageState; at: number; error: string | null; erase: boolean },
): Promise<boolean> {
  const { count } = await tx`
    update outbox set state = ${state}, answered_at = ${new Date(at)}, lease_until = null, last_error = ${error},
      sealed = case when ${erase} then null else sealed end
    where id = ${id} and state = 'waiting'`;
  return count === 1;
}

/** Another attempt later. Only the attempt that holds the message may say so: one whose lease ended may be late. */
export async function postponeMessage(
  sql: Sql,
  { id, tries, nextAttemptAt, error }: { id: string; tries: number; nextAttemptAt: number; error: string },
): Promise<void> {
  await sql`
    update outbox set next_attempt_at = ${new Date(nextAttemptAt)}, lease_until = null, last_error = ${error}
    where id = ${id} and state = 'waiting' and tries = ${tries}`;
}

export async function readMessages(sql: Sql, ids: readonly string[]): Promise<MessageRow[]> {
  return (await sql`select ${sql.unsafe(columns)} from outbox where id = any(${[...ids]}::uuid[])`).map(row);
}

export interface ListOptions {
  readonly state?: MessageState;
  /** At most 1000; default 100. */
  readonly limit?: number;
  /** The last one of the page before. */
  readonly after?: { readonly createdAt: number; readonly id: string };
}

/** The latest first. */
export async function listMessages(sql: Sql, { state, limit = 100, after }: ListOptions): Promise<MessageRow[]> {
  const rows = await sql`
    select ${sql.unsafe(columns)} from outbox
    where ${state ? sql`state = ${state}` : sql`true`}
      and ${after ? sql`(created_at, id) < (${new Date(after.createdAt)}, ${after.id}::uuid)` : sql`true`}
    order by created_at desc, id desc limit ${Math.min(limit, 1_000)}`;
  return rows.map(row);
}

/** Due now, whatever it waited for; undefined when there is no such message, or nothing left of it to send. */
export async function redriveMessage(
  tx: TransactionSql,
  { id, now, expiresAt }: { id: string; now: number; expiresAt: number },
): Promise<MessageRow | undefined> {
  const [found] = await tx`
    update outbox set state = 'waiting', next_attempt_at = ${new Date(now)}, answered_at = null,
      expires_at = case when state = 'dead' then ${new Date(expiresAt)} else expires_at end
    where id = ${id} and state in ('waiting', 'dead') and sealed is not null
    returning ${tx.unsafe(columns)}`;
  return found && row(found);
}

/** Forgets what was answered before `before`, and the content of what died before `dead`. */
export async function sweepMessages(sql: Sql, { answered, dead }: { answered: number; dead: number }): Promise<void> {
  await inBatches(
    () => sql`
      delete from outbox where id = any(array(
        select id from outbox where state <> 'waiting' and answered_at < ${new Date(answered)}
        limit ${batch} for update skip locked))`,
  );
  await inBatches(
    () => sql`
      update outbox set sealed = null where id = any(array(
        select id from outbox where state = 'dead' and sealed is not null and answered_at < ${new Date(dead)}
        limit ${batch} for update skip locked))`,
  );
}

/** How much waits, and since when. */
export async function backlog(sql: Sql): Promise<{ waiting: number; oldest: number | undefined }> {
  const [found] = await sql<{ waiting: string; oldest: Date | null }[]>`
    select count(*) as waiting, min(created_at) as oldest from outbox where state = 'waiting'`;
  return { waiting: Number(found?.waiting ?? 0), oldest: found?.oldest?.getTime() };
}
