import type { AccountRow } from '../account.ts';
import { type Budget, counterKey, reserve } from '../budgets.ts';
import { maskMobile, parseMobile } from '../identifiers.ts';
import * as records from '../records.ts';
import { type Outcome, refuse } from '../refusals.ts';
import { browserMac, open, type Purpose, type Room, record, recordAlone, referenceTo, seal } from '../room.ts';
import { spans } from '../settings.ts';
import { assess } from '../strength.ts';
import { type Challenge, type CodeRequest, codeMac, subjectOf } from './challenge.ts';

export interface CodeSent {
  /** Sealed: keep it in the flow's state and hand it in with the code. Never sent to a browser. */
  readonly challenge: string;
  readonly mobileMasked: string;
  /** Epoch ms. */
  readonly resendAt: number;
  readonly expiresAt: number;
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

/** Six digits, each of the million as likely as the other. */
function sixDigits(room: Room): string {
  for (;;) {
    const drawn = room.random(4).readUInt32BE();
    if (drawn < 4_294_000_000) return String(drawn % 1_000_000).padStart(6, '0');
  }
}
