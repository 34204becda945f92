import { createHmac, createSecretKey, randomBytes } from 'node:crypto';
import type { Test } from 'tap';
import { type AuditEvent, type AuditKey, type AuditTrail, createAudit } from '../../src/audit/audit.ts';
import { type Moved, movedClock } from '../keys/support.ts';
import { database, type TestDatabase } from '../support/database.ts';

const secret = createSecretKey(randomBytes(32));

export const key: AuditKey = {
  current: () => 'k1',
  mac: (id, data) => (id === 'k1' ? createHmac('sha256', secret).update(data).digest() : undefined),
};

export const event = (n: number): AuditEvent => ({ type: 'code.verified', outcome: 'success', detail: { tries: n } });

export interface Trail {
  db: TestDatabase;
  clock: Moved;
  open(): AuditTrail;
}

export async function trail(t: Test): Promise<Trail> {
  const db = await database(t);
  const clock = movedClock();
  return { db, clock, open: () => createAudit({ database: db, clock, key }) };
}

export const record = (db: TestDatabase, audit: AuditTrail, event: AuditEvent) =>
  db.begin((tx) => audit.record(tx, event));

export async function recordMany(db: TestDatabase, audit: AuditTrail, count: number): Promise<void> {
  await db.begin(async (tx) => {
    for (let n = 1; n <= count; n++) await audit.record(tx, event(n));
  });
}

/** Empties the trail: a database of its own for every case would cost more than the case. */
export async function forget(db: TestDatabase): Promise<void> {
  await db.sql`truncate audit_log, audit_inbox, audit_head, audit_rejected`;
}
