import type { Sql, TransactionSql } from 'postgres';
import type { Kind } from './kinds.ts';

export type KeyState = 'next' | 'current' | 'retiring' | 'retired' | 'revoked';

/** A row of `keys`; times in milliseconds since the epoch. */
export interface KeyRow {
  readonly kid: string;
  readonly kind: Kind;
  readonly algorithm: string;
  readonly state: KeyState;
  readonly epoch: number;
  readonly public: Readonly<Record<string, string>> | null;
  readonly sealed: Buffer;
  readonly kek: string;
  readonly createdAt: number;
  readonly publishedAt: number | null;
  readonly ripeAt: number | null;
  readonly activatedAt: number | null;
  readonly retireAt: number | null;
  readonly endedAt: number | null;
}

/** The set as it is stored; `undefined` in place of it where no key was ever made. */
export interface StoredSet {
  readonly epoch: number;
  readonly seal: Buffer;
  readonly kek: string;
  readonly keys: readonly KeyRow[];
}

const millis = (at: unknown): number | null => (at === null ? null : (at as Date).getTime());
const date = (at: number | null): Date | null => (at === null ? null : new Date(at));

/** Rows and seal in one statement, so of one moment. */
export async function readSet(sql: Sql | TransactionSql): Promise<StoredSet | undefined> {
  const rows = await sql`
    select s.epoch as set_epoch, s.seal as set_seal, s.kek as set_kek, k.*
    from key_set s full join keys k on true
    order by k.kid`;
  const first = rows[0];
  if (!first) return undefined;
  const keys = rows
    .filter((row) => row.kid !== null)
    .map(
      (row): KeyRow => ({
        kid: row.kid,
        kind: row.kind,
        algorithm: row.algorithm,
        state: row.state,
        epoch: Number(row.epoch),
        public: row.public,
        sealed: row.sealed,
        kek: row.kek,
        createdAt: (row.created_at as Date).getTime(),
        publishedAt: millis(row.published_at),
        ripeAt: millis(row.ripe_at),
        activatedAt: millis(row.activated_at),
        retireAt: millis(row.retire_at),
        endedAt: millis(row.ended_at),
      }),
    );
  // Keys without their set: an empty seal, which fits nothing.
  return {
    epoch: Number(first.set_epoch ?? 0),
    seal: first.set_seal ?? Buffer.alloc(0),
    kek: first.set_kek ?? keys[0]?.kek ?? '',
    keys,
  };
}

/** Cheap: what every process asks several times a second. */
export async function readEpoch(sql: Sql): Promise<number> {
  const [row] = await sql<{ epoch: string }[]>`select epoch from key_set`;
  return Number(row?.epoch ?? 0);
}

/**
 * Whether keys were ever made here. The trail tells of it too: making a key is its first event, so that emptied key
 * tables are not taken for a new database.
 */
export async function everUsed(sql: Sql | TransactionSql): Promise<boolean> {
  const [row] = await sql<{ used: boolean }[]>`
    select exists (select from keys) or exists (select from key_set)
      or exists (select from audit_inbox) or exists (select from audit_log) as used`;
  return row?.used ?? false;
}

/** One process at a time changes the set, until its transaction ends. */
export async function lockKeys(tx: TransactionSql): Promise<void> {
  await tx`select pg_advisory_xact_lock(hashtextextended('egret keys', 0))`;
}

export async function insertKey(tx: TransactionSql, key: KeyRow): Promise<void> {
  await tx`
    insert into keys (kid, kind, algorithm, state, epoch, public, sealed, kek, created_at, published_at, ripe_at,
      activated_at, retire_at, ended_at)
    values (${key.kid}, ${key.kind}, ${key.algorithm}, ${key.state}, ${key.epoch},
      ${key.public === null ? null : tx.json(key.public)}, ${key.sealed}, ${key.kek}, ${date(key.createdAt)},
      ${date(key.publishedAt)}, ${date(key.ripeAt)}, ${date(key.activatedAt)}, ${date(key.retireAt)},
      ${date(key.endedAt)})`;
}

/** Writes the life of a key: its state and times. */
export async function updateKey(tx: TransactionSql, key: KeyRow): Promise<void> {
  await tx`
    update keys set state = ${key.state}, published_at = ${date(key.publishedAt)}, ripe_at = ${date(key.ripeAt)},
      activated_at = ${date(key.activatedAt)}, retire_at = ${date(key.retireAt)}, ended_at = ${date(key.endedAt)}
    where kid = ${key.kid}`;
}

/** Writes the set's number and seal, and tells every process when this transaction commits. */
export async function writeSet(tx: TransactionSql, set: Omit<StoredSet, 'keys'>, at: number): Promise<void> {
  await tx`
    insert into key_set (epoch, seal, kek, changed_at)
    values (${set.epoch}, ${set.seal}, ${set.kek}, ${new Date(at)})
    on conflict (single) do update
    set epoch = excluded.epoch, seal = excluded.seal, kek = excluded.kek, changed_at = excluded.changed_at`;
  await tx`select pg_notify(${channel}, ${String(set.epoch)})`;
}

export const channel = 'egret_keys';
