/**
 * The keys of the gateway: it makes them at the first start, keeps them sealed under the key-encryption key, hands
 * out what others sign, seal and find with, and leads the token-signing keys through their life (next, current,
 * retiring, retired). Every process follows a change within two seconds; what it hands out is a snapshot in memory,
 * never a query.
 *
 * It does not own the key-encryption key (a file or the environment does), the keys of departments (clients) or of the
 * province (bridge), the JWKS endpoint (provider), nor who may rotate. It has no routes; `egret keys` is its command.
 */
import { createHmac, randomBytes } from 'node:crypto';
import type { Audit, AuditEvent, AuditKey } from '../audit/audit.ts';
import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import { createFollowing } from './following.ts';
import { type KeySet, openSet, sealSet } from './keystore.ts';
import { kinds, type Random } from './kinds.ts';
import { everUsed, insertKey, type KeyRow, lockKeys, readEpoch, readSet, updateKey, writeSet } from './records.ts';
import {
  isDue,
  type KeyPolicy,
  type Operator,
  type Plan,
  planMissing,
  planRetirement,
  planRotation,
  type RotationStep,
  rotationStep,
  stepEvent,
} from './rotation.ts';
import { keyEncryptionKey } from './sealing.ts';
import { type BridgeKeys, inOrder, type SigningKey, type Snapshot, snapshotOf } from './snapshot.ts';
import { createVault, type Vault } from './vault.ts';

export {
  decodeKeyEncryptionKey,
  isDevelopmentKey,
  loadKeyEncryptionKey,
  readKeyEncryptionKey,
} from './key-file.ts';
export { lookAtKeys } from './look.ts';
export type { KeyState } from './records.ts';
export { followWithin, type KeyPolicy, type RotationStep } from './rotation.ts';
export { type KeyEncryptionKey, keyEncryptionKey } from './sealing.ts';
export type { BridgeKeys, SigningKey } from './snapshot.ts';
export type { MacPurpose, Vault } from './vault.ts';

export interface KeysOptions<A extends Audit> {
  readonly database: Database;
  /** 32 bytes. */
  readonly keyEncryptionKey: Buffer;
  readonly clock: Clock;
  readonly random?: Random;
  /** Makes the audit trail once its key is there; a key made at the first start is audited in the same transaction. */
  readonly audit: (key: AuditKey) => A;
  /** Default: a JWKS cached for 10 minutes, keys that stay published for 48 hours. */
  readonly policy?: KeyPolicy;
  /** A change could not be followed: the process goes on with what it holds, and says so here, once for each cause. */
  readonly onTrouble?: (error: unknown) => void;
}

/** A key as an operator sees it; times in milliseconds since the epoch. */
export type KeyInfo = Omit<KeyRow, 'public' | 'sealed' | 'kek'>;

export type Rotation =
  | { readonly ok: true; readonly epoch: number; readonly steps: readonly RotationStep[] }
  | { readonly ok: false; readonly reason: 'too-early'; readonly kid: string; readonly ripeAt: number };

export interface Keys<A extends Audit = Audit> {
  readonly vault: Vault;
  readonly audit: A;
  /** The published token-signing keys, the current one first. The same object until the epoch changes. */
  signingKeys(): { readonly epoch: number; readonly keys: readonly SigningKey[] };
  publicJwks(): { readonly keys: readonly SigningKey['publicJwk'][] };
  /** Our keys at the province, the current pair first. */
  bridgeKeys(): readonly BridgeKeys[];
  readonly epoch: number;
  /** Milliseconds since this process last knew the set to be the latest. */
  age(): number;
  /** Called after a new epoch is in force here; returns how to stop. */
  onEpoch(listener: (epoch: number) => void): () => void;
  /** Follows the records now. Rejects, and keeps what it holds, when they cannot be read or are not as sealed. */
  refresh(): Promise<void>;
  /**
   * The next step of the token-signing keys: activates the ripe `next` and publishes the one after it, or publishes one
   * where there is none. Too early is refused with the time. Audited; in force here when it resolves.
   */
  rotate(operator?: Operator): Promise<Rotation>;
  list(): KeyInfo[];
  /** Begins to follow: told by the database, and asking twice a second in any case. */
  start(): void;
  stop(): Promise<void>;
}

/**
 * Opens the keys of this database, or makes them if none was ever made (several nodes at once make one set).
 * EG-1802, EG-1804, EG-1805 when they do not open: a key is never silently made anew.
 */
export async function createKeys<A extends Audit>(options: KeysOptions<A>): Promise<Keys<A>> {
  const { database, clock, random = randomBytes, policy = defaultPolicy } = options;
  const kek = keyEncryptionKey(options.keyEncryptionKey, random);
  const listeners = new Set<(epoch: number) => void>();
  let snapshot: Snapshot | undefined;
  let checked = clock.monotonic();

  const now = (): Snapshot => {
    if (!snapshot) throw new EgretError('EG-1805', { log: 'the keys are not open yet' });
    return snapshot;
  };
  const auditKey: AuditKey = {
    current: () => now().auditMac.current,
    mac(id, data) {
      const key = now().auditMac.byId.get(id);
      return key && createHmac('sha256', key).update(data).digest();
    },
  };
  const audit = options.audit(auditKey);

  /** Plans under the lock, on the set as it is then; writes, seals and audits what was planned in one transaction. */
  const change = <T>(
    work: (set: KeySet) => Promise<{ plan?: Plan; event?: AuditEvent; answer: T }>,
    operator?: Operator,
  ): Promise<{ set: KeySet; answer: T }> =>
    database.begin(async (tx) => {
      await lockKeys(tx);
      const stored = await readSet(tx);
      if (!stored && (await everUsed(tx)))
        throw new EgretError('EG-1805', {
          log: 'this database was in use, and its keys are gone: restore the tables keys and key_set from a backup',
        });
      const before = stored ? openSet(kek, stored) : { epoch: 0, keys: [] };
      const { plan, event, answer } = await work(before);
      // The first events need the key that is just being made.
      snapshot ??= snapshotOf(plan?.set ?? before);
      if (event) await audit.record(tx, event);
      if (!plan) return { set: before, answer };
      for (const key of plan.changed) await updateKey(tx, key);
      for (const key of plan.added) await insertKey(tx, key);
      const { epoch } = plan.set;
      await writeSet(tx, { epoch, seal: sealSet(kek, plan.set), kek: kek.id }, clock.now());
      for (const step of plan.steps) await audit.record(tx, stepEvent(step, epoch, operator));
      return { set: plan.set, answer };
    });
  const means = () => ({ kek, random, policy, now: clock.now() });

  const stored = await readSet(database.sql);
  let first = stored && openSet(kek, stored);
  if (!first || Object.keys(kinds).some((kind) => !first?.keys.some((key) => key.kind === kind)))
    first = (
      await change(async (set) => {
        const plan = await planMissing(set, means());
        return { plan: plan.added.length > 0 ? plan : undefined, answer: undefined };
      })
    ).set;
  snapshot = snapshotOf(first);
  checked = clock.monotonic();

  const follow = async (): Promise<void> => {
    const at = clock.monotonic();
    const epoch = await readEpoch(database.sql);
    if (epoch < now().set.epoch)
      throw new EgretError('EG-1805', {
        log: `the keys went back from epoch ${now().set.epoch} to ${epoch}: the records are older than this process`,
      });
    if (epoch > now().set.epoch) {
      const latest = await readSet(database.sql);
      snapshot = snapshotOf(openSet(kek, latest ?? { epoch: 0, seal: Buffer.alloc(0), kek: '', keys: [] }));
      for (const listener of listeners) listener(snapshot.set.epoch);
    }
    checked = at;
  };
  // One after the other: a call made after a commit must not be answered by a reading from before it.
  let last: Promise<void> = Promise.resolve();
  const refresh = () => {
    last = last.then(follow, follow);
    return last;
  };

  const retire = async (): Promise<void> => {
    if (!now().set.keys.some((key) => isDue(key, clock.now()))) return;
    await change(async (set) => ({ plan: planRetirement(set, clock.now()), answer: undefined }));
    await refresh();
  };

  const following = createFollowing(
    database,
    async () => {
      await refresh();
      await retire();
    },
    options.onTrouble,
  );

  return {
    vault: createVault(() => now().vault, random),
    audit,
    signingKeys: () => now().signing,
    publicJwks: () => now().jwks,
    bridgeKeys: () => now().bridge,
    get epoch() {
      return now().set.epoch;
    },
    age: () => clock.monotonic() - checked,
    onEpoch(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    refresh,
    async rotate(operator = {}) {
      const { by, actor } = operator;
      const { answer } = await change<Rotation>(async (set) => {
        const plan = await planRotation(set, 'token-signing', means());
        if ('tooEarly' in plan) {
          const { tooEarly, ripeAt } = plan;
          return {
            event: {
              type: 'key.refused',
              outcome: 'refused',
              code: 'EG-1807',
              ...(actor && { actor }),
              detail: { kid: tooEarly.kid, kind: tooEarly.kind, reason: 'too-early', until: ripeAt, ...(by && { by }) },
            },
            answer: { ok: false, reason: 'too-early', kid: tooEarly.kid, ripeAt },
          };
        }
        return { plan, answer: { ok: true, epoch: plan.set.epoch, steps: plan.steps.map(rotationStep) } };
      }, operator);
      await refresh();
      await retire();
      return answer;
    },
    list: () => inOrder(now().set.keys).map(({ secret: _, sealed: __, kek: ___, public: ____, ...info }) => info),
    start: following.start,
    stop: following.stop,
  };
}

const defaultPolicy: KeyPolicy = { jwksMaxAge: 600_000, retiring: 48 * 3_600_000 };
