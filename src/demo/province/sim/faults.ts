import type { Clock } from '../clock.ts';
import { isJson } from '../wire/envelope.ts';

/**
 * What the platform does wrong when it is told to.
 *
 * | kind | what happens |
 * | --- | --- |
 * | `latency` | the answer waits `ms` (default 5000) |
 * | `hang` | no answer ever |
 * | `500` `502` `503` | that status, with a page |
 * | `html` | 200 with a page |
 * | `truncated` | 200, half of the JSON |
 * | `content-type` | the right JSON, called text/plain |
 * | `retyped` | `field` (default: the one the answer is asked for) has another type; signed all the same |
 * | `other-person` | the record of somebody else, in his own name: the platform mixed up two answers |
 * | `bad-signature` | signed with a key that nobody knows |
 * | `replay` | the last good answer to this caller and service once more, byte for byte |
 *
 * `hang` and the statuses come before the question is worked on; with `after: true` it is done and the answer lost.
 * `replay` answers without working either, and passes when there is nothing to repeat.
 */
export const kinds = [
  'latency',
  'hang',
  '500',
  '502',
  '503',
  'html',
  'truncated',
  'content-type',
  'retyped',
  'other-person',
  'bad-signature',
  'replay',
] as const;

export type Kind = (typeof kinds)[number];

export interface Fault {
  readonly kind: Kind;
  readonly ms?: number;
  readonly field?: string;
  readonly after?: boolean;
}

export interface Rule extends Fault {
  readonly id: number;
  /** At most one of the three; with none it is for everybody. */
  readonly caller?: string;
  /** Key of a person. */
  readonly person?: string;
  /** A nonce, or the requestId of a message. */
  readonly request?: string;
  /** Only for this service: 103, 062, …, SMS, or `login` for the login page. */
  readonly service?: string;
  /** How often it plays; without it, always. */
  readonly times?: number;
  /** Milliseconds of the settable clock. */
  readonly from?: number;
  readonly until?: number;
}

export interface Question {
  /** The header `x-sim-fault`. */
  readonly header?: Fault;
  readonly caller?: string;
  readonly person?: string;
  /** What the person's row plays by itself. */
  readonly own?: Fault;
  readonly requests?: readonly string[];
  readonly service?: string;
}

export interface Faults {
  add(rule: Omit<Rule, 'id'>): Rule;
  list(): readonly (Rule & { played: number })[];
  remove(id?: number): void;
  /** The one that plays now: header, then one request, person, caller, everybody; of two alike the younger. Counts it. */
  pick(question: Question, isPossible?: (fault: Fault) => boolean): Fault | undefined;
}

export function createFaults(clock: Clock): Faults {
  let rules: (Rule & { played: number })[] = [];
  let lastId = 0;

  const isOn = ({ times, played, from, until }: Rule & { played: number }) => {
    const now = clock.now();
    return played < (times ?? Infinity) && (from ?? -Infinity) <= now && now < (until ?? Infinity);
  };

  return {
    add(rule) {
      lastId += 1;
      const added = { ...rule, id: lastId };
      rules = [{ ...added, played: 0 }, ...rules];
      return added;
    },
    list: () => rules,
    remove(id) {
      rules = id === undefined ? [] : rules.filter((rule) => rule.id !== id);
    },
    pick(question, isPossible = () => true) {
      const { header, caller, person, own, requests = [], service } = question;
      if (header) return isPossible(header) ? header : undefined;
      const now = rules.filter((rule) => isOn(rule) && isPossible(rule) && (rule.service ?? service) === service);
      const ofThem = (is: (rule: Rule) => boolean) => now.find(is);
      const rule =
        ofThem((one) => one.request !== undefined && requests.includes(one.request)) ??
        ofThem((one) => one.person !== undefined && one.person === person) ??
        (own && isPossible(own)
          ? undefined
          : (ofThem((one) => one.caller !== undefined && one.caller === caller) ??
            ofThem((one) => one.caller === undefined && one.person === undefined && one.request === undefined)));
      if (!rule) return own && isPossible(own) ? own : undefined;
      rule.played += 1;
      return rule;
    },
  };
}

/** `kind`, `kind;ms=200`, `retyped;field=USER_TYPE`, `503;after=true`. Undefined when it is none. */
export function readHeader(header: string): Fault | undefined {
  const [kind, ...parameters] = header.split(';').map((part) => part.trim());
  const named: Record<string, unknown> = { kind };
  for (const parameter of parameters) {
    const [name = '', value = ''] = parameter.split('=', 2);
    named[name] = name === 'ms' ? Number(value) : name === 'after' ? value === 'true' : value;
  }
  const rule = readRule(named);
  return typeof rule === 'string' ? undefined : rule;
}

/** What a body asks for, or one sentence about what is wrong with it. `person` is not looked up here. */
export function readRule(body: unknown): Omit<Rule, 'id'> | string {
  if (!isJson(body)) return 'A fault is a JSON object.';
  const { kind, ms, field, after, caller, person, request, service, times, from, until, ...rest } = body;
  const unknown = Object.keys(rest)[0];
  if (unknown) return `A fault has no ${JSON.stringify(unknown.slice(0, 40))}.`;
  if (!kinds.includes(kind as Kind)) return `kind is one of ${kinds.join(', ')}.`;
  const texts = { field, caller, person, request, service };
  for (const [name, value] of Object.entries(texts))
    if (value !== undefined && (typeof value !== 'string' || value === '')) return `${name} is a text.`;
  for (const [name, value] of Object.entries({ ms, times, from, until }))
    if (value !== undefined && !(Number.isSafeInteger(value) && Number(value) >= 0))
      return `${name} is a whole number.`;
  if (Number(ms ?? 0) > 600_000) return 'ms is at most ten minutes.';
  if (after !== undefined && typeof after !== 'boolean') return 'after is true or false.';
  if ([caller, person, request].filter((scope) => scope !== undefined).length > 1)
    return 'A fault is for one of caller, person and request, or for everybody.';
  return JSON.parse(JSON.stringify({ kind, ms, ...texts, after, times, from, until }));
}
