import { randomBytes } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { AuditStamp } from '../audit/audit.ts';
import type { PendingEvent, Visit } from '../provider/provider.ts';
import {
  day,
  type EndingNeeds,
  endedEvent,
  type Onward,
  recordSignOut,
  type Target,
  type Told,
  tell,
} from './ending.ts';

/** What is left to do of a sign-out when the records are back. */
interface Left {
  /** Of its result page. */
  readonly id: string;
  readonly target: Target;
  readonly onward?: Onward;
  readonly at: number;
}

const reason = 'records-away';

/**
 * Ends a session while nobody reaches the records (DESIGN rule 3): it is gone from the protocol state at once, with its
 * event, in one step; the notices to departments follow when that event is drained.
 * @returns what the result page shows; undefined when the session had ended
 */
export async function endNow(
  needs: EndingNeeds & { readonly audit: AuditStamp },
  target: Target,
  onward: Onward | undefined,
): Promise<{ readonly id: string; readonly told: readonly Told[] } | undefined> {
  const { audit, browserSessions, clients, clock } = needs;
  const at = clock.now();
  const id = randomBytes(16).toString('base64url');
  const tellable = (visits: readonly Visit[]): Told[] =>
    visits.flatMap(({ clientId }): Told[] => {
      const client = clients.snapshot().clients.get(clientId);
      if (!client) return [];
      const message = client.backchannel_logout_uri ? id : null;
      return [{ client: clientId, message, latestEnd: at + client.session_minutes * 60_000 }];
    });
  const tries: { readonly stamped: string; readonly told: readonly Told[] }[] = [];
  const how = (visits: readonly Visit[]) => {
    const told = tellable(visits);
    const event = endedEvent(needs, target.accountId, 'person', told);
    const stamped = audit.stamp({ ...event, detail: { ...event.detail, reason } });
    tries.push({ stamped, told });
    const left: Left = { id, target: { ...target, visits }, at, ...(onward ? { onward } : {}) };
    return { stamped, leftToDo: left };
  };
  let last: (typeof tries)[number] | undefined;
  try {
    if (await browserSessions.removeFor(target, how)) last = tries.pop();
  } catch (error) {
    const unknown = tries.pop();
    if (unknown) audit.unsent(unknown.stamped, 'unknown');
    throw error;
  } finally {
    for (const { stamped } of tries) audit.unsent(stamped, 'refused');
  }
  return last && { id, told: last.told };
}

/** Does what was left to do of these events, in the transaction that takes them into the records. */
export const settleLater =
  (needs: EndingNeeds) =>
  async (tx: TransactionSql, events: readonly PendingEvent[]): Promise<void> => {
    for (const event of events) {
      // every other event is passed over without being read
      if (!event.stamp.includes(`"${reason}"`)) continue;
      const left = (await needs.browserSessions.leftToDo(event)) as Left | undefined;
      if (!left) continue;
      const { id, target, onward, at } = left;
      // false: it was done by an earlier drain of the same event
      if (!(await needs.sessions.end(tx, { digest: target.digest }, 'person'))) continue;
      const told = await tell(needs, tx, target, target.visits, true, at);
      await recordSignOut(tx, { id, session: target.digest, everything: true, told, onward, at, until: at + day });
    }
  };
