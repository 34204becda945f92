/** The configuration as the rooms take it: camelCase, paths absolute, times in the unit the room counts in. */

/** A cap: so many within so many seconds, and beside them so many of one browser that some account knows. */
export interface Cap {
  readonly count: number;
  readonly seconds: number;
  readonly known: number;
}

export interface Config {
  readonly mode: 'development' | 'production';
  readonly basePort: number;
  /** An origin without a slash at its end. */
  readonly issuer: string;
  /** `grace` in milliseconds. */
  readonly listen: { readonly hosts: readonly string[]; readonly port: number; readonly grace: number };
  readonly admin: { readonly host: '127.0.0.1' | '::1'; readonly port: number };
  /** This and the other paths are absolute. */
  readonly dataFolder: string;
  readonly keyFile: string;
  readonly clientsFolder: string;
  /** Without a URL: the embedded PostgreSQL of the data folder. */
  readonly database: { readonly url?: string; readonly poolSize: number };
  /** Without a URL: protocol state in PostgreSQL. */
  readonly redis: { readonly url?: string };
  readonly trustedProxies: readonly string[];
  /** Seconds. */
  readonly lifetimes: {
    readonly code: number;
    readonly accessToken: number;
    readonly idToken: number;
    readonly clientCredentials: number;
    readonly interaction: number;
    readonly sessionIdle: number;
    readonly sessionAbsolute: number;
    readonly refreshWindow: number;
    readonly withoutRecords: number;
    readonly jwksMaxAge: number;
  };
  /** Caps an address. */
  readonly limits: {
    readonly signInPerAddress: Cap;
    readonly codesPerAddress: Cap;
    readonly registrationsPerAddress: Cap;
    readonly realNamePerAddress: Cap;
    readonly interactionsPerAddress: Cap;
  };
  /** Settings of the accounts room as it takes them: times in milliseconds. */
  readonly accounts: {
    readonly passwordTries: number;
    readonly firstPause: number;
    readonly longestPause: number;
    readonly messagesADay: number;
    readonly messagesKept: number;
    readonly resendAfter: number;
    readonly codeLife: number;
    readonly guessesAnHour: number;
    readonly guessesKept: number;
    readonly identityAnswersADay: number;
    readonly checksADayAccount: number;
    readonly checksADayNumber: number;
    readonly checksKept: number;
    readonly mobileTrust: number;
    readonly smsHold: number;
    readonly knownBrowsers: number;
    readonly argon2: { readonly memoryCost: number; readonly timeCost: number; readonly parallelism: number };
    readonly hashesWaiting: number;
  };
  readonly province: { readonly url: string; readonly callerCode: string; readonly platformKeysFile: string };
  /** Milliseconds. */
  readonly clockOffset: number;
  readonly logLevel: 'silent' | 'fatal' | 'error' | 'warn' | 'info' | 'debug' | 'trace';
}
