import type { Config } from '../config.ts';
import type { Problem } from '../errors-problems.ts';
import type { Database } from '../store/database.ts';
import type { Redis } from '../store/redis.ts';

/** Where a check looks, and what to see to when it cannot look there. */
export const places = {
  configuration: 'see that this user may read the files the configuration names',
  records: 'see that the role of database.url owns the database and everything in it',
  state: 'see that the user of redis.url may call INFO and TIME',
  province: 'see the checks before this one',
} as const;

export type Place = keyof typeof places;

/** What is examined. The stores are opened when they are first asked for, by whoever closes them. */
export interface Subject {
  readonly config: Config;
  /** What was found wrong when it was read (`readConfig`). */
  readonly problems: readonly Problem[];
  /** Milliseconds since the epoch by this machine's own clock. */
  readonly now: () => number;
  /** Rejects where they cannot be opened. */
  readonly database: () => Promise<Database>;
  /** Undefined where protocol state is in PostgreSQL. */
  readonly redis: () => Promise<Redis | undefined>;
}

export interface Check {
  /** What is in order when nothing is found. */
  readonly name: string;
  readonly place: Place;
  /** Development is for one machine and its test people: not asked there. */
  readonly productionOnly: boolean;
  /** A start in production refuses on it. */
  readonly stops: boolean;
  /** What is not in order; a rejection counts as that too. */
  find(subject: Subject): readonly Problem[] | Promise<readonly Problem[]>;
}

/** A check that production refuses to start on. */
export const stopping = (name: string, place: Place, find: Check['find']): Check => ({
  name,
  place,
  productionOnly: true,
  stops: true,
  find,
});

/** A check of the doctor's alone. */
export const advising = (name: string, place: Place, find: Check['find'], productionOnly = false): Check => ({
  name,
  place,
  productionOnly,
  stops: false,
  find,
});
