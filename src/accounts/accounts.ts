/**
 * People. This room owns who is who: accounts, their mobiles, passwords, verified identities and levels, the links to a
 * province, the browsers known to them, the counters that protect them, the cases to be settled at a desk, and the
 * record of what was ended. It decides registration, sign-in, real name and recovery, each refusal a value with a
 * reason and a code of the catalogue.
 *
 * It does not own sessions, consents, pages, the caps per address, or the wire to the province: what it needs arrives
 * as arguments (needs.ts). It has no routes. Between two steps of a flow the caller keeps what this room hands it,
 * sealed (`challenge`, `proof`, `draft`), in the flow's own state, never in a page.
 *
 * Rules that show nowhere else: DESIGN section 5 (one person, one account; shared and recycled mobiles; strengths),
 * section 4, rules 1, 4, 6, 7 and 8.
 */
import type { TransactionSql } from 'postgres';
import * as administration from './administration.ts';
import { sweepCounters } from './budgets.ts';
import * as resolving from './cases/resolving.ts';
import * as claims from './claims.ts';
import type { CodeRequest } from './codes/challenge.ts';
import type { CodeTry } from './codes/prove.ts';
import * as codes from './codes/request.ts';
import type { AccountsNeeds } from './needs.ts';
import { createHashing } from './passwords/hashing.ts';
import * as provincePerson from './real-name/province-person.ts';
import * as realName from './real-name/real-name.ts';
import * as records from './records.ts';
import * as recovery from './recovery.ts';
import { type Outcome, refuse } from './refusals.ts';
import * as joining from './registration/joining.ts';
import * as registration from './registration/registration.ts';
import { browserMac, open, type Room } from './room.ts';
import { defaults, spans } from './settings.ts';
import * as password from './sign-in/password.ts';
import * as sms from './sign-in/sms.ts';
import { assess, type Factor, type SignIn } from './strength.ts';

export type { Level } from './account.ts';
export type { AccountEnding, AccountShown, Case, StaffAct } from './administration.ts';
export type { CaseKind } from './cases/cases.ts';
export { type CaseAccount, type CaseFound, type CaseOutcome, caseOutcomes, type Resolved } from './cases/resolving.ts';
export type { AccountClaims } from './claims.ts';
export type { CodeRequest } from './codes/challenge.ts';
export type { CodeTry } from './codes/prove.ts';
export type { CodeSent } from './codes/request.ts';
export type { CardType, IdNumber, LoginId } from './identifiers.ts';
export {
  isAccountId,
  maskIdNumber,
  maskMobile,
  maskName,
  normalizeNumber,
  parseIdNumber,
  parseLoginId,
  parseMobile,
  parseName,
} from './identifiers.ts';
export type {
  AccountsNeeds,
  AccountsSettings,
  CodeGuess,
  OneTimeCodes,
  Province,
  ProvincePerson,
  RealNameAnswer,
  ThreeFactors,
  Vault,
} from './needs.ts';
export type { TypedIdentity } from './real-name/real-name.ts';
export type { Recovered, Recovery } from './recovery.ts';
export { type Outcome, type Reason, type Refusal, refusalCodes } from './refusals.ts';
export type { DraftRequest, FinishRequest, ProvedMobile } from './registration/registration.ts';
export { defaults as accountsDefaults } from './settings.ts';
export type { SignedIn } from './sign-in/outcome.ts';
export type { PasswordTry } from './sign-in/password.ts';
export type { SmsTry } from './sign-in/sms.ts';
export type { Factor, SignIn } from './strength.ts';

export type Accounts = ReturnType<typeof createAccounts>;

export function createAccounts(needs: AccountsNeeds) {
  const settings = { ...defaults, ...needs.settings };
  const room: Room = { ...needs, settings, hashing: createHashing(settings, needs.random) };
  return {
    /** A code by SMS: 10 a day a mobile, 60 s apart; looks the same whether someone has the mobile or not. */
    requestCode: (request: Parameters<typeof codes.requestCode>[1]) => codes.requestCode(room, request),
    /** A code for the mobile of an account whose password this flow has proved. */
    requestSecondFactor: (request: CodeRequest & { accountId: string }) => codes.requestSecondFactor(room, request),

    signInWithPassword: (attempt: password.PasswordTry) => password.signInWithPassword(room, attempt),
    signInWithSms: (attempt: sms.SmsTry) => sms.signInWithSms(room, attempt),
    /** After `identity-needed`: the ID number, with the proof that came with it. */
    signInWithIdNumber: (attempt: Parameters<typeof sms.signInWithIdNumber>[1]) =>
      sms.signInWithIdNumber(room, attempt),
    signInFromProvince: (request: Parameters<typeof provincePerson.signInFromProvince>[1]) =>
      provincePerson.signInFromProvince(room, request),
    addPassword: (attempt: Parameters<typeof password.addPassword>[1]) => password.addPassword(room, attempt),
    addSms: (attempt: Parameters<typeof sms.addSms>[1]) => sms.addSms(room, attempt),
    /** What these factors amount to now; refused when the account is gone or disabled. */
    async assess(accountId: string, factors: readonly Factor[]): Promise<Outcome<{ signIn: SignIn }>> {
      const row = await records.accountById(room.database.sql, accountId);
      if (row?.state !== 'active') return refuse('way-closed');
      return { ok: true, signIn: assess(open(room, row), factors, room.clock.now(), settings.smsHold) };
    },

    /** Whether nothing ended this sign-in since its last factor; in the transaction that makes a session of it. */
    signInStands: (tx: TransactionSql, signIn: Pick<SignIn, 'accountId' | 'at'>) =>
      records.signInStands(tx, signIn.accountId, new Date(signIn.at)),

    /** Whether some account knows this browser, whoever it is: for caps that must not be a weapon. */
    async knowsBrowser(browser: string) {
      const mac = browserMac(room, browser);
      return mac !== undefined && (await records.isKnownToAnyone(room.database.sql, mac));
    },

    proveMobile: (attempt: Parameters<typeof registration.proveMobile>[1]) => registration.proveMobile(room, attempt),
    draftRegistration: (request: registration.DraftRequest) => registration.draftRegistration(room, request),
    finishRegistration: (request: registration.FinishRequest) => registration.finishRegistration(room, request),
    joinMobile: (request: Parameters<typeof joining.joinMobile>[1]) => joining.joinMobile(room, request),
    provideRealName: (accountId: string, typed: realName.TypedIdentity, browser?: string) =>
      realName.provideRealName(room, accountId, typed, browser),

    proveForRecovery: (attempt: CodeTry) => recovery.proveForRecovery(room, attempt),
    recover: (request: recovery.Recovery) => recovery.recover(room, request),

    accountForClaims: (accountId: string, tx?: TransactionSql) => claims.accountForClaims(room, accountId, tx),
    findAccounts: (wanted: string) => administration.findAccounts(room, wanted),
    disable: (accountId: string, act: administration.StaffAct) => administration.disable(room, accountId, act),
    enable: (accountId: string, act: administration.StaffAct) => administration.enable(room, accountId, act),
    endAllSignIns: (accountId: string, act: administration.StaffAct) =>
      administration.endAllSignIns(room, accountId, act),
    listCases: (options?: { state?: 'open' | 'closed'; limit?: number }) => administration.listCases(room, options),
    findCase: (number: string) => resolving.findCase(room, number),
    resolveCase: (number: string, act: resolving.CaseAct) => resolving.resolveCase(room, number, act),
    endingsSince: (since: { at: number } | { cursor: string }) => administration.endingsSince(room, since),
    /** Deletes counters that have lapsed, and endings that nothing is left of; call it now and then. Returns how many went. */
    async sweep() {
      const { sql } = room.database;
      const now = room.clock.now();
      return (await sweepCounters(sql, now)) + (await records.sweepEndings(sql, new Date(now - spans.longestSignIn)));
    },
    /** Passwords waiting to be hashed, for the metrics. */
    hashesWaiting: () => room.hashing.waiting,
    settings,
  };
}
