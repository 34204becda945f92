import { hash } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { Clock } from '../clock.ts';
import { batch, inBatches } from '../store/batches.ts';
import type { Database } from '../store/database.ts';
import type { Mirrored } from '../store/heartbeat.ts';
import { type EndingKind, type Endings, everyone, watchEndings } from './endings.ts';

/**
 * Sessions as records: which sign-ins a person has, on what device, since when, and what was ended. It does not own
 * the session itself (protocol state, provider/) nor who may end it; it owns the list, and the endings that every
 * process refuses. No routes.
 */
export interface SessionRow {
  readonly digest: string;
  readonly bucket: string;
  readonly accountId: string;
  readonly device: string;
  readonly methods: readonly string[];
  readonly startedAt: number;
  readonly expiresAt: number;
}

/** A session that ended together with all of its person's, and whose departments do not know yet. */
export interface Untold {
  readonly digest: string;
  readonly bucket: string;
  readonly accountId: string;
  readonly endedBy: string;
}

export interface Sessions extends Endings {
  /** Within the sign-in's transaction. A person who signs in again on a session keeps its row: false then. */
  begin(
    tx: TransactionSql,
    session: { uid: string; accountId: string; device: string; methods: readonly string[]; expiresAt: number },
  ): Promise<boolean>;
  /** The sessions of a person that stand, newest first. */
  list(accountId: string): Promise<readonly SessionRow[]>;
  /**
   * Marks the row ended and records the ending, within the transaction of whoever ends it and tells its departments.
   * False when it had ended.
   */
  end(tx: TransactionSql, uidOrDigest: { uid: string } | { digest: string }, by: string): Promise<boolean>;
  /** Ends every session of a person that began until now, within the caller's transaction. Returns how many stood. */
  endAll(tx: TransactionSql, accountId: string, by: string, except?: { uid: string }): Promise<number>;
  /** Ends every session of everybody that began until now (a restore); `longest` ms live. Returns how many stood. */
  endEveryone(tx: TransactionSql, by: string, longest: number): Promise<number>;
  /** Records that a session left one department: every process refuses what it got until now. False when it had ended. */
  endVisit(tx: TransactionSql, digest: string, clientId: string): Promise<boolean>;
  /** Those that `endAll` ended and nobody told of; locked until the transaction ends, passed over by other processes. */
  untold(tx: TransactionSql, limit: number): Promise<readonly Untold[]>;
  markTold(tx: TransactionSql, digests: readonly string[]): Promise<void>;
  /** Endings that processes told each other past the records, while these are away. */
  hear(endings: readonly Mirrored[]): void;
  /**
   * Deletes the endings and the sessions that nothing of can live any more, a day after their time, and so after whatever
   * their departments had to be told. Returns how many went.
   */
  sweep(): Promise<number>;
  /** Watches endings of other processes; until stop(). */
  start(): Promise<void>;
  stop(): Promise<void>;
}

/** Milliseconds past its time: no clock of another process still asks for it. */
const kept = 86_400_000;

export const digestOfUid = (uid: string): string => hash('sha256', uid, 'base64url');

/** `ended` for whoever holds a session's uid; records name it by its digest. A visit is `uid\nclient`. */
export const endedByUid =
  ({ ended, possible }: Pick<Endings, 'ended' | 'possible'>): Endings['ended'] =>
  (kind, what, since) =>
    possible(kind, since) &&
    ended(
      kind,
      kind === 'session' || kind === 'visit' ? what.replace(/^[^\n]+/, (uid) => digestOfUid(uid)) : what,
      since,
    );

export function createSessions(needs: {
  readonly database: Database;
  readonly clock: Clock;
  /** A connection of its own for what is read all the time, so that a crowd does not keep this process from hearing. */
  readonly reading?: Pick<Database, 'sql'>;
  /** Told of every ending that is recorded here. */
  readonly mirror?: (ending: Mirrored) => void;
}): Sessions {
  const { database, clock } = needs;
  const endings = watchEndings(needs);
  const at = (ms = clock.now()) => new Date(ms);
  return {
    ended: endings.ended,
    possible: endings.possible,
    record: endings.record,
    refresh: endings.refresh,
    onNews: endings.onNews,
    told: endings.told,
    hear: endings.hear,
    start: endings.start,
    stop: endings.stop,
    async begin(tx, { uid, accountId, device, methods, expiresAt }) {
      const [row] = await tx<{ fresh: boolean }[]>`
        insert into sessions (digest, account_id, bucket, device, methods, started_at, expires_at)
        values (${digestOfUid(uid)}, ${accountId}, ${uid.slice(0, 2)}, ${device}, ${methods as string[]}, ${at()}, ${at(expiresAt)})
        on conflict (digest) do update set methods = excluded.methods, device = excluded.device
        returning xmax = 0 as fresh`;
      return row?.fresh === true;
    },
    async list(accountId) {
      const rows = await database.sql<
        { digest: string; bucket: string; device: string; methods: string[]; started_at: Date; expires_at: Date }[]
      >`select digest, bucket, device, methods, started_at, expires_at from sessions
        where account_id = ${accountId} and ended_at is null and expires_at > ${at()} order by started_at desc limit 50`;
      return rows.map((row) => ({
        digest: row.digest,
        bucket: row.bucket,
        accountId,
        device: row.device,
        methods: row.methods,
        startedAt: row.started_at.getTime(),
        expiresAt: row.expires_at.getTime(),
      }));
    },
    async end(tx, which, by) {
      const digest = 'uid' in which ? digestOfUid(which.uid) : which.digest;
      const rows = await tx<{ expires_at: Date }[]>`
        update sessions set ended_at = ${at()}, ended_by = ${by}, told_at = ${at()}
        where digest = ${digest} and ended_at is null returning expires_at`;
      const row = rows[0];
      if (!row) return false;
      await endings.record(tx, { kind: 'session', ref: digest, until: row.expires_at.getTime() });
      return true;
    },
    async endAll(tx, accountId, by, except) {
      const spared = except ? digestOfUid(except.uid) : '';
      const rows = await tx<{ digest: string; expires_at: Date }[]>`
        update sessions set ended_at = ${at()}, ended_by = ${by}
        where account_id = ${accountId} and ended_at is null and expires_at > ${at()} and digest <> ${spared}
        returning digest, expires_at`;
      for (const row of rows)
        await endings.record(tx, { kind: 'session', ref: row.digest, until: row.expires_at.getTime() });
      return rows.length;
    },
    async endEveryone(tx, by, longest) {
      const { count } = await tx`
        update sessions set ended_at = ${at()}, ended_by = ${by} where ended_at is null and expires_at > ${at()}`;
      await endings.record(tx, { kind: 'account', ref: everyone, until: clock.now() + longest });
      return count;
    },
    async endVisit(tx, digest, clientId) {
      const [row] = await tx<{ expires_at: Date }[]>`
        select expires_at from sessions where digest = ${digest} and ended_at is null and expires_at > ${at()}`;
      if (!row) return false;
      await endings.record(tx, { kind: 'visit', ref: `${digest}\n${clientId}`, until: row.expires_at.getTime() });
      return true;
    },
    async untold(tx, limit) {
      const rows = await tx<{ digest: string; bucket: string; account_id: string; ended_by: string }[]>`
        select digest, bucket, account_id, ended_by from sessions where ended_at is not null and told_at is null
        order by ended_at limit ${limit} for update skip locked`;
      return rows.map((row) => ({
        digest: row.digest,
        bucket: row.bucket,
        accountId: row.account_id,
        endedBy: row.ended_by,
      }));
    },
    async markTold(tx, digests) {
      await tx`update sessions set told_at = ${at()} where digest = any(${digests as string[]})`;
    },
    async sweep() {
      const { sql } = database;
      const over = at(clock.now() - kept);
      const endings = await inBatches(
        () => sql`
          delete from endings where ctid = any(array(
            select ctid from endings where until < ${over} limit ${batch} for update skip locked))`,
      );
      const sessions = await inBatches(
        () => sql`
          delete from sessions where ctid = any(array(
            select ctid from sessions where expires_at < ${over} and (ended_at is null or told_at is not null)
            limit ${batch} for update skip locked))`,
      );
      return endings + sessions;
    },
  } satisfies Sessions;
}

export { type EndingKind, everyone };
