import type { AuditEvent } from '../audit/audit.ts';
import { type KeySet, type OpenKey, ofKind, sealKey } from './keystore.ts';
import { type Kind, kindOf, kinds, type Random } from './kinds.ts';
import type { KeyEncryptionKey } from './sealing.ts';

/** How long others may hold what we published, and how long they may need it; milliseconds. */
export interface KeyPolicy {
  /** The max-age served with the JWKS. */
  readonly jwksMaxAge: number;
  /** The longest life of what a key signed, including its use as a hint. */
  readonly retiring: number;
}

/** Every process follows a change within this time; until then one of them still serves the old set. */
export const followWithin = 2_000;

/** What was done to a key; `ripeAt` in milliseconds since the epoch. */
export type Step =
  | { readonly step: 'created'; readonly key: OpenKey }
  | { readonly step: 'published'; readonly key: OpenKey; readonly ripeAt: number }
  | { readonly step: 'activated'; readonly key: OpenKey; readonly before: string | undefined }
  | { readonly step: 'retired'; readonly key: OpenKey };

/** A set after some steps; the epoch is the one they make. */
export interface Plan {
  readonly set: KeySet;
  readonly steps: readonly Step[];
  readonly added: readonly OpenKey[];
  readonly changed: readonly OpenKey[];
}

interface Means {
  readonly kek: KeyEncryptionKey;
  readonly random: Random;
  readonly policy: KeyPolicy;
  readonly now: number;
}

/** The keys of every kind that was never made here. */
export async function planMissing(set: KeySet, means: Means): Promise<Plan> {
  const epoch = set.epoch + 1;
  const added: OpenKey[] = [];
  for (const kind of Object.keys(kinds) as Kind[]) {
    if (ofKind(set, kind).length > 0) continue;
    added.push(await make(kind, 'current', epoch, means.now, means));
    // At the very first start nobody holds an older set, so what is published with it is ripe.
    const ripeAt = set.epoch === 0 ? means.now : ripeFrom(means);
    if (kindOf(kind).next) added.push(await make(kind, 'next', epoch, ripeAt, means));
  }
  return plan(
    set,
    added,
    [],
    added.map((key): Step => ({ step: 'created', key })),
  );
}

/**
 * The next step of a kind that is published: the ripe `next` becomes current, and the next one after it is published
 * in the same step, so that an emergency never waits. Where there is no `next`, one is published.
 */
export async function planRotation(
  set: KeySet,
  kind: Kind,
  means: Means,
): Promise<Plan | { readonly tooEarly: OpenKey; readonly ripeAt: number }> {
  const { now, policy } = means;
  const keys = ofKind(set, kind);
  const next = keys.find((key) => key.state === 'next');
  if (next && (next.ripeAt ?? Number.POSITIVE_INFINITY) > now) return { tooEarly: next, ripeAt: next.ripeAt ?? 0 };

  const ripeAt = ripeFrom(means);
  const following = await make(kind, 'next', set.epoch + 1, ripeAt, means);
  const published: Step = { step: 'published', key: following, ripeAt };
  if (!next) return plan(set, [following], [], [published]);

  const before = keys.find((key) => key.state === 'current');
  const activated: OpenKey = { ...next, state: 'current', activatedAt: now };
  // In this order: at no moment two keys are current.
  const changed = before
    ? [{ ...before, state: 'retiring', retireAt: now + policy.retiring } satisfies OpenKey, activated]
    : [activated];
  return plan(set, [following], changed, [{ step: 'activated', key: activated, before: before?.kid }, published]);
}

/** The retiring keys that nothing needs any more. Their private parts stay sealed: a later step may bring one back. */
export function planRetirement(set: KeySet, now: number): Plan | undefined {
  const due = set.keys.filter((key) => isDue(key, now));
  if (due.length === 0) return undefined;
  const retired = due.map((key): OpenKey => ({ ...key, state: 'retired', endedAt: now }));
  return plan(
    set,
    [],
    retired,
    retired.map((key): Step => ({ step: 'retired', key })),
  );
}

export const isDue = (key: OpenKey, now: number): boolean =>
  key.state === 'retiring' && key.retireAt !== null && key.retireAt <= now;

const ripeFrom = ({ now, policy }: Means) => now + policy.jwksMaxAge + followWithin;

async function make(kind: Kind, state: 'current' | 'next', epoch: number, ripeAt: number, means: Means) {
  const { kek, random, now } = means;
  return sealKey(kek, await kindOf(kind).make(random), {
    kind,
    state,
    epoch,
    createdAt: now,
    publishedAt: kindOf(kind).next ? now : null,
    ripeAt: kindOf(kind).next ? ripeAt : null,
    activatedAt: state === 'current' ? now : null,
    retireAt: null,
    endedAt: null,
  });
}

function plan(set: KeySet, added: readonly OpenKey[], changed: readonly OpenKey[], steps: readonly Step[]): Plan {
  const byKid = new Map([...set.keys, ...changed, ...added].map((key) => [key.kid, key]));
  return { set: { epoch: set.epoch + 1, keys: [...byKid.values()] }, steps, added, changed };
}

/** One step, for the operator. */
export interface RotationStep {
  readonly step: Step['step'];
  readonly kid: string;
  /** published: from when it may sign, milliseconds since the epoch. */
  readonly ripeAt?: number;
  /** activated: the key before, now retiring. */
  readonly before?: string;
}

export const rotationStep = (step: Step): RotationStep => ({
  step: step.step,
  kid: step.key.kid,
  ...(step.step === 'published' && { ripeAt: step.ripeAt }),
  ...(step.step === 'activated' && step.before && { before: step.before }),
});

/** Who asked for a step: the way it came (a word), and the person, as the audit trail names them. */
export interface Operator {
  readonly by?: string;
  readonly actor?: Uint8Array;
}

export function stepEvent(step: Step, epoch: number, { by, actor }: Operator = {}): AuditEvent {
  const { kid, kind, algorithm, state } = step.key;
  const common = { kid, kind, algorithm, epoch };
  const who = by ? { by } : {};
  const done = { outcome: 'success', ...(actor ? { actor } : {}) } as const;
  switch (step.step) {
    case 'created':
      return { type: 'key.created', ...done, detail: { ...common, state } };
    case 'published':
      return { type: 'key.published', ...done, detail: { ...common, ...who, ripeAt: step.ripeAt } };
    case 'activated':
      return { type: 'key.activated', ...done, detail: { ...common, ...who, before: step.before ?? '' } };
    case 'retired':
      return { type: 'key.retired', ...done, detail: { ...common, ...who } };
  }
}
