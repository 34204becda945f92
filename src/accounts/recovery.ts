import { randomUUID, timingSafeEqual } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import { clearPasswordTries, counterKey } from './budgets.ts';
import { type CodeTry, proveCode } from './codes/prove.ts';
import { judgePassword } from './passwords/rules.ts';
import { readIdentity, recordChecked, type TypedIdentity } from './real-name/real-name.ts';
import { checkThreeFactors } from './real-name/three-factors.ts';
import * as records from './records.ts';
import { type Outcome, refuse } from './refusals.ts';
import { isStale, reserveAnswer } from './registration/mobile-owner.ts';
import { browserMac, open, openProof, type Room, record, recordAlone, referenceTo } from './room.ts';
import { assess, type SignIn } from './strength.ts';

/** The code of a forgotten password, and whether name and number are asked next. */
export async function proveForRecovery(
  room: Room,
  attempt: CodeTry,
): Promise<Outcome<{ proof: string; identityNeeded: boolean }>> {
  const proved = await proveCode(room, { ...attempt, purpose: 'recover' });
  if (!proved.ok) return proved;
  return { ok: true, proof: proved.proof, identityNeeded: needsIdentity(proved.rows) };
}

const needsIdentity = (
  rows: readonly { mobile_is_login: boolean; real_name_level: number; state: string }[],
): boolean => !rows.some((row) => row.mobile_is_login && row.real_name_level === 0 && row.state === 'active');

export interface Recovery {
  readonly flow: string;
  readonly proof: string;
  readonly newPassword: string;
  /** Asked where the account is real-named: compared with the records, and never said which of them differs. */
  readonly identity?: TypedIdentity;
  readonly browser?: string;
}

export interface Recovered {
  readonly accountId: string;
  /** Sign-ins of this account that began before are over; epoch ms. */
  readonly endedAt: number;
  /** What this flow proved: the mobile. */
  readonly signIn: SignIn;
}

/**
 * Sets a new password for whoever proved the mobile and, of a real-named account, knows name and number. Where the
 * mobile itself was not proved for long, and the browser is new, the province is asked too: mobiles are recycled. Ends
 * every other sign-in, forgets the browsers known so far, tells the mobile, and for a day SMS is no second factor.
 */
export async function recover(room: Room, request: Recovery): Promise<Outcome<Recovered>> {
  const { flow, newPassword } = request;
  const proof = openProof(room, flow, request.proof, ['recover']);
  if (!proof) return refuse('expired');
  const { mobile } = proof;
  const typed = request.identity ? readIdentity(room, request.identity) : undefined;
  if (typed && !typed.ok) return typed;
  const identity = typed?.identity;
  // first against what was typed: a refusal for the account's own name would tell it to whoever has only the mobile
  const given = { mobiles: [mobile], names: [identity?.name], idNumbers: [identity?.idNumber] };
  const problem = await judgePassword(newPassword, given);
  if (problem) return refuse(problem);
  const browser = browserMac(room, request.browser);
  const mobileIndex = room.vault.blindIndex('mobile', mobile);
  const rows = (await records.accountsByMobile(room.database.sql, mobileIndex, browser)).filter(
    (row) => row.state === 'active',
  );
  const login = rows.find((row) => row.mobile_is_login && row.real_name_level === 0);
  let row = login;
  let back = async (_run?: records.Run): Promise<void> => {};
  if (!identity && !login) return refuse('identity-needed', { proof: request.proof });
  if (identity) {
    const known = rows.some((one) => one.known);
    const answer = await reserveAnswer(room, mobileIndex, known);
    if (!answer.ok) return answer;
    back = answer.back;
    row =
      rows.find(
        (one) => one.identity_index?.equals(identity.index) && same(open(room, one).name ?? '', identity.name),
      ) ?? undefined;
    if (!row) {
      const refusal = refuse('identity-differs', { triesLeft: answer.left, proof: request.proof });
      const detail = { way: 'sms', reason: refusal.reason };
      await recordAlone(room, { type: 'account.recovered', outcome: 'refused', code: refusal.code, detail });
      return refusal;
    }
    if (!row.known && isStale(room, row)) {
      const person = { name: identity.name, idNumber: identity.idNumber, mobile };
      const check = await checkThreeFactors(room, {
        person,
        identityIndex: identity.index,
        mobileIndex,
        accountId: row.id,
        own: false,
        browser,
      });
      if (!check.ok && check.givenBack) await back();
      if (!check.ok) return check.reason === 'details-differ' ? refuse('identity-differs') : check;
      await recordChecked(room, row, check);
    }
  }
  if (!row) return refuse('expired');
  const password = await room.hashing.hash(newPassword);
  const id = row.id;
  const now = room.clock.now();
  const at = new Date(now);
  const done = await room.database.begin(async (tx): Promise<Outcome<Recovered>> => {
    const current = await records.accountById(tx, id, true);
    // one proof resets once
    const used = (current?.reset_by_sms_at?.getTime() ?? 0) >= proof.at;
    if (current?.state !== 'active' || used || !current.mobile_index?.equals(mobileIndex)) return refuse('expired');
    await back(tx);
    await records.updateAccount(tx, id, {
      password,
      password_changed_at: at,
      reset_by_sms_at: at,
      mobile_proved_at: at,
      updated_at: at,
    });
    // a pause of theirs would outlive the password that it was about
    const browsers = [...(await records.knownBrowsers(tx, id)), ...(browser ? [browser] : [])];
    await records.forgetBrowsers(tx, id, browser);
    if (browser) await records.rememberBrowser(tx, id, browser, at, room.settings.knownBrowsers);
    const indexes = [current.mobile_index, current.identity_index].filter((index) => index !== null);
    await clearPasswordTries(tx, [
      ...indexes.flatMap((index) => [
        counterKey('password', index),
        ...browsers.map((one) => counterKey('password', index, one)),
      ]),
      counterKey('password-second', Buffer.from(id)),
    ]);
    await endSignIns(room, tx, id, now, 'password-reset');
    const common = { outcome: 'success', subject: referenceTo(room, id) } as const;
    await record(room, tx, { type: 'account.recovered', ...common, detail: { way: 'sms' } });
    await record(room, tx, { type: 'password.reset', ...common, detail: { identityAsked: identity !== undefined } });
    const text = '你的白鹭通行证密码已重设，其他设备都已退出。如果不是你本人操作，请拨打 12345。';
    const body = { template: 'notice', params: { text } };
    await room.outbox.enqueue(tx, { kind: 'sms', to: mobile, body, expiresAt: now + room.settings.smsHold });
    const account = { ...open(room, current), password, resetBySmsAt: now };
    return {
      ok: true,
      accountId: id,
      endedAt: now, // later than what it ended
      signIn: assess(account, ['sms'], now + 1, room.settings.smsHold),
    };
  });
  if (done.ok) room.outbox.kick();
  return done;
}

const same = (one: string, other: string): boolean => {
  const [a, b] = [Buffer.from(one), Buffer.from(other)];
  return a.length === b.length && timingSafeEqual(a, b);
};

/** Everything signed in as this account until `at` is over: a record, and the feed that other processes hold. */
export async function endSignIns(
  room: Room,
  tx: TransactionSql,
  accountId: string,
  at: number,
  reason: string,
): Promise<void> {
  await records.insertEnding(tx, { id: randomUUID(), accountId, at: new Date(at), reason });
  await room.onEnding?.(tx, { accountId, at });
}
