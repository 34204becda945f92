import { batch, inBatches } from '../../store/batches.ts';
import type { Database } from '../../store/database.ts';
import {
  type Batch,
  type Committed,
  type Entry,
  eventBound,
  type Guess,
  guessLimit,
  type Loaded,
  type ProtocolState,
} from './state.ts';

interface Row {
  part: 'entry' | 'grant' | 'session';
  payload: string;
  expires_at: string;
  consumed_at: string;
  version: number;
}

/**
 * Protocol state in PostgreSQL, for a city without Redis and for the embedded default. Each step is one call of a
 * function of 004_protocol_state.sql, so one round trip and one transaction.
 * @param offset milliseconds the clock of this process runs ahead of the store's; 0 outside tests
 */
export function databaseState(database: Database, offset: () => number = () => 0): ProtocolState {
  const { sql } = database;
  const one = async <T>(rows: Promise<readonly { answer: T }[]>): Promise<T> => (await rows)[0]!.answer;
  return {
    async load(key, options = {}) {
      const rows = await sql<Row[]>`select * from protocol_load(${key}, ${options.client ?? ''}, ${offset()})`;
      const part = (name: Row['part']): Entry | undefined => {
        const row = rows.find((candidate) => candidate.part === name);
        return (
          row && {
            payload: row.payload,
            expiresAt: Number(row.expires_at),
            consumedAt: Number(row.consumed_at),
            version: row.version,
          }
        );
      };
      const entry = part('entry');
      return entry && ({ entry, grant: part('grant'), session: part('session') } satisfies Loaded);
    },
    async commit(batch: Batch): Promise<Committed> {
      const answer = await one(
        sql<{ answer: { why?: 'conflict'; repeated?: boolean } & Entry }[]>`
          select protocol_commit(${JSON.stringify(batch)}::text::jsonb, ${offset()}, ${eventBound}) as answer`,
      );
      if (!answer.why) return { ok: true, repeated: answer.repeated === true };
      if (answer.why === 'conflict') return { ok: false, why: 'conflict', current: answer };
      return { ok: false, why: answer.why };
    },
    guess: (key, mac, guessId) =>
      one(
        sql<
          { answer: Guess }[]
        >`select protocol_guess(${key}, ${mac}, ${guessId}, ${guessLimit}, ${offset()}) as answer`,
      ),
    count: (key, windowMs, limit) =>
      one(
        sql<{ answer: { allowed: boolean; used: number; resetAt: number } }[]>`
          select protocol_count(${key}, ${windowMs}, ${limit}, ${offset()}) as answer`,
      ),
    async events(limit) {
      return await sql<{ id: string; bucket: string; stamp: string }[]>`
        select id::text, bucket, stamp from protocol_events order by id limit ${limit}`;
    },
    async forget(events) {
      if (events.length > 0)
        await sql`delete from protocol_events where id = any(${events.map((event) => event.id)}::bigint[])`;
    },
    async pending() {
      const [row] = await sql<{ waiting: string; fullest: string }[]>`
        select coalesce(sum(length), 0) as waiting, coalesce(max(length), 0) as fullest
        from (select count(*) as length from protocol_events group by bucket) as buckets`;
      return { waiting: Number(row?.waiting ?? 0), fullest: Number(row?.fullest ?? 0) };
    },
    async ping() {
      await sql`select 1`;
    },
    sweep: () =>
      inBatches(
        () => sql`
          delete from protocol_state where ctid = any(array(
            select ctid from protocol_state where expires_at < protocol_now(${offset()}) - 60000
            limit ${batch} for update skip locked))`,
      ),
    close: async () => {},
  };
}
