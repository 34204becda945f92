import { isJson } from './envelope.ts';
import { isPublicKey } from './sm2.ts';

/** Who may speak to the platform: registered by papers outside of this wire, here through `POST /__sim/callers`. */

export interface CallerKey {
  readonly keyId: string;
  /** Hex, uncompressed points: the caller signs with one, and is written to under the other. */
  readonly signKey: string;
  readonly encKey: string;
  /** In force from, to: milliseconds. Two keys may overlap. */
  readonly notBefore: number;
  readonly notAfter: number;
}

export interface Caller {
  readonly callerCode: string;
  readonly returnUrlPrefixes: readonly string[];
  readonly keys: readonly CallerKey[];
  /** 短信签名: what its messages begin with, between 【 and 】. */
  readonly smsSignature: string;
  /** Answers 1002. */
  readonly disabled: boolean;
  /** Milliseconds; answers 1003 from then on. */
  readonly expiresAt: number | null;
}

export function isInForce(key: { readonly notBefore: number; readonly notAfter: number }, now: number): boolean {
  return key.notBefore <= now && now <= key.notAfter;
}

/** Neither disabled (1002) nor past its end (1003). */
export function isCurrent({ disabled, expiresAt }: Caller, now: number): boolean {
  return !disabled && (expiresAt === null || now < expiresAt);
}

/** What a registration says, or one sentence about what is wrong with it. */
export function readCaller(body: unknown): Caller | string {
  if (!isJson(body)) return 'A registration is a JSON object.';
  const { callerCode, returnUrlPrefixes, keys, disabled = false, expiresAt = null, smsSignature = '省统一登录' } = body;
  if (typeof callerCode !== 'string' || !/^[\w.-]{1,64}$/.test(callerCode))
    return 'callerCode is 1 to 64 letters, digits, "_", "." or "-".';
  if (!Array.isArray(returnUrlPrefixes) || returnUrlPrefixes.length > 20 || !returnUrlPrefixes.every(isPrefix))
    return 'returnUrlPrefixes is a list of http or https addresses without user name, query or fragment.';
  if (!Array.isArray(keys) || keys.length === 0 || keys.length > 10 || !keys.every(isKey))
    return 'keys is a list of {keyId, signKey, encKey, notBefore, notAfter}: hex points that begin with 04, milliseconds.';
  if (new Set(keys.map(({ keyId }) => keyId)).size !== keys.length) return 'Two keys have one keyId.';
  if (typeof disabled !== 'boolean') return 'disabled is true or false.';
  if (expiresAt !== null && !Number.isSafeInteger(expiresAt)) return 'expiresAt is milliseconds, or null.';
  if (typeof smsSignature !== 'string' || !/^[\p{L}\p{N}]{2,12}$/u.test(smsSignature))
    return 'smsSignature is 2 to 12 letters or digits.';
  const taken = keys.map(({ keyId, signKey, encKey, notBefore, notAfter }) => ({
    keyId,
    signKey,
    encKey,
    notBefore,
    notAfter,
  }));
  return { callerCode, returnUrlPrefixes, keys: taken, smsSignature, disabled, expiresAt: expiresAt as number | null };
}

function isPrefix(prefix: unknown): prefix is string {
  const url = typeof prefix === 'string' ? webAddress(prefix) : undefined;
  return url !== undefined && !url.search;
}

function isKey(key: unknown): key is CallerKey {
  if (!isJson(key)) return false;
  const { keyId, signKey, encKey, notBefore, notAfter } = key;
  const named = typeof keyId === 'string' && /^[\w.:-]{1,64}$/.test(keyId);
  return named && isPublicKey(signKey) && isPublicKey(encKey) && [notBefore, notAfter].every(Number.isSafeInteger);
}

function webAddress(text: string): URL | undefined {
  const url = URL.canParse(text) ? new URL(text) : undefined;
  if (!url || !['http:', 'https:'].includes(url.protocol)) return undefined;
  return url.username || url.password || text.includes('#') ? undefined : url;
}

/**
 * The address to come back to, when it begins with a registered prefix. Origins are compared as origins: a prefix
 * `https://city.example` must not match `https://city.example.evil`. One that has a trustticket already is refused.
 */
export function allowedReturn(caller: Caller, returnUrl: string): URL | undefined {
  const url = webAddress(returnUrl);
  if (!url || url.searchParams.has('trustticket')) return undefined;
  const fits = caller.returnUrlPrefixes.some((prefix) => {
    const { origin, pathname } = new URL(prefix);
    return url.origin === origin && url.pathname.startsWith(pathname);
  });
  return fits ? url : undefined;
}
