import type { TransactionSql } from 'postgres';
import type { Audit } from '../audit/audit.ts';
import type { Clock } from '../clock.ts';
import type { Code } from '../errors.ts';
import type { Outbox } from '../outbox/outbox.ts';
import type { Database } from '../store/database.ts';

/** What this room needs of its neighbours; `gateway.ts` hands it over. */

/** Sealing and keyed indexes (src/keys). */
export interface Vault {
  seal(plaintext: string, context: string): Buffer;
  open(sealed: Uint8Array, context: string): string;
  blindIndex(kind: 'mobile' | 'id-number' | 'province-user', value: string): Buffer;
  mac(purpose: 'otp' | 'browser' | 'audit-ref', value: string): Buffer;
}

/**
 * One-time codes as protocol state (src/provider, on Redis or PostgreSQL). `flow` is the interaction's uid, so that a
 * code works only in the browser that asked for it; `purpose` keeps uses apart.
 */
export interface OneTimeCodes {
  /** Replaces an older code of this flow and purpose. `subject`: an opaque reference the code is for. */
  put(flow: string, purpose: string, code: { mac: Buffer; subject: string; expiresAt: number }): Promise<void>;
  /**
   * One try, atomic: the right code is spent by it, the fifth wrong one kills the code. The same `guessId` repeated
   * (its reply was lost) counts once and answers the same.
   */
  guess(flow: string, purpose: string, mac: Buffer, guessId: string): Promise<CodeGuess>;
}

export type CodeGuess =
  | { outcome: 'right'; subject: string }
  | { outcome: 'wrong'; triesLeft: number }
  | { outcome: 'dead' };

/** The province, as far as this room asks it (src/bridge). */
export interface Province {
  /** Stands in the links of accounts: `fujian`. */
  readonly name: string;
  /**
   * Whether name, number and mobile belong to one person. A refusal is the province's own code as the catalogue mirrors
   * it, and what it means; no answer at all is one of 9xxx. Never rejects for what the other side does.
   */
  checkRealName(person: ThreeFactors): Promise<RealNameAnswer>;
}

/** `trace` names the question at the province; it goes to the audit trail. */
export type RealNameAnswer =
  | { readonly ok: true; readonly trace?: string }
  | {
      readonly ok: false;
      readonly code: ProvinceCode;
      readonly behaviour: ProvinceBehaviour;
      readonly trace?: string;
    };

/** A code of the province as the catalogue mirrors it: `EG-P2001`. */
export type ProvinceCode = Extract<Code, `EG-P${string}`>;

/** What a refusal of the three-factor check means, in the words of the bridge. */
export type ProvinceBehaviour = 'count' | 'other-way' | 'counter' | 'guardian' | 'blocked' | 'later' | 'outage';

export interface ThreeFactors {
  readonly name: string;
  readonly idNumber: string;
  readonly mobile: string;
}

/** Who came with a trust ticket, from the allow-listed fields of the province's record. */
export interface ProvincePerson {
  readonly userId: string;
  /** A legal person's ticket makes no citizen; absent: a natural person. */
  readonly userType?: 'natural' | 'legal';
  /** Name and number may be empty at level 0. */
  readonly name: string;
  readonly idNumber: string;
  /** The province's real-name level, 0-3. */
  readonly level: number;
}

export interface AccountsNeeds {
  readonly database: Database;
  readonly vault: Vault;
  readonly audit: Audit;
  readonly outbox: Outbox;
  readonly clock: Clock;
  /** `crypto.randomBytes`, unless a test must know it. */
  readonly random: (bytes: number) => Buffer;
  readonly codes: OneTimeCodes;
  readonly province: Province;
  /** What differs from the defaults of settings.ts. */
  readonly settings?: Partial<AccountsSettings>;
  /**
   * Called in the transaction that ends every sign-in of an account, for the feed that other processes hold in memory.
   */
  readonly onEnding?: (tx: TransactionSql, ending: { accountId: string; at: number }) => Promise<void>;
}

/** The limits of this room. Times in milliseconds. */
export interface AccountsSettings {
  /** Wrong passwords before the password way pauses. At least 2. */
  readonly passwordTries: number;
  /** The first pause; each further one is twice as long, up to `longestPause` (less than a day). */
  readonly firstPause: number;
  readonly longestPause: number;
  /** Messages a day a mobile, and how many of them only a known browser may ask for. */
  readonly messagesADay: number;
  readonly messagesKept: number;
  readonly resendAfter: number;
  readonly codeLife: number;
  /** Guesses an hour a mobile over all codes, and how many of them are kept for known browsers. */
  readonly guessesAnHour: number;
  readonly guessesKept: number;
  /** Answers about name and number after a right code, a day a mobile. */
  readonly identityAnswersADay: number;
  /** Three-factor checks a day, and how many are kept: for who is signed in, and for who is known to the number. */
  readonly checksADayAccount: number;
  readonly checksADayNumber: number;
  readonly checksKept: number;
  /** How long a proved mobile stays proved on a browser that is new to the account. */
  readonly mobileTrust: number;
  /** How long SMS is no second factor after a reset by SMS. */
  readonly smsHold: number;
  /** How long a proof or a begun registration may wait for its next step. */
  readonly proofLife: number;
  /** The highest level a trust ticket may bring. */
  readonly ticketLevelCap: number;
  readonly knownBrowsers: number;
  readonly argon2: { readonly memoryCost: number; readonly timeCost: number; readonly parallelism: number };
  /** Hashes at once (cores - 1, at least 1), and how many may wait. */
  readonly hashesAtOnce: number;
  readonly hashesWaiting: number;
}
