import { chmodSync, mkdirSync, readFileSync, renameSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Clock } from './clock.ts';
import { defaultSettings, readSettings, type Settings } from './services/rates.ts';
import { type Caller, readCaller } from './wire/callers.ts';
import { isJson } from './wire/envelope.ts';
import { type PlatformKey, publicKeys, roll, startingKeys } from './wire/platform-keys.ts';

/**
 * What outlives a stop: the platform's own keys, who is registered, the settings. One small file, `province.json`, for
 * its owner only; beside it `platform-public.json`, the public keys, which a caller pins.
 */
export interface State {
  /** The first one signs. */
  readonly keys: readonly PlatformKey[];
  readonly settings: Settings;
  caller(code: string): Caller | undefined;
  callers(): readonly Caller[];
  register(caller: Caller): void;
  rollKeys(): void;
  set(settings: Settings): void;
}

interface Kept {
  keys: readonly PlatformKey[];
  callers: Record<string, Caller>;
  settings: Settings;
}

/** @throws Error with one sentence when the folder or its file cannot be used. */
export function openState(folder: string, clock: Clock): State {
  const file = join(folder, 'province.json');
  const kept = inFolder(folder, () => {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    return read(file);
  });
  kept.keys = startingKeys(kept.keys, clock);

  function save() {
    write(file, kept, 0o600);
    write(join(folder, 'platform-public.json'), { keys: publicKeys(kept.keys) }, 0o644);
  }
  inFolder(folder, save);

  return {
    get keys() {
      return kept.keys;
    },
    get settings() {
      return kept.settings;
    },
    caller: (code) => (Object.hasOwn(kept.callers, code) ? kept.callers[code] : undefined),
    callers: () => Object.values(kept.callers),
    register(caller) {
      kept.callers = { ...kept.callers, [caller.callerCode]: caller };
      save();
    },
    rollKeys() {
      kept.keys = roll(kept.keys, clock.now());
      save();
    },
    set(settings) {
      kept.settings = settings;
      save();
    },
  };
}

function read(file: string): Kept {
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return { keys: [], callers: {}, settings: defaultSettings };
    throw error;
  }
  try {
    const kept: unknown = JSON.parse(text);
    if (!isJson(kept) || !Array.isArray(kept.keys) || !isJson(kept.callers)) throw new SyntaxError();
    const settings = readSettings(kept.settings, defaultSettings);
    const callers = Object.entries(kept.callers).map(([code, caller]) => [code, readCaller(caller)] as const);
    if (typeof settings === 'string' || callers.some(([, caller]) => typeof caller === 'string'))
      throw new SyntaxError();
    return { keys: kept.keys, callers: Object.fromEntries(callers) as Record<string, Caller>, settings };
  } catch {
    throw new Error(`${file} is damaged: delete it, and the simulator makes new keys.`);
  }
}

/** Whole or not at all: a program that is killed while it writes leaves the old file. */
function write(file: string, content: object, mode: number): void {
  const draft = `${file}.new`;
  writeFileSync(draft, `${JSON.stringify(content, null, 2)}\n`, { mode });
  chmodSync(draft, mode);
  renameSync(draft, file);
}

function inFolder<T>(folder: string, work: () => T): T {
  try {
    return work();
  } catch (error) {
    const { code, message } = error as NodeJS.ErrnoException;
    if (!code) throw error;
    throw new Error(`The data folder ${folder} cannot be used (${code}): choose another with --data. ${message}`);
  }
}
