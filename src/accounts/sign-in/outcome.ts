import type { AccountRow } from '../account.ts';
import { clearPasswordTries } from '../budgets.ts';
import * as records from '../records.ts';
import { type Outcome, type Refusal, refuse } from '../refusals.ts';
import { open, type Room, record, recordAlone, referenceTo } from '../room.ts';
import { assess, type Factor, type SignIn } from '../strength.ts';

export type SignedIn = Outcome<{ readonly signIn: SignIn }>;

type Way = 'sign-in.password' | 'sign-in.sms' | 'sign-in.second-factor';

interface Finish {
  readonly way: Way;
  readonly browser: Buffer | undefined;
  readonly known: boolean;
  /** The counter that the right password clears. */
  readonly cleared?: Buffer;
  /** The mobile that was proved just now. */
  readonly proved?: string;
}

/** One transaction: what the factor changes, and its event. The account may have been disabled a moment ago. */
export async function finish(
  room: Room,
  found: AccountRow,
  factors: readonly Factor[],
  how: Finish,
): Promise<SignedIn> {
  const now = room.clock.now();
  const at = new Date(now);
  return await room.database.begin(async (tx) => {
    const row = await records.accountById(tx, found.id, true);
    // what was proved was proved for the row as it was read: a reset or a new mobile in between voids it
    const same = how.proved ? row && equal(row.mobile_index, found.mobile_index) : row?.password === found.password;
    if (row?.state !== 'active' || !same) return refuse(how.proved ? 'code-dead' : 'wrong-password');
    if (how.proved) await records.updateAccount(tx, row.id, { mobile_proved_at: at });
    if (how.cleared) await clearPasswordTries(tx, [how.cleared]);
    if (how.browser) await records.rememberBrowser(tx, row.id, how.browser, at, room.settings.knownBrowsers);
    const signIn = assess(open(room, row), factors, now, room.settings.smsHold);
    const { strength, level } = signIn;
    const detail = { browser: how.known ? 'known' : 'new', strength, level };
    await record(room, tx, { type: how.way, outcome: 'success', subject: referenceTo(room, row.id), detail });
    return { ok: true, signIn };
  });
}

const equal = (one: Buffer | null, other: Buffer | null): boolean =>
  one === other || (one !== null && other !== null && one.equals(other));

/** A refused attempt, recorded. */
export async function refused(
  room: Room,
  way: Way,
  row: AccountRow | undefined,
  known: boolean,
  refusal: Refusal,
): Promise<Refusal> {
  const { reason, code, triesLeft: left, until } = refusal;
  const detail = {
    browser: known ? 'known' : 'new',
    reason,
    ...(left === undefined ? {} : { left }),
    ...(until === undefined ? {} : { until }),
  };
  const subject = row ? { subject: referenceTo(room, row.id) } : {};
  await recordAlone(room, { type: way, outcome: 'refused', code, ...subject, detail });
  return refusal;
}
