import { randomUUID, timingSafeEqual } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';
import { type AuditEvent, events, type Reference } from './events.ts';

/** The key of the MACs, as the keys room hands it out. */
export interface AuditKey {
  /** The id of the key that new MACs are made with. */
  current(): string;
  /** HMAC-SHA-256 under the key of that id; undefined for a key that is not here. */
  mac(id: string, data: string): Buffer | undefined;
}

/** An event as it is stored. Its text is canonical JSON, and the MAC is over those very bytes. */
export interface Envelope {
  readonly text: string;
  readonly mac: Buffer;
}

/** The fields of an envelope's text. */
export interface Content {
  readonly v: 1;
  readonly id: string;
  /** The process that wrote it, and its own number there, from 1. */
  readonly process: string;
  readonly number: number;
  /** Milliseconds since the epoch. */
  readonly at: number;
  /** Which key made the MAC. */
  readonly key: string;
  readonly type: string;
  readonly outcome: string;
  readonly actor?: string;
  readonly subject?: string;
  readonly client?: string;
  readonly code?: string;
  readonly case?: string;
  readonly detail?: Readonly<Record<string, unknown>>;
  /** Numbers before this one of which the process did not know yet whether they would ever be stored (numbers.ts). */
  readonly open?: readonly string[];
}

/** Details by name, so that one event has one text. */
const sorted = (detail: AuditEvent['detail']) =>
  detail && Object.fromEntries(Object.entries(detail).sort(([one], [other]) => (one < other ? -1 : 1)));

const reference = (value: Reference | undefined) =>
  value === undefined || typeof value === 'string' ? value : Buffer.from(value).toString('base64url');

/** Puts an event into an envelope. EG-1810 for what the table of events does not have. */
export function seal(
  event: AuditEvent,
  place: { process: string; number: number; open: readonly string[] },
  key: AuditKey,
  clock: Clock,
): Envelope & { readonly content: Content } {
  check(event);
  // In the order of the alphabet, without what is undefined: the canonical form, at the price of a plain one.
  const content: Content = {
    actor: reference(event.actor),
    at: Math.trunc(clock.now()),
    case: event.case,
    client: event.client,
    code: event.code,
    detail: sorted(event.detail),
    id: randomUUID(),
    key: key.current(),
    number: place.number,
    open: place.open.length > 0 ? place.open : undefined,
    outcome: event.outcome,
    process: place.process,
    subject: reference(event.subject),
    type: event.type,
    v: 1,
  };
  const text = JSON.stringify(content);
  const mac = key.mac(content.key, macInput(text));
  if (!mac) throw new EgretError('EG-1810', { log: `the audit key ${content.key} is not here` });
  return { content, text, mac };
}

const macInput = (text: string) => `egret audit event\0${text}`;

function check(event: AuditEvent): void {
  const fields: readonly string[] | undefined = Object.hasOwn(events, event.type) ? events[event.type] : undefined;
  if (!fields) throw new EgretError('EG-1810', { log: `there is no audit event of the type ${event.type}` });
  for (const [name, value] of Object.entries(event.detail ?? {})) {
    if (value === undefined) continue;
    if (!fields.includes(name))
      throw new EgretError('EG-1810', { log: `the audit event ${event.type} has no field ${name}` });
    if (!fits(value)) throw new EgretError('EG-1810', { log: `the field ${name} of ${event.type} is no detail` });
  }
}

function fits(value: unknown): boolean {
  if (typeof value === 'string') return value.length <= 200;
  if (typeof value === 'number') return Number.isFinite(value);
  if (typeof value === 'boolean') return true;
  return Array.isArray(value) && value.length <= 100 && value.every((one) => typeof one === 'string' && fits(one));
}

/** The content of an envelope whose MAC is good; undefined for anything else. */
export function open(envelope: Envelope, key: AuditKey): Content | undefined {
  let content: Content;
  try {
    content = JSON.parse(envelope.text) as Content;
  } catch {
    return undefined;
  }
  const mac = typeof content?.key === 'string' ? key.mac(content.key, macInput(envelope.text)) : undefined;
  return mac && mac.length === envelope.mac.length && timingSafeEqual(mac, envelope.mac) ? content : undefined;
}

// The MAC stands as the last field of the JSON that travels; it is cut off again by its length.
const suffix = /^,"mac":"([A-Za-z0-9_-]{43})"\}$/;
const suffixLength = 53;

/** One JSON text, for stores that keep the event beside the state it belongs to. */
export const toStamp = ({ text, mac }: Envelope): string =>
  `${text.slice(0, -1)},"mac":"${mac.toString('base64url')}"}`;

/** undefined when it is no stamp at all; whether its MAC is good is asked by `open`. */
export function fromStamp(stamped: string): Envelope | undefined {
  const mac = suffix.exec(stamped.slice(-suffixLength))?.[1];
  return mac === undefined
    ? undefined
    : { text: `${stamped.slice(0, -suffixLength)}}`, mac: Buffer.from(mac, 'base64url') };
}
