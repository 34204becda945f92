import type { ParseArgsOptionsConfig } from 'node:util';
import type { Config } from '../config.ts';
import type { OpenOptions, Rooms } from './open.ts';

/** The name under which the command line stands in audit details. */
export const byCommandLine = 'command-line';

/** What a verb prints: `data` with --json, else the lines. `ok: false` ends with exit code 1. */
export interface Report {
  readonly data?: unknown;
  readonly lines: readonly string[];
  /** Said on standard error, so that scripts can take what is on standard output as it is. */
  readonly aside?: readonly string[];
  readonly ok?: boolean;
}

export interface Call {
  /** Read, and checked, when a verb first asks. */
  readonly config: Config;
  readonly args: readonly string[];
  readonly values: Readonly<Record<string, string | boolean | undefined>>;
  /** Opens the rooms, once; main.ts closes them. */
  rooms(options?: OpenOptions): Promise<Rooms>;
}

export interface Verb {
  /** Names of the arguments; `[NAME]` may be left out, `[NAME…]` takes any number. */
  readonly args?: readonly string[];
  readonly options?: ParseArgsOptionsConfig;
  /** How the options are shown in the help: `--reason WORD`. */
  readonly shown?: string;
  readonly about: string;
  /** One call, as it is typed; shown by `egret … --help`. */
  readonly example: string;
  /** Whether it only reads, and so has --json. */
  readonly reads?: boolean;
  run(call: Call): Promise<Report>;
}
