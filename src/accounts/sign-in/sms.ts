import { type CodeTry, proveCode } from '../codes/prove.ts';
import { parseIdNumber } from '../identifiers.ts';
import { recordChecked } from '../real-name/real-name.ts';
import { checkThreeFactors } from '../real-name/three-factors.ts';
import * as records from '../records.ts';
import { refuse } from '../refusals.ts';
import { isStale, reserveAnswer } from '../registration/mobile-owner.ts';
import { browserMac, open, openProof, type Room } from '../room.ts';
import type { Factor } from '../strength.ts';
import { finish, refused, type SignedIn } from './outcome.ts';

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
    await recordChecked(room, row, check);
  }
  await answer.back();
  return await finish(room, row, ['sms'], { way: 'sign-in.sms', browser, known: row.known, proved: proof.mobile });
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
