import { randomUUID } from 'node:crypto';
import type { AccountRow } from '../account.ts';
import { type Budget, counterKey, giveBack, reserve } from '../budgets.ts';
import type { CodeGuess } from '../needs.ts';
import * as records from '../records.ts';
import { type Outcome, refuse } from '../refusals.ts';
import {
  browserMac,
  type Proof,
  type Purpose,
  type Room,
  record,
  recordAlone,
  referenceTo,
  seal,
  unseal,
} from '../room.ts';
import { spans } from '../settings.ts';
import { type Challenge, type CodeRequest, codeMac, subjectOf } from './challenge.ts';

export interface CodeTry extends CodeRequest {
  readonly challenge: string;
  /** As typed. */
  readonly code: string;
}

export interface Proved {
  readonly mobile: string;
  readonly index: Buffer;
  readonly accountId?: string;
  /** Everyone who has this mobile, its login account first. */
  readonly rows: readonly (AccountRow & { known: boolean })[];
  /** Sealed, for the steps that need no new code. */
  readonly proof: string;
}

/** One try at a code. Counted before it is looked at, by the code itself (5) and by the mobile (30 an hour). */
export async function proveCode(
  room: Room,
  attempt: CodeTry & { readonly purpose: Purpose },
): Promise<Outcome<Proved>> {
  const { flow, purpose, browser } = attempt;
  const challenge = unseal<Challenge>(room, 'challenge', flow, attempt.challenge, room.settings.proofLife);
  if (challenge?.purpose !== purpose) return refuse('expired');
  const code = attempt.code.normalize('NFKC').replace(/\s/g, '');
  if (!/^\d{6}$/.test(code)) return refuse('not-a-code');
  const { mobile } = challenge;
  const index = room.vault.blindIndex('mobile', mobile);
  const rows = await records.accountsByMobile(room.database.sql, index, browserMac(room, browser));
  const budget: Budget = { limit: room.settings.guessesAnHour, kept: room.settings.guessesKept, span: spans.hour };
  const known = rows.some((row) => row.known);
  const use = await reserve(room.database.sql, counterKey('guess', index), budget, known, room.clock.now());
  const answer: CodeGuess = use.ok ? await guess(room, flow, purpose, code) : { outcome: 'dead' };
  const whom = challenge.accountId ?? rows[0]?.id;
  const subject = whom ? { subject: referenceTo(room, whom) } : {};
  if (use.ok && answer.outcome === 'right' && answer.subject === subjectOf(index)) {
    const proof: Proof = { mobile, purpose, at: room.clock.now() };
    await room.database.begin(async (tx) => {
      await giveBack(tx, use);
      await record(room, tx, { type: 'code.verified', outcome: 'success', ...subject, detail: { purpose } });
    });
    return { ok: true, mobile, index, rows, accountId: challenge.accountId, proof: seal(room, 'proof', flow, proof) };
  }
  // nothing was guessed at a dead code, so it costs nothing: else one message would buy a whole hour's budget to burn
  if (use.ok && answer.outcome !== 'wrong') await giveBack(room.database.sql, use);
  const refusal = !use.ok
    ? refuse('guesses-used-up', { until: use.until })
    : answer.outcome === 'wrong' && answer.triesLeft > 0
      ? refuse('code-wrong', { triesLeft: Math.min(answer.triesLeft, use.left) })
      : refuse('code-dead');
  const { reason, triesLeft: left, until } = refusal;
  const detail = {
    purpose,
    reason,
    ...(left === undefined ? {} : { left }),
    ...(until === undefined ? {} : { until }),
  };
  await recordAlone(room, { type: 'code.refused', outcome: 'refused', code: refusal.code, ...subject, detail });
  return refusal;
}

/** A reply that got lost is asked for again under the same id: the store counts it once and answers the same. */
async function guess(room: Room, flow: string, purpose: Purpose, code: string): Promise<CodeGuess> {
  const mac = codeMac(room, flow, purpose, code);
  const id = randomUUID();
  try {
    return await room.codes.guess(flow, purpose, mac, id);
  } catch {
    return await room.codes.guess(flow, purpose, mac, id);
  }
}
