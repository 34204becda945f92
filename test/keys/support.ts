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
