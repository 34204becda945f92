import type { AccountRow } from './account.ts';
import {
  type Budget,
  clearPasswordTries,
  counterKey,
  giveBack,
  reserve,
  type Tried,
  tryPassword,
  untryPassword,
} from './budgets.ts';
import { type CodeTry, proveCode } from './codes.ts';
import { type LoginId, parseIdNumber, parseLoginId } from './identifiers.ts';
import * as records from './records.ts';
import { type Outcome, type Refusal, refuse } from './refusals.ts';
import { browserMac, open, openProof, type Room, record, recordAlone, referenceTo } from './room.ts';
import { spans } from './settings.ts';
import { assess, type Factor, type SignIn } from './strength.ts';
import { checkThreeFactors } from './three-factors.ts';

export type SignedIn = Outcome<{ readonly signIn: SignIn }>;

type Way = 'sign-in.password' | 'sign-in.sms' | 'sign-in.second-factor';

export interface PasswordTry {
  /** A mobile or an ID number, as typed. */
  readonly loginId: string;
  readonly password: string;
  readonly browser?: string;
}

/**
 * Password sign-in. Known, unknown, disabled and password-less accounts take the same steps: one look-up, one counted
 * try, one hash of today's parameters, one event. The counter belongs to the login name, not to the account: one that
 * two names shared would tell that they are one person's.
 */
export async function signInWithPassword(room: Room, attempt: PasswordTry): Promise<SignedIn> {
  const login = parseLoginId(attempt.loginId, room.clock.now());
  if (!login) return refuse('not-a-login-name');
  const index = loginIndex(room, login);
  const browser = browserMac(room, attempt.browser);
  const row = await records.accountByLogin(room.database.sql, login.kind, index, browser);
  const known = row?.known === true;
  const key = counterKey('password', index, ...(known && browser ? [browser] : []));
  const checked = await checkPassword(room, key, row, attempt.password);
  if (!checked.ok || !row)
    return await refused(room, 'sign-in.password', row, known, checked.ok ? refuse('wrong-password') : checked);
  const raised = await raiseParameters(room, row, attempt.password);
  return await finish(room, raised, ['password'], { way: 'sign-in.password', browser, known, cleared: key });
}

/** The password after another factor, of an account that this flow has identified. */
export async function addPassword(
  room: Room,
  attempt: { accountId: string; factors: readonly Factor[]; password: string; browser?: string },
): Promise<SignedIn> {
  const { accountId, factors } = attempt;
  if (factors.includes('password')) return refuse('way-closed');
  const row = await records.accountById(room.database.sql, accountId);
  const browser = browserMac(room, attempt.browser);
  const key = counterKey('password-second', Buffer.from(accountId));
  const checked = await checkPassword(room, key, row, attempt.password);
  if (!checked.ok || !row)
    return await refused(room, 'sign-in.second-factor', row, true, checked.ok ? refuse('wrong-password') : checked);
  return await finish(room, row, [...factors, 'password'], {
    way: 'sign-in.second-factor',
    browser,
    known: true,
    cleared: key,
  });
}

const loginIndex = (room: Room, { kind, value }: LoginId): Buffer => room.vault.blindIndex(kind, value);

/** Counts, then hashes: 20 guesses at once are five guesses and 15 refusals. */
async function checkPassword(
  room: Room,
  key: Buffer,
  row: AccountRow | undefined,
  password: string,
): Promise<{ ok: true } | Refusal> {
  const { settings, database, hashing, clock } = room;
  const pausing = { tries: settings.passwordTries, first: settings.firstPause, longest: settings.longestPause };
  const tried: Tried = await tryPassword(database.sql, key, pausing, clock.now());
  if (!tried.ok) return refuse('password-paused', { until: tried.until });
  let right: boolean;
  try {
    right = await hashing.verify(row?.password, password);
  } catch (error) {
    await untryPassword(database.sql, key, tried);
    throw error;
  }
  if (right && row?.state === 'active') return { ok: true };
  if (tried.until !== undefined) return refuse('password-paused', { until: tried.until, triesLeft: 0 });
  return refuse('wrong-password', { triesLeft: tried.left });
}

/** A hash of weaker parameters is replaced while the password is at hand. Too busy now: the next sign-in does it. */
async function raiseParameters(room: Room, row: AccountRow, password: string): Promise<AccountRow> {
  const before = row.password;
  if (!before || !room.hashing.outdated(before)) return row;
  const { memoryCost: m, timeCost: t, parallelism: p } = room.settings.argon2;
  const raised = await room.hashing.hash(password).catch(() => undefined);
  if (!raised) return row;
  return await room.database.begin(async (tx) => {
    if (!(await records.replacePassword(tx, row.id, before, raised))) return row;
    const subject = referenceTo(room, row.id);
    await record(room, tx, {
      type: 'password.rehashed',
      outcome: 'success',
      subject,
      detail: { parameters: `m=${m},t=${t},p=${p}` },
    });
    return { ...row, password: raised };
  });
}

export interface SmsTry extends CodeTry {
  /** The person says that the account of this mobile is not theirs: two people share it. */
  readonly another?: boolean;
}

/**
 * SMS sign-in. The mobile alone is enough where it is this account's login name and either the browser or the mobile
 * is trusted; otherwise `identity-needed` comes with a proof for `signInWithIdNumber`: a second person with this
 * mobile, or a real-named account whose mobile was not proved for 90 days, because mobiles are recycled.
 */
export async function signInWithSms(room: Room, attempt: SmsTry): Promise<SignedIn> {
  const proved = await proveCode(room, { ...attempt, purpose: 'sign-in' });
  if (!proved.ok) return proved;
  const login = proved.rows.find((row) => row.mobile_is_login);
  const { proof } = proved;
  const active = proved.rows.filter((row) => row.state === 'active');
  if (active.length === 0) return refuse('code-dead');
  const needed =
    attempt.another || login?.state !== 'active' || (login.real_name_level > 0 && !login.known && isStale(room, login));
  if (needed || !login)
    return await refused(room, 'sign-in.sms', login, login?.known === true, refuse('identity-needed', { proof }));
  const browser = browserMac(room, attempt.browser);
  return await finish(room, login, ['sms'], { way: 'sign-in.sms', browser, known: login.known, proved: proved.mobile });
}

/** A mobile that was not proved for 90 days may be someone else's by now. */
export const isStale = (room: Room, row: AccountRow): boolean =>
  (row.mobile_proved_at?.getTime() ?? 0) + room.settings.mobileTrust <= room.clock.now();

/** The step after `identity-needed`: whose ID number this is, among those who have the proved mobile. */
export async function signInWithIdNumber(
  room: Room,
  attempt: { flow: string; proof: string; idNumber: string; browser?: string },
): Promise<SignedIn> {
  const proof = openProof(room, attempt.flow, attempt.proof, ['sign-in']);
  if (!proof) return refuse('expired');
  const id = parseIdNumber(attempt.idNumber, room.clock.now());
  if (!id) return refuse('not-an-id-number', { proof: attempt.proof });
  const browser = browserMac(room, attempt.browser);
  const mobileIndex = room.vault.blindIndex('mobile', proof.mobile);
  const rows = await records.accountsByMobile(room.database.sql, mobileIndex, browser);
  const known = rows.some((row) => row.known);
  const answer = await reserveAnswer(room, mobileIndex, known);
  if (!answer.ok) return answer;
  const identityIndex = room.vault.blindIndex('id-number', id.number);
  const row = rows.find((one) => one.identity_index?.equals(identityIndex) && one.state === 'active');
  if (!row)
    return await refused(
      room,
      'sign-in.sms',
      undefined,
      known,
      refuse('identity-differs', { triesLeft: answer.left, proof: attempt.proof }),
    );
  if (!row.known && isStale(room, row)) {
    const person = { name: open(room, row).name ?? '', idNumber: id.number, mobile: proof.mobile };
    const check = await checkThreeFactors(room, {
      person,
      identityIndex,
      mobileIndex,
      accountId: row.id,
      own: false,
      browser,
    });
    if (!check.ok && check.givenBack) await answer.back();
    if (!check.ok)
      return await refused(
        room,
        'sign-in.sms',
        row,
        false,
        check.reason === 'details-differ' ? refuse('identity-differs') : check,
      );
  }
  await answer.back();
  return await finish(room, row, ['sms'], { way: 'sign-in.sms', browser, known: row.known, proved: proof.mobile });
}

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

/** The code as second factor, of the account that `requestSecondFactor` sent it for. */
export async function addSms(
  room: Room,
  attempt: CodeTry & { accountId: string; factors: readonly Factor[] },
): Promise<SignedIn> {
  const { accountId, factors } = attempt;
  if (factors.includes('sms')) return refuse('way-closed');
  const proved = await proveCode(room, { ...attempt, purpose: 'second-factor' });
  if (!proved.ok) return proved;
  const row = proved.rows.find((one) => one.id === accountId);
  if (!row || proved.accountId !== accountId) return refuse('code-dead');
  const browser = browserMac(room, attempt.browser);
  return await finish(room, row, [...factors, 'sms'], {
    way: 'sign-in.second-factor',
    browser,
    known: row.known,
    proved: proved.mobile,
  });
}

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
async function finish(room: Room, found: AccountRow, factors: readonly Factor[], how: Finish): Promise<SignedIn> {
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

async function refused(
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
