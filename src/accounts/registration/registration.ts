import { randomUUID } from 'node:crypto';
import { type Account, sealAccount } from '../account.ts';
import { type CodeTry, proveCode } from '../codes/prove.ts';
import { judgePassword } from '../passwords/rules.ts';
import { showsOwn, tracesOf } from '../passwords/traces.ts';
import {
  type Identity,
  readIdentity,
  recordLevel,
  refuseSecondAccount,
  type TypedIdentity,
} from '../real-name/real-name.ts';
import { checkThreeFactors, traceOf } from '../real-name/three-factors.ts';
import * as records from '../records.ts';
import { type Outcome, refuse } from '../refusals.ts';
import { browserMac, open, openProof, type Room, record, referenceTo, seal, unseal, violated } from '../room.ts';
import type { SignedIn } from '../sign-in/outcome.ts';
import { assess } from '../strength.ts';

/**
 * Registration: mobile → code → password or skip → real name or later. Nothing is created before the last step: until
 * then it is a draft, sealed into the flow's state. So a person who turns out to have an account leaves nothing behind,
 * and of two parallel registrations the unique indexes let one through.
 */
interface Draft {
  readonly at: number;
  /** Drawn with the draft: finishing twice is finishing once. */
  readonly accountId: string;
  readonly mobile: string;
  readonly provedAt: number;
  readonly password?: string;
  /** By which the password is judged once name and number are known: it is chosen before them, and rests as a hash. */
  readonly traces?: string;
  readonly termsVersion: string;
  /** The mobile is someone else's login name: this person will sign in by ID number. */
  readonly another: boolean;
}

export interface ProvedMobile {
  readonly proof: string;
  /** Told only now, to whoever holds the mobile. */
  readonly mobileInUse: boolean;
}

/** The code of a registration, or of a mobile that is to join an account. */
export async function proveMobile(
  room: Room,
  attempt: CodeTry & { purpose: 'register' | 'join' },
): Promise<Outcome<ProvedMobile>> {
  const proved = await proveCode(room, attempt);
  if (!proved.ok) return proved;
  return { ok: true, proof: proved.proof, mobileInUse: proved.rows.some((row) => row.mobile_is_login) };
}

export interface DraftRequest {
  readonly flow: string;
  readonly proof: string;
  /** Undefined: skipped. */
  readonly password?: string;
  readonly termsVersion: string;
  /** The mobile is in use, and this is another person: real name will be needed, and the ID number is the login name. */
  readonly another?: boolean;
}

export async function draftRegistration(
  room: Room,
  request: DraftRequest,
): Promise<Outcome<{ draft: string; realNameNeeded: boolean }>> {
  const { flow, password, termsVersion, another = false } = request;
  const proof = openProof(room, flow, request.proof, ['register']);
  if (!proof) return refuse('expired');
  const { mobile } = proof;
  const rows = await records.accountsByMobile(room.database.sql, room.vault.blindIndex('mobile', mobile), undefined);
  const inUse = rows.some((row) => row.mobile_is_login);
  if (inUse && !another) return refuse('mobile-in-use', { proof: request.proof });
  const problem = password === undefined ? undefined : await judgePassword(password, { mobiles: [mobile] });
  if (problem) return refuse(problem);
  const accountId = randomUUID();
  const draft: Draft = {
    at: room.clock.now(),
    accountId,
    mobile,
    provedAt: proof.at,
    termsVersion,
    another: inUse,
    ...(password === undefined
      ? {}
      : { password: await room.hashing.hash(password), traces: tracesOf(password, traceMac(room, accountId)) }),
  };
  return { ok: true, draft: seal(room, 'draft', flow, draft), realNameNeeded: inUse };
}

/** Keyed, and of this draft alone. */
const traceMac =
  (room: Room, accountId: string) =>
  (piece: string): Buffer =>
    room.vault.mac('otp', `password-trace\n${accountId}\n${piece}`);

export interface FinishRequest {
  readonly flow: string;
  readonly draft: string;
  readonly browser?: string;
  /** Undefined: later. */
  readonly realName?: TypedIdentity;
}

/**
 * The last step. A refusal creates nothing; the draft stays good for another try, or for "later"; after `password-own`
 * a new draft is made, with another password.
 */
export async function finishRegistration(room: Room, request: FinishRequest): Promise<SignedIn> {
  const draft = unseal<Draft>(room, 'draft', request.flow, request.draft, room.settings.proofLife);
  if (!draft) return refuse('expired');
  const done = await records.accountById(room.database.sql, draft.accountId);
  if (done) return { ok: true, signIn: assess(open(room, done), ['sms'], room.clock.now(), room.settings.smsHold) };
  if (!request.realName)
    return draft.another ? refuse('identity-needed') : await create(room, draft, request, undefined);
  const read = readIdentity(room, request.realName);
  if (!read.ok) return read;
  const { identity } = read;
  const { name, idNumber } = identity;
  // before the province is asked: it costs no check, and says nothing but about what they typed themselves
  const own = { names: [name], idNumbers: [idNumber] };
  if (draft.traces && showsOwn(draft.traces, own, traceMac(room, draft.accountId))) return refuse('password-own');
  const person = { name, idNumber, mobile: draft.mobile };
  const mobileIndex = room.vault.blindIndex('mobile', draft.mobile);
  const check = await checkThreeFactors(room, {
    person,
    identityIndex: identity.index,
    mobileIndex,
    own: true,
    browser: browserMac(room, request.browser),
  });
  if (!check.ok) return check;
  return await create(room, draft, request, { ...identity, ...traceOf(check) });
}

async function create(
  room: Room,
  draft: Draft,
  request: FinishRequest,
  identity: (Identity & { trace?: string }) | undefined,
): Promise<SignedIn> {
  const now = room.clock.now();
  const account: Account = {
    id: draft.accountId,
    state: 'active',
    mobile: draft.mobile,
    mobileIsLogin: !draft.another,
    mobileProvedAt: draft.provedAt,
    level: identity ? 1 : 0,
    password: draft.password,
    termsVersion: draft.termsVersion,
    createdAt: now,
    updatedAt: now,
    ...(draft.password ? { passwordChangedAt: now } : {}),
    ...(identity
      ? { name: identity.name, idNumber: identity.idNumber, cardType: identity.cardType, realNameAt: now }
      : {}),
  };
  const browser = browserMac(room, request.browser);
  try {
    await room.database.begin(async (tx) => {
      await records.insertAccount(tx, sealAccount(room.vault, account));
      if (browser) await records.rememberBrowser(tx, account.id, browser, new Date(now), room.settings.knownBrowsers);
      const common = { outcome: 'success', subject: referenceTo(room, account.id) } as const;
      await record(room, tx, { type: 'account.registered', ...common, detail: { way: 'sms', level: account.level } });
      if (account.password) await record(room, tx, { type: 'password.set', ...common });
      if (identity)
        await recordLevel(room, tx, account.id, { from: 0, to: 1, way: 'three-factors', ...traceOf(identity) });
    });
  } catch (error) {
    const index = violated(error);
    // the same form sent twice at once: the first one created it
    if (index === 'accounts_pkey') return { ok: true, signIn: assess(account, ['sms'], now, room.settings.smsHold) };
    if (index === 'accounts_login_mobile') return refuse('mobile-in-use');
    if (index === 'accounts_identity' && identity)
      return await refuseSecondAccount(room, identity, { mobileIndex: room.vault.blindIndex('mobile', draft.mobile) });
    throw error;
  }
  return { ok: true, signIn: assess(account, ['sms'], now, room.settings.smsHold) };
}
