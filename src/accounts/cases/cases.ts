import { hash } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import { caseNumber } from '../../web/case-number.ts';
import * as records from '../records.ts';
import { type Room, record } from '../room.ts';

/** What someone must look into. */
export type CaseKind =
  /** A person proved the three factors of someone who has an account. */
  | 'identity-in-use'
  /** USER_ID and identity of a ticket belong to different accounts. */
  | 'province-conflict';

/** What a case is about, as a digest: two attempts at the same are one case. */
export const matterOf = (kind: CaseKind, what: readonly Buffer[]): Buffer =>
  hash('sha256', Buffer.concat([Buffer.from(`${kind}\n`), ...what]), 'buffer');

/** The number of the open case of this matter, opened now if there was none. */
export async function openCase(
  room: Room,
  tx: TransactionSql,
  found: { kind: CaseKind; refs: Record<string, string>; matter: readonly Buffer[] },
): Promise<string> {
  const { kind, refs } = found;
  const matter = matterOf(kind, found.matter);
  for (;;) {
    const number = caseNumber(room.random);
    const opened = await records.openCase(tx, { number, kind, refs, matter, opened_at: new Date(room.clock.now()) });
    if (!opened) continue;
    if (opened.fresh)
      await record(room, tx, { type: 'case.opened', outcome: 'success', case: number, detail: { kind } });
    return opened.number;
  }
}
