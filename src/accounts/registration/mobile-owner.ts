import type { AccountRow } from '../account.ts';
import { type Budget, counterKey, giveBack, reserve } from '../budgets.ts';
import type * as records from '../records.ts';
import { type Outcome, refuse } from '../refusals.ts';
import type { Room } from '../room.ts';
import { spans } from '../settings.ts';

/** A mobile that was not proved for 90 days may be someone else's by now. */
export const isStale = (room: Room, row: AccountRow): boolean =>
  (row.mobile_proved_at?.getTime() ?? 0) + room.settings.mobileTrust <= room.clock.now();

/** One answer about who a proved mobile's owner is; a right one is given back. */
export async function reserveAnswer(
  room: Room,
  mobileIndex: Buffer,
  known: boolean,
): Promise<Outcome<{ left: number; back: (run?: records.Run) => Promise<void> }>> {
  const budget: Budget = { limit: room.settings.identityAnswersADay, kept: 1, span: spans.day };
  const use = await reserve(room.database.sql, counterKey('answer', mobileIndex), budget, known, room.clock.now());
  if (!use.ok) return refuse('answers-used-up', { until: use.until });
  return { ok: true, left: use.left, back: (run = room.database.sql) => giveBack(run, use) };
}
