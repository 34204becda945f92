import type { Clock } from '../clock.ts';
import type { Fetch } from '../web/outbound/outbound.ts';
import { isProvinceCode, type ProvinceCode } from './codes.ts';
import { type CallerKeys, isSignedBy, openData, type Random, sealQuestion } from './envelope.ts';
import { post } from './exchange.ts';
import { holds, type PlatformKeys, PlatformKeysError } from './platform-keys.ts';
import { type Fields, readJsonObject } from './strict-json.ts';

/**
 * What came of one question. An `ok: false` is the province's own word (signed, and bound to this question), or one of
 * 9001, 9002 and 9999 for an answer that did not come or cannot be believed: never a citizen's mistake, and never a
 * success. `why` is a word for the log.
 */
export type Answer =
  | { readonly ok: true; readonly data: Fields; readonly trace: string }
  | { readonly ok: false; readonly code: ProvinceCode; readonly why?: string; readonly trace?: string };

type Refused = Extract<Answer, { ok: false }>;

export interface ProtocolOptions {
  /** Origin of the platform, and a path in front of it where there is one. */
  readonly url: string;
  readonly callerCode: string;
  /** Our keys, the current one first: it signs. Answers may still be wrapped for another one. */
  readonly keys: () => readonly CallerKeys[];
  readonly platform: PlatformKeys;
  readonly clock: Clock;
  readonly random: Random;
  readonly fetch: Fetch;
}

export interface Protocol {
  /** Asks once; a second time only when the clocks were apart (1102). Never rejects. */
  ask(path: string, serviceCode: string, data: Fields, signal: AbortSignal): Promise<Answer>;
}

// PROVINCE.md section 2.
const window = 300_000;
// What is further apart than a day is no skew of a clock.
const mostSkew = 86_400_000;
const maxBytes = 64 * 1024;

export function createProtocol(options: ProtocolOptions): Protocol {
  const { callerCode, keys, platform, clock, random, fetch } = options;
  const base = options.url.replace(/\/+$/, '');
  // How far the province's clock is ahead of ours, learnt from a signed 1102. Used for nothing but this wire.
  let ahead = 0;
  const provinceTime = () => clock.now() + ahead;

  async function askOnce(path: string, serviceCode: string, data: Fields, signal: AbortSignal) {
    const caller = keys()[0];
    const wrapFor = await platform.toWrap(provinceTime());
    if (!caller || !wrapFor) return unusable('9001', caller ? 'no platform key in force' : 'no caller key');
    const nonce = random(16).toString('hex');
    const question = { appId: callerCode, serviceCode, data, timestamp: provinceTime(), nonce };
    const body = await sealQuestion(question, caller, wrapFor, random);
    const received = await post(fetch, base + path, body, { signal, maxBytes });
    if ('code' in received) return unusable(received.code, received.why, nonce);
    return believe(received.bytes, nonce);
  }

  /** The checks of an answer, in order. What fails one of them counts as an outage. */
  async function believe(bytes: Uint8Array, nonce: string) {
    const no = (why: string) => unusable('9999', why, nonce);
    const answer = readAnswer(readJsonObject(bytes));
    if (!answer) return no('malformed');
    if (answer.traceId !== nonce) return no('answer to another question');
    // The one refusal that comes unsigned: whom it does not know, the platform does not sign for. It is an outage
    // either way; believing it only tells the operator which.
    if (!answer.signData && !answer.success && answer.code === '1001') return unusable('1001', 'unsigned', nonce);

    let data: Fields | undefined;
    if (answer.encData !== undefined) {
      const ours = keys().find((key) => key.keyId === answer.callerKeyId);
      if (!ours) return no('wrapped for a key that is not ours');
      data = await openData(answer.encKey ?? '', answer.encData, ours);
      if (!data) return no('does not decrypt');
    }
    const signer = await platform.find(answer.keyId);
    if (!signer) return no('unknown platform key');
    const skewed = !answer.success && answer.code === '1102';
    if (!holds(signer, skewed ? answer.timestamp : provinceTime())) return no('platform key not in force');
    if (!isSignedBy(signer, answer.fields, data)) return no('bad signature');
    if (!skewed && Math.abs(answer.timestamp - provinceTime()) > window) return no('outside the time window');

    if (answer.success)
      return answer.code === '0000'
        ? ({ ok: true, data: data ?? {}, trace: nonce } as const)
        : no('success with a code');
    if (!isProvinceCode(answer.code)) return no(`code ${answer.code}`);
    return { ok: false, code: answer.code, trace: nonce, ...(skewed && { theirTime: answer.timestamp }) } as const;
  }

  async function ask(path: string, serviceCode: string, data: Fields, signal: AbortSignal): Promise<Answer> {
    const first: Answer & { theirTime?: number } = await askOnce(path, serviceCode, data, signal);
    if (first.ok) return first;
    // The key we wrapped for may be out of force there: no second try, but the next question reads the file.
    if (first.code === '1104' || first.code === '1105') platform.forget();
    if (first.code !== '1102' || first.theirTime === undefined) return first;
    // Signed and bound to our nonce, so this is the platform's time of just now.
    const apart = first.theirTime - clock.now();
    if (Math.abs(apart) > mostSkew) return unusable('1102', 'clocks more than a day apart', first.trace);
    ahead = apart;
    return askOnce(path, serviceCode, data, signal);
  }

  return {
    ask: (path, serviceCode, data, signal) =>
      ask(path, serviceCode, data, signal).catch((error: unknown) => unusable('9999', faultOf(error))),
  };
}

// The message of an error may quote what it choked on; those about the pinned file are our own words.
function faultOf(error: unknown): string {
  if (error instanceof PlatformKeysError) return error.message;
  return `fault: ${error instanceof Error ? ('code' in error ? error.code : error.name) : 'unknown'}`;
}

function unusable(code: ProvinceCode, why: string, trace?: string): Refused {
  return { ok: false, code, why, trace };
}

interface AnswerEnvelope {
  readonly success: boolean;
  readonly code: string;
  readonly traceId: string;
  readonly timestamp: number;
  readonly keyId: string;
  readonly callerKeyId?: string;
  readonly encKey?: string;
  readonly encData?: string;
  readonly signData?: string;
  /** All of it, as it was signed. */
  readonly fields: Fields;
}

/** The types of every field; a field of another type is not converted but refused. `msg` is checked and not kept. */
function readAnswer(fields: Fields | undefined): AnswerEnvelope | undefined {
  if (!fields) return undefined;
  const { success, code, msg, traceId, timestamp, keyId, callerKeyId, encKey, encData, signData } = fields;
  if (typeof success !== 'boolean') return undefined;
  if (typeof code !== 'string' || !/^\d{4}$/.test(code)) return undefined;
  if (typeof traceId !== 'string' || typeof keyId !== 'string') return undefined;
  if (typeof timestamp !== 'number' || !Number.isSafeInteger(timestamp)) return undefined;
  if (![msg, callerKeyId, encKey, encData, signData].every(isTextOrAbsent)) return undefined;
  if ((encData == null) !== (encKey == null)) return undefined;
  // Data in the clear would stand beside the signed ones unsigned.
  if ('data' in fields) return undefined;
  const text = (value: unknown) => (typeof value === 'string' ? value : undefined);
  return {
    success,
    code,
    traceId,
    timestamp,
    keyId,
    callerKeyId: text(callerKeyId),
    encKey: text(encKey),
    encData: text(encData),
    signData: text(signData),
    fields,
  };
}

function isTextOrAbsent(value: unknown): boolean {
  return typeof value === 'string' || value === undefined || value === null;
}
