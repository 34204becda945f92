import type { AccountRow } from '../account.ts';
import { counterKey, type Tried, tryPassword, untryPassword } from '../budgets.ts';
import { type LoginId, parseLoginId } from '../identifiers.ts';
import * as records from '../records.ts';
import { type Refusal, refuse } from '../refusals.ts';
import { browserMac, type Room, record, referenceTo } from '../room.ts';
import type { Factor } from '../strength.ts';
import { finish, refused, type SignedIn } from './outcome.ts';

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
  const known = await records.isKnownBrowser(room.database.sql, accountId, browser);
  const key = counterKey('password-second', Buffer.from(accountId));
  const checked = await checkPassword(room, key, row, attempt.password);
  if (!checked.ok || !row)
    return await refused(room, 'sign-in.second-factor', row, known, checked.ok ? refuse('wrong-password') : checked);
  return await finish(room, row, [...factors, 'password'], {
    way: 'sign-in.second-factor',
    browser,
    known,
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
