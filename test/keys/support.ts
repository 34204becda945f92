import { createPublicKey, type JsonWebKey, verify } from 'node:crypto';
import { type AuditTrail, createAudit } from '../../src/audit/audit.ts';
import { type Clock, shiftedClock } from '../../src/clock.ts';
import { createKeys, type Keys, type KeysOptions } from '../../src/keys/keys.ts';
import type { Database } from '../../src/store/database.ts';

export interface Moved extends Clock {
  /** Moves the clock on, in milliseconds. */
  move(by: number): void;
}

export function movedClock(): Moved {
  let offset = 0;
  return {
    ...shiftedClock(() => offset),
    move(by) {
      offset += by;
    },
  };
}

/** Keys with their audit trail, as a process has them. */
export function open(
  database: Database,
  keyEncryptionKey: Buffer,
  clock: Clock,
  options: Partial<KeysOptions<AuditTrail>> = {},
): Promise<Keys<AuditTrail>> {
  return createKeys({
    database,
    keyEncryptionKey,
    clock,
    audit: (key) => createAudit({ database, clock, key }),
    ...options,
  });
}

/** Waits for a condition, asking every 10 ms; returns how long it took. */
export async function until(condition: () => boolean | Promise<boolean>, within = 5_000): Promise<number> {
  const start = performance.now();
  while (!(await condition())) {
    if (performance.now() - start > within) throw new Error(`not within ${within} ms`);
    await new Promise((resolve) => setTimeout(resolve, 10));
  }
  return performance.now() - start;
}

/** An ES256 signature as JOSE writes it. */
export const verifies = (jwk: object, data: Buffer, signature: Buffer) =>
  verify(
    'sha256',
    data,
    { key: createPublicKey({ key: jwk as JsonWebKey, format: 'jwk' }), dsaEncoding: 'ieee-p1363' },
    signature,
  );
