import { hash, randomUUID } from 'node:crypto';
import type { AccountRow } from './account.ts';
import { type Budget, counterKey, giveBack, reserve } from './budgets.ts';
import { maskMobile, parseMobile } from './identifiers.ts';
import type { CodeGuess } from './needs.ts';
import * as records from './records.ts';
import { type Outcome, refuse } from './refusals.ts';
import {
  browserMac,
  open,
  type Proof,
  type Purpose,
  type Room,
  record,
  recordAlone,
  referenceTo,
  seal,
  unseal,
} from './room.ts';
import { spans } from './settings.ts';
import { assess } from './strength.ts';

export interface CodeRequest {
  /** The interaction's uid: the code works in no other. */
  readonly flow: string;
  /** The random value of this browser's cookie. */
  readonly browser?: string;
}

export interface CodeSent {
  /** Sealed: keep it in the flow's state and hand it in with the code. Never sent to a browser. */
  readonly challenge: string;
  readonly mobileMasked: string;
  /** Epoch ms. */
  readonly resendAt: number;
  readonly expiresAt: number;
}

/** Which account the code is for, where one is signed in half-way. */
interface Challenge {
  readonly mobile: string;
  readonly purpose: Purpose;
  readonly at: number;
  readonly accountId?: string;
}

/** A new code for a mobile as typed. Registration sends always; sign-in and recovery only where someone has it. */
export async function requestCode(
  room: Room,
  request: CodeRequest & { readonly purpose: Exclude<Purpose, 'second-factor'>; readonly mobile: string },
): Promise<Outcome<CodeSent>> {
  const mobile = parseMobile(request.mobile);
  if (!mobile) return refuse('not-a-mobile');
  const index = room.vault.blindIndex('mobile', mobile);
  const rows = await records.accountsByMobile(room.database.sql, index, browserMac(room, request.browser));
  const someone = rows.find((row) => row.state === 'active');
  const everyone = request.purpose === 'register' || request.purpose === 'join';
  return await send(room, {
    flow: request.flow,
    challenge: { mobile, purpose: request.purpose, at: room.clock.now() },
    index,
    known: rows.some((row) => row.known),
    deliver: everyone || someone !== undefined,
    subject: someone,
  });
}

/** A new code for the mobile of an account that proved its password in this flow. */
export async function requestSecondFactor(
  room: Room,
  request: CodeRequest & { accountId: string },
): Promise<Outcome<CodeSent>> {
  const row = await records.accountById(room.database.sql, request.accountId);
  if (row?.state !== 'active') return refuse('way-closed');
  const account = open(room, row);
  if (!account.mobile) return refuse('no-mobile');
  const now = room.clock.now();
  const standing = assess(account, ['password'], now, room.settings.smsHold);
  if (!standing.canAdd.includes('sms')) return refuse('way-closed', { until: standing.smsHeldUntil });
  return await send(room, {
    flow: request.flow,
    challenge: { mobile: account.mobile, purpose: 'second-factor', at: now, accountId: account.id },
    index: row.mobile_index as Buffer,
    known: await records.isKnownBrowser(room.database.sql, account.id, browserMac(room, request.browser)),
    deliver: true,
    subject: row,
  });
}

interface Sending {
  readonly flow: string;
  readonly challenge: Challenge;
  readonly index: Buffer;
  readonly known: boolean;
  readonly deliver: boolean;
  readonly subject: AccountRow | undefined;
}

/**
 * Count, store, send, in this order: a code that cannot be stored is not sent. Where nobody is to get one, all the same
 * is done but the last step, so that neither answer, limits nor time tell who has an account.
 */
async function send(
  room: Room,
  { flow, challenge, index, known, deliver, subject }: Sending,
): Promise<Outcome<CodeSent>> {
  const { settings, clock } = room;
  const { purpose, mobile, at } = challenge;
  const whose = subject ? { subject: referenceTo(room, subject.id) } : {};
  const budget: Budget = {
    limit: settings.messagesADay,
    kept: settings.messagesKept,
    span: spans.day,
    gap: settings.resendAfter,
  };
  const use = await reserve(room.database.sql, counterKey('message', index), budget, known, at);
  if (!use.ok) {
    const refusal = refuse(use.why === 'gap' ? 'code-too-soon' : 'messages-used-up', { until: use.until });
    const detail = { purpose, channel: 'sms', reason: refusal.reason, until: use.until };
    await recordAlone(room, { type: 'code.sent', outcome: 'refused', code: refusal.code, ...whose, detail });
    return refusal;
  }
  const code = sixDigits(room);
  const expiresAt = at + settings.codeLife;
  await room.codes.put(flow, purpose, {
    mac: deliver ? codeMac(room, flow, purpose, code) : room.random(32),
    subject: subjectOf(index),
    expiresAt,
  });
  await room.database.begin(async (tx) => {
    const detail = { purpose, channel: 'sms', left: use.left, ...(deliver ? {} : { reason: 'nobody' }) };
    await record(room, tx, { type: 'code.sent', outcome: deliver ? 'success' : 'refused', ...whose, detail });
    const nobody = Symbol('nobody');
    await tx
      .savepoint(async (inner) => {
        const params = { code, minutes: String(settings.codeLife / 60_000) };
        await room.outbox.enqueue(inner, { kind: 'sms', to: mobile, body: { template: 'code', params }, expiresAt });
        if (!deliver) throw nobody;
        // the trip that undoing takes
        await inner`select 1`;
      })
      .catch((error) => {
        if (error !== nobody) throw error;
      });
  });
  // not now: signing a message is work, and whoever measures the answer would see that there is one to send
  room.outbox.kickSoon();
  return {
    ok: true,
    challenge: seal(room, 'challenge', flow, challenge),
    mobileMasked: maskMobile(mobile),
    resendAt: clock.now() + settings.resendAfter,
    expiresAt,
  };
}

/** The store never sees the code: only this, under a key it does not have. */
const codeMac = (room: Room, flow: string, purpose: Purpose, code: string): Buffer =>
  room.vault.mac('otp', `${flow}\n${purpose}\n${code}`);

const subjectOf = (index: Buffer): string => hash('sha256', Buffer.concat([Buffer.from('otp\n'), index]), 'base64url');

/** Six digits, each of the million as likely as the other. */
function sixDigits(room: Room): string {
  for (;;) {
    const drawn = room.random(4).readUInt32BE();
    if (drawn < 4_294_000_000) return String(drawn % 1_000_000).padStart(6, '0');
  }
}

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
  if (!/^\d{6}$/.test(code)) return refuse('code-wrong');
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
