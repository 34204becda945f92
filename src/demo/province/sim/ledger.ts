import type { Clock } from '../clock.ts';
import { isReservedMobile, isReservedNumber } from '../people/guard.ts';
import { maskMobile, maskName, maskNumber, normaliseNumber } from '../people/identifiers.ts';
import type { Json } from '../wire/envelope.ts';

/** What was asked of the platform, by which way: so that a test can say "exactly one call, and no number in a URL". */
export interface Ledger {
  /** Begins an entry when a request arrives: what never gets an answer stands here too. */
  begin(method: string, url: string): Entry;
  entries(): readonly Entry[];
  reset(): void;
}

export interface Entry {
  readonly seq: number;
  /** Milliseconds of the settable clock. */
  readonly at: number;
  /** Method and path, without the query. */
  readonly route: string;
  readonly personalNumberInUrl: boolean;
  caller?: string;
  service?: string;
  trace?: string;
  /** Key of the test person; `(pool)` for one of the pool, whose key is a number. */
  person?: string;
  /** Names of all fields, values of the harmless ones, masked where they are personal. */
  asked?: Readonly<Record<string, string>>;
  /** The code that was answered, before a fault spoiled the answer. */
  code?: string;
  fault?: string;
}

const kept = 10_000;

export function createLedger(clock: Clock): Ledger {
  let entries: Entry[] = [];
  let seq = 0;
  return {
    begin(method, url) {
      seq += 1;
      const path = url.split('?', 1)[0] ?? '';
      const withNumber = hasPersonalNumber(url);
      const entry: Entry = {
        seq,
        at: clock.now(),
        route:
          withNumber && hasPersonalNumber(path)
            ? `${method} (a path with a number)`
            : `${method} ${path.slice(0, 200)}`,
        personalNumberInUrl: withNumber,
      };
      entries.push(entry);
      if (entries.length > kept * 1.1) entries = entries.slice(-kept);
      return entry;
    },
    entries: () => entries.slice(-kept),
    reset() {
      entries = [];
    },
  };
}

/** An ID number or a mobile that stands by itself, in whatever way the URL writes it. */
export function hasPersonalNumber(url: string): boolean {
  let written = url;
  // What is inside a returnurl is encoded twice.
  for (let depth = 0; depth < 3; depth += 1) {
    const folded = written.normalize('NFKC');
    if (/(?<![\w-])\d{17}[\dXx](?![\w-])|(?<![\w-])(\+?86)?1[3-9]\d{9}(?![\w-])/.test(folded)) return true;
    try {
      written = decodeURIComponent(written);
    } catch {
      return false;
    }
  }
  return false;
}

/** A person's key as it may stand in an entry. */
export const named = (key: string): string => (/^\d{17}/.test(key) ? '(pool)' : key);

/** What was asked, fit to be read by anybody. Texts of messages, tickets and tokens are named only. */
export function masked(data: Json): Record<string, string> {
  return Object.fromEntries(Object.entries(data).map(([name, value]) => [name.slice(0, 40), maskedValue(name, value)]));
}

function maskedValue(name: string, value: unknown): string {
  if (typeof value !== 'string') return '…';
  switch (name) {
    case 'USER_IDCARD': {
      const number = normaliseNumber(value);
      return isReservedNumber(number) ? maskNumber(number) : '(outside the reserved space)';
    }
    case 'USER_MOBILE':
    case 'mobile':
      return isReservedMobile(value) ? maskMobile(value) : '(outside the reserved space)';
    case 'USER_NAME':
      return maskName(value);
    case 'template':
    case 'requestId':
    case 'USER_ID':
      return value.slice(0, 100);
    default:
      return '…';
  }
}
