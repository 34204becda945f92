import type { TransactionSql } from 'postgres';
import type { Clock } from '../clock.ts';
import type { Database } from './database.ts';

/** What a bucket of protocol state says of itself. */
export interface Seen {
  readonly bucket: string;
  /** Replication id of the Redis that has the bucket now: one history of writes; a restart or a promotion begins another. */
  readonly server: string;
  /** What was written into the bucket when its epoch began; absent in an empty memory. */
  readonly written?: { readonly server: string; readonly number: number };
}

/** What is to be written into a bucket, for as long as `server` is the one that has it. */
export interface Begun {
  readonly bucket: string;
  readonly server: string;
  readonly number: number;
  /** Epoch ms; 0 where nothing can have been lost, as nothing was there. */
  readonly at: number;
}

/**
 * The epochs of a Redis that holds protocol state (DESIGN rule 2). An epoch lasts as long as nothing can have been lost:
 * a restart, a promotion, a restored file, a moved slot ends it. What is single-use belongs to the epoch it was made in.
 */
export interface StoreEpochs {
  /**
   * The number of each bucket's epoch, agreed among all processes: `look` reads the buckets, `write` begins those whose
   * Redis is another than the records say, or says otherwise itself. Rejects when either store is away: then nothing is
   * served.
   */
  agree(
    look: () => Promise<readonly Seen[]>,
    write: (begun: readonly Begun[]) => Promise<void>,
  ): Promise<ReadonlyMap<string, number>>;
  /** Hears of epochs that other processes began, so that a Redis that was left behind serves nobody any more. */
  watch(heard: (numbers: ReadonlyMap<string, number>) => void): void;
}

/** The buckets whose Redis is another than was agreed, with their next number: above all that either side has seen. */
export function differing(seen: readonly Seen[], agreed: ReadonlyMap<string, { server: string; number: number }>) {
  return seen.flatMap(({ bucket, server, written }) => {
    const before = agreed.get(bucket);
    const same = before?.server === server && written?.server === server && written.number === before.number;
    return same ? [] : [{ bucket, server, number: Math.max(before?.number ?? 0, written?.number ?? 0) + 1 }];
  });
}

const lock = 0x65706f6368; // 'epoch'
const channel = 'egret_store_epochs';

export function storeEpochs(needs: {
  readonly database: Database;
  readonly clock: Clock;
  /** Writes down, in the same transaction, that in so many buckets something may have been lost. */
  readonly record: (tx: TransactionSql, buckets: number) => Promise<void>;
  /** The same, once it is done: for the log. */
  readonly onBegun: (buckets: number) => void;
  readonly onTrouble: (error: unknown) => void;
}): StoreEpochs {
  const { database, clock } = needs;
  const numbers = (rows: readonly { bucket: string; number: number }[]) =>
    new Map(rows.map(({ bucket, number }) => [bucket, number]));
  return {
    async agree(look, write) {
      let lost = 0;
      const settled = await database.begin(async (tx) => {
        // who comes second finds what the first one wrote, in both stores
        await tx`select pg_advisory_xact_lock(${lock})`;
        const rows = await tx<{ bucket: string; server: string; number: number }[]>`
          select bucket, server, number from store_epochs`;
        const agreed = new Map(rows.map((row) => [row.bucket, row]));
        const seen = await look();
        const next = differing(seen, agreed);
        const result = numbers([...rows.filter(({ bucket }) => seen.some((one) => one.bucket === bucket)), ...next]);
        if (next.length === 0) return result;
        const now = clock.now();
        await tx`
          insert into store_epochs (bucket, server, number, begun_at)
          select bucket, server, number, ${new Date(now)} from jsonb_to_recordset(${JSON.stringify(next)}::text::jsonb)
            as next(bucket text, server text, number integer)
          on conflict (bucket) do update
            set server = excluded.server, number = excluded.number, begun_at = excluded.begun_at`;
        const first = rows.length === 0 && seen.every(({ written }) => !written);
        lost = first ? 0 : next.length;
        if (lost > 0) await needs.record(tx, lost);
        await write(next.map((one) => ({ ...one, at: first ? 0 : now })));
        await tx`select pg_notify(${channel}, '')`;
        return result;
      });
      if (lost > 0) needs.onBegun(lost);
      return settled;
    },
    watch(heard) {
      const read = () => {
        database.sql<{ bucket: string; number: number }[]>`select bucket, number from store_epochs`.then(
          (rows) => heard(numbers(rows)),
          needs.onTrouble,
        );
      };
      // again after each reconnection: what was told in between was missed
      database.sql.listen(channel, read, read).catch(needs.onTrouble);
    },
  };
}
