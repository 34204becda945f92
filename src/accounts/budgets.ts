import { hash } from 'node:crypto';
import { batch, inBatches } from '../store/batches.ts';
import type { Run } from './records.ts';
import { spans } from './settings.ts';

/**
 * The counters that protect a person: records, because a restart or a lost cache must not give an attacker new tries.
 * Each use is counted before the act it pays for, in one statement under the row's lock, so that parallel attempts
 * cannot pass the limit together. Part of a budget is kept for browsers that the account knows: a stranger's attempts
 * use up the strangers' part only.
 */

export interface Budget {
  readonly limit: number;
  /** How much of it strangers may not use. */
  readonly kept: number;
  /** The span over which uses are counted, ms: exact, not in fixed windows. */
  readonly span: number;
  /** The least time between two uses, ms. */
  readonly gap?: number;
}

export type Reserved =
  | { readonly ok: true; readonly left: number; readonly key: Buffer; readonly at: number; readonly known: boolean }
  | { readonly ok: false; readonly until: number; readonly why: 'gap' | 'limit' };

/** The key of a counter: what it counts, and whose. The parts that could name a person come in as keyed indexes. */
export const counterKey = (what: string, ...parts: readonly Uint8Array[]): Buffer =>
  hash('sha256', Buffer.concat([Buffer.from(`${what}\n`), ...parts.map((part) => Buffer.from(part))]), 'buffer');

export async function reserve(sql: Run, key: Buffer, budget: Budget, known: boolean, now: number): Promise<Reserved> {
  const { limit, kept, span, gap = 0 } = budget;
  const at = new Date(now);
  const since = new Date(now - span);
  const one = sql`array[${at}::timestamptz]`;
  const strange = known ? sql`'{}'::timestamptz[]` : one;
  const rows = await sql<{ uses: Date[]; strange: Date[] }[]>`
    insert into budgets as b (key, uses, strange, lapses_at)
    values (${key}, ${one}, ${strange}, ${new Date(now + span)})
    on conflict (key) do update set
      uses = array(select u from unnest(b.uses) u where u > ${since} order by u) || ${one},
      strange = array(select u from unnest(b.strange) u where u > ${since} order by u) || ${strange},
      lapses_at = ${new Date(now + span)}
    where (select count(*) from unnest(b.uses) u where u > ${since}) < ${limit}
      and (${known} or (select count(*) from unnest(b.strange) u where u > ${since}) < ${limit - kept})
      and (${gap === 0} or not exists (select from unnest(b.uses) u where u > ${new Date(now - gap)}))
    returning uses, strange`;
  const row = rows[0];
  if (row) {
    const left = Math.min(limit - row.uses.length, known ? limit : limit - kept - row.strange.length);
    return { ok: true, left, key, at: now, known };
  }
  const [held] = await sql<{ uses: Date[]; strange: Date[] }[]>`select uses, strange from budgets where key = ${key}`;
  const recent = (times: Date[] = []) =>
    times
      .map(Number)
      .filter((time) => time > now - span)
      .sort((a, b) => a - b);
  const uses = recent(held?.uses);
  const strangers = recent(held?.strange);
  const full: number[] = [];
  if (uses.length >= limit) full.push((uses[uses.length - limit] as number) + span);
  if (!known && strangers.length >= limit - kept)
    full.push((strangers[strangers.length - (limit - kept)] as number) + span);
  if (full.length > 0) return { ok: false, why: 'limit', until: Math.max(...full) };
  return { ok: false, why: 'gap', until: (uses.at(-1) ?? now) + gap };
}

/** Takes one use back: what it paid for did not take place, or was right. */
export async function giveBack(sql: Run, use: Reserved): Promise<void> {
  if (!use.ok) return;
  const at = new Date(use.at);
  // one of possibly several of the same millisecond
  await sql`
    update budgets set
      uses = uses[:array_position(uses, ${at}::timestamptz) - 1] || uses[array_position(uses, ${at}::timestamptz) + 1:],
      strange = case when ${use.known} or array_position(strange, ${at}::timestamptz) is null then strange
        else strange[:array_position(strange, ${at}::timestamptz) - 1] || strange[array_position(strange, ${at}::timestamptz) + 1:] end
    where key = ${use.key} and array_position(uses, ${at}::timestamptz) is not null`;
}

export interface Pausing {
  readonly tries: number;
  readonly first: number;
  readonly longest: number;
}

export type Tried =
  | {
      readonly ok: true;
      readonly left: number /** set when this was the last one: the pause that stands if it is wrong */;
      readonly until?: number;
    }
  | { readonly ok: false; readonly until: number };

/** Counts one password before it is looked at. The last one allowed begins the pause; the right one clears the row. */
export async function tryPassword(sql: Run, key: Buffer, pausing: Pausing, now: number): Promise<Tried> {
  const at = new Date(now);
  const lapses = new Date(now + spans.day);
  const over = sql`(p.lapses_at <= ${at})`;
  const last = sql`(p.lapses_at > ${at} and p.paused_until is null and p.tries + 1 >= ${pausing.tries})`;
  const pause = sql`least(${pausing.longest}::float8, ${pausing.first}::float8 * power(2, p.pauses)) * interval '1 millisecond'`;
  const rows = await sql<{ tries: number; paused_until: Date | null }[]>`
    insert into password_tries as p (key, tries, pauses, paused_until, lapses_at) values (${key}, 1, 0, null, ${lapses})
    on conflict (key) do update set
      tries = case when ${over} or p.paused_until is not null then 1 else p.tries + 1 end,
      pauses = case when ${over} then 0 when ${last} then p.pauses + 1 else p.pauses end,
      paused_until = case when ${last} then ${at}::timestamptz + ${pause} else null end,
      lapses_at = ${lapses}
    where ${over} or p.paused_until is null or p.paused_until <= ${at}
    returning tries, paused_until`;
  const row = rows[0];
  if (row) {
    const until = row.paused_until?.getTime();
    return { ok: true, left: pausing.tries - row.tries, ...(until === undefined ? {} : { until }) };
  }
  const [held] = await sql<{ paused_until: Date | null }[]>`select paused_until from password_tries where key = ${key}`;
  return { ok: false, until: held?.paused_until?.getTime() ?? now };
}

/** The password was not looked at after all (too many waited): the try is given back, and the pause it began. */
export async function untryPassword(sql: Run, key: Buffer, tried: Tried): Promise<void> {
  if (!tried.ok) return;
  const paused = tried.until !== undefined;
  await sql`
    update password_tries set tries = greatest(0, tries - 1),
      pauses = case when ${paused} then greatest(0, pauses - 1) else pauses end,
      paused_until = case when ${paused} then null else paused_until end
    where key = ${key}`;
}

export async function clearPasswordTries(sql: Run, keys: readonly Buffer[]): Promise<void> {
  await sql`delete from password_tries where key in ${sql([...keys])}`;
}

/** Deletes counters that have lapsed. Returns how many. */
export async function sweepCounters(sql: Run, now: number): Promise<number> {
  const lapsed = new Date(now);
  const tries = await inBatches(
    () => sql`
      delete from password_tries where ctid = any(array(
        select ctid from password_tries where lapses_at <= ${lapsed} limit ${batch} for update skip locked))`,
  );
  const budgets = await inBatches(
    () => sql`
      delete from budgets where ctid = any(array(
        select ctid from budgets where lapses_at <= ${lapsed} limit ${batch} for update skip locked))`,
  );
  return tries + budgets;
}
