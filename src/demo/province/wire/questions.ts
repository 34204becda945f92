import type { Clock } from '../clock.ts';
import type { Code } from '../codes.ts';
import type { State } from '../state.ts';
import { type Caller, type CallerKey, isCurrent, isInForce } from './callers.ts';
import { fromBase64, isJson, type Json, sm4Decrypt, stringToSign } from './envelope.ts';
import type { Nonces } from './nonces.ts';
import { decrypt, verify } from './sm2.ts';

/** A question that was checked, or the code it is refused with and who is told so. */
export type Opened =
  | { ok: true; caller: Caller; callerKey: CallerKey; traceId: string; serviceCode: string; data: Json }
  | { ok: false; code: Code; msg?: string; caller?: Caller; traceId: string };

const window = 300_000;

/**
 * The checks of a question, in this order: shape, caller, key, time, message key, signature, nonce. A nonce is spent
 * last, by a message that is the caller's own: nobody else can use one up for it. `mayBeClear` names the services whose
 * data may come unencrypted.
 */
export function openQuestion(
  body: unknown,
  to: { state: State; nonces: Nonces; clock: Clock; mayBeClear: (serviceCode: string) => boolean },
): Opened {
  const { state, nonces, clock } = to;
  const now = clock.now();
  const fields = isJson(body) ? body : {};
  const traceId = typeof fields.nonce === 'string' ? fields.nonce.slice(0, 128) : '';
  const caller = typeof fields.appId === 'string' ? state.caller(fields.appId) : undefined;
  const refuse = (code: Code, msg?: string): Opened => ({ ok: false, code, msg, caller, traceId });

  if (!caller) return refuse('1001');
  const question = readQuestion(fields);
  if (typeof question === 'string') return refuse('9999', `报文不对：${question}`);
  if (!isCurrent(caller, now)) return refuse(caller.disabled ? '1002' : '1003');

  const callerKey = caller.keys.find(({ keyId }) => keyId === question.keyId);
  if (!callerKey || !isInForce(callerKey, now)) return refuse('1105');
  if (Math.abs(question.timestamp - now) > window) return refuse('1102');

  let data = question.data;
  if (question.encData !== undefined) {
    const platformKey = state.keys.find(({ keyId }) => keyId === question.platformKeyId);
    if (!platformKey || !isInForce(platformKey, now)) return refuse('1105');
    data = decryptData(question.encKey, question.encData, platformKey.encrypt.privateKey);
  } else if (!to.mayBeClear(question.serviceCode)) data = undefined;
  if (!data) return refuse('1104');

  const signature = fromBase64(question.signData);
  if (!signature || !verify(stringToSign({ ...fields, data }), signature, callerKey.signKey)) return refuse('1101');
  if (!nonces.take(caller.callerCode, question.nonce)) return refuse('1103');
  return { ok: true, caller, callerKey, traceId, serviceCode: question.serviceCode, data };
}

interface Question {
  readonly timestamp: number;
  readonly nonce: string;
  readonly serviceCode: string;
  readonly keyId: string;
  readonly platformKeyId?: string;
  readonly encKey?: string;
  readonly encData?: string;
  readonly data?: Json;
  readonly signData: string;
}

/** Types of all fields, or the name of the first that is wrong. Nothing is converted. */
function readQuestion(fields: Json): Question | string {
  const { version, timestamp, nonce, serviceCode, signType, encType, keyId, platformKeyId, encKey, encData } = fields;
  const { data, signData } = fields;
  if (version !== '2.0.0') return 'version';
  if (signType !== 'SM2') return 'signType';
  if (encType !== 'SM4') return 'encType';
  if (typeof timestamp !== 'number' || !Number.isSafeInteger(timestamp)) return 'timestamp';
  if (typeof nonce !== 'string' || nonce.length < 16 || nonce.length > 128) return 'nonce';
  if (!isText(serviceCode)) return 'serviceCode';
  if (!isText(keyId)) return 'keyId';
  if (!isText(signData)) return 'signData';
  if (encData === undefined) {
    if (!isJson(data)) return 'data';
    return { timestamp, nonce, serviceCode, keyId, data, signData };
  }
  if (data !== undefined) return 'data';
  if (typeof encData !== 'string') return 'encData';
  if (!isText(encKey)) return 'encKey';
  if (!isText(platformKeyId)) return 'platformKeyId';
  return { timestamp, nonce, serviceCode, keyId, platformKeyId, encKey, encData, signData };
}

const isText = (value: unknown): value is string => typeof value === 'string' && value !== '' && value.length <= 1_000;

function decryptData(encKey: string | undefined, encData: string, privateKey: string): Json | undefined {
  const [wrapped, ciphertext] = [fromBase64(encKey), fromBase64(encData)];
  const messageKey = wrapped && decrypt(wrapped, privateKey);
  if (!ciphertext || messageKey?.length !== 16) return undefined;
  const text = sm4Decrypt(ciphertext, messageKey);
  try {
    const data: unknown = text === undefined ? undefined : JSON.parse(text);
    return isJson(data) ? data : undefined;
  } catch {
    return undefined;
  }
}
