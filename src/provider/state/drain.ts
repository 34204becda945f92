import type { TransactionSql } from 'postgres';
import type { AuditTrail } from '../../audit/audit.ts';
import type { Database } from '../../store/database.ts';
import type { PendingEvent, ProtocolState } from './state.ts';

/**
 * Events of one transaction. A read looks into every bucket, so it must be worth it: with a fifth of this, a busy
 * process spent a tenth of its time reading the same events again.
 */
const most = 1_000;

/** Hands the audit events that stand beside protocol state over to the records, each once, whichever node does it. */
export function drainEvents(needs: {
  readonly state: ProtocolState;
  readonly database: Database;
  readonly audit: Pick<AuditTrail, 'take'>;
  /** What else these events stand for, in the transaction that takes them over; it may come twice. */
  readonly also?: (tx: TransactionSql, events: readonly PendingEvent[]) => Promise<void>;
  readonly onTrouble: (error: unknown) => void;
}) {
  const { state, database, audit, also, onTrouble } = needs;
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  async function work(): Promise<void> {
    for (let batch = await state.events(most); batch.length > 0; batch = await state.events(most)) {
      const stamps = batch.map((event) => event.stamp);
      const taken = batch;
      await database.begin(async (tx) => {
        await audit.take(tx, stamps);
        await also?.(tx, taken);
      });
      await state.forget(batch);
      if (batch.length < most) return;
    }
  }
  const once = (): Promise<void> => {
    running ??= work()
      .catch(onTrouble)
      .finally(() => {
        running = undefined;
      });
    return running;
  };
  return {
    once,
    start(): void {
      timer ??= setInterval(() => void once(), 300).unref();
    },
    /** What is not drained; `oldest` in epoch milliseconds. */
    async backlog(): Promise<{ waiting: number; fullest: number; oldest: number | undefined }> {
      const [pending, [first]] = await Promise.all([state.pending(), state.events(1)]);
      return { ...pending, oldest: first && (JSON.parse(first.stamp) as { at: number }).at };
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      await running;
      await once();
    },
  };
}
