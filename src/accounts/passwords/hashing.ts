import { hash, needsRehash, verify } from 'argon2';
import { EgretError } from '../../errors.ts';
import { normalizePassword } from './rules.ts';

export interface HashingSettings {
  readonly argon2: { readonly memoryCost: number; readonly timeCost: number; readonly parallelism: number };
  readonly hashesAtOnce: number;
  readonly hashesWaiting: number;
}

export interface Hashing {
  /** A new PHC string. EG-1701 when too many wait. */
  hash(password: string): Promise<string>;
  /**
   * Whether it is the password of this PHC string. Without one (no such account, or none set) the same work is done
   * and the answer is no: it must not be told apart by its time. EG-1701 when too many wait.
   */
  verify(phc: string | null | undefined, password: string): Promise<boolean>;
  /** Made with other parameters than today's. */
  outdated(phc: string): boolean;
  readonly waiting: number;
}

/**
 * Argon2id behind a bounded queue: a hash takes a core and 19 MiB for tens of milliseconds, so a crowd of sign-ins
 * must neither starve the rest of the process (libuv has four threads for files and DNS too) nor wait without end.
 */
export function createHashing(settings: HashingSettings, random: (bytes: number) => Buffer): Hashing {
  const queue = boundedQueue(settings.hashesAtOnce, settings.hashesWaiting);
  const parameters = settings.argon2;
  const base64 = (bytes: Buffer) => bytes.toString('base64').replace(/=+$/, '');
  // Nobody knows a password of this: its digest is drawn, not computed. Checking against it costs what a real one costs.
  const nobodys =
    `$argon2id$v=19$m=${parameters.memoryCost},t=${parameters.timeCost},p=${parameters.parallelism}` +
    `$${base64(random(16))}$${base64(random(32))}`;
  return {
    hash: (password) => queue.run(() => hash(normalizePassword(password), { ...parameters, type: 2 })),
    async verify(phc, password) {
      const right = await queue.run(() => verify(phc ?? nobodys, normalizePassword(password)));
      return right && typeof phc === 'string';
    },
    outdated: (phc) => needsRehash(phc, parameters),
    get waiting() {
      return queue.waiting;
    },
  };
}

/** At most `atOnce` run, at most `most` wait in the order they came; the next one is refused with EG-1701. */
export function boundedQueue(atOnce: number, most: number) {
  const waiting: (() => void)[] = [];
  let running = 0;
  return {
    get waiting() {
      return waiting.length;
    },
    async run<T>(work: () => Promise<T>): Promise<T> {
      if (running < atOnce) running++;
      else if (waiting.length < most) await new Promise<void>((resolve) => waiting.push(resolve));
      else throw new EgretError('EG-1701', { log: 'too many passwords wait to be hashed', params: { retryAfter: 5 } });
      try {
        return await work();
      } finally {
        // the place is handed over, never free in between: nobody can step in before those who wait
        const next = waiting.shift();
        if (next) next();
        else running--;
      }
    },
  };
}
