import type { TransactionSql } from 'postgres';
import type { AuditEvent } from './events.ts';

export { type AuditEvent, type Detail, type EventType, events, type Reference } from './events.ts';

/** What a room needs that acts on records. */
export interface Audit {
  /**
   * Writes the event in the transaction of the act itself: both happen, or neither. EG-1810 for a type or a field
   * that the table does not have.
   */
  record(tx: TransactionSql, event: AuditEvent): Promise<void>;
}

/** What an act needs whose state lives outside PostgreSQL. */
export interface AuditStamp {
  /**
   * The event as a signed envelope (a JSON text), to be stored in the same atomic write as the state it belongs to
   * and handed to `take` later.
   */
  stamp(event: AuditEvent): string;
  /**
   * The write that carried this envelope did not happen ('refused'), or nobody knows ('unknown': no answer came). Its
   * number is then declared void, at once or when it has not arrived in ten minutes, instead of standing as a gap.
   */
  unsent(stamped: string, why: 'refused' | 'unknown'): void;
}
