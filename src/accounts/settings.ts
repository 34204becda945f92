import { availableParallelism } from 'node:os';
import type { AccountsSettings } from './needs.ts';

const minute = 60_000;
const hour = 60 * minute;
const day = 24 * hour;

/** The limits as DESIGN sections 4 and 5 state them; `docs/limits.md` is made from what is in force. */
export const defaults: AccountsSettings = {
  passwordTries: 5,
  firstPause: 10 * minute,
  longestPause: 12 * hour,
  messagesADay: 10,
  messagesKept: 3,
  resendAfter: minute,
  codeLife: 10 * minute,
  guessesAnHour: 30,
  guessesKept: 10,
  identityAnswersADay: 5,
  checksADayAccount: 3,
  checksADayNumber: 5,
  checksKept: 1,
  mobileTrust: 90 * day,
  smsHold: day,
  proofLife: 30 * minute,
  ticketLevelCap: 3,
  knownBrowsers: 20,
  argon2: { memoryCost: 19_456, timeCost: 2, parallelism: 1 },
  hashesAtOnce: Math.max(1, availableParallelism() - 1),
  hashesWaiting: 64,
};

export const spans = {
  hour,
  day,
  /** What a configuration may allow at most (config/settings.ts): a sign-in of a day, then a session of a week. */
  longestSignIn: 8 * day,
};
