import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';
import { startProvince } from '../../../src/demo/province/province.ts';
import { type Answer, type Caller, newCaller, open, type PublicKeys, publicKeysOf, seal } from './client.ts';

export const returnUrl = 'http://localhost:4000/signin/province/return?state=abc';
export const start = Date.UTC(2026, 10, 24, 2, 0, 0);

export interface Asking {
  path?: string;
  caller?: Caller;
  fault?: string;
  nonce?: string;
  timestamp?: number;
  change?: object;
  after?: object;
  messageKey?: Buffer;
  signal?: AbortSignal;
}

/** A simulator on a port of its own, with a clock that stands still, and one registered caller. */
export async function world(t: Test) {
  const data = t.testdir();
  const clock = { time: start, now: () => clock.time };
  const province = await startProvince({ port: 0, data, clock });
  t.teardown(() => province.close());
  const { url } = province;
  const caller = newCaller();

  async function sim(method: string, path: string, body?: unknown) {
    const headers: Record<string, string> = body === undefined ? {} : { 'content-type': 'application/json' };
    const response = await fetch(`${url}/__sim/${path}`, {
      method,
      headers,
      body: body === undefined ? undefined : JSON.stringify(body),
    });
    const text = await response.text();
    return { status: response.status, body: text.startsWith('{') ? JSON.parse(text) : text };
  }
  const register = (by: Caller, more: object = {}) =>
    sim('POST', 'callers', {
      callerCode: by.code,
      returnUrlPrefixes: ['http://localhost:4000/signin/'],
      smsSignature: '城市',
      keys: [publicKeysOf(by)],
      ...more,
    });
  await register(caller);
  const platform = (): PublicKeys[] => JSON.parse(readFileSync(join(data, 'platform-public.json'), 'utf8')).keys;

  const post = (path: string, body: unknown, options: { fault?: string; signal?: AbortSignal } = {}) =>
    fetch(url + path, {
      method: 'POST',
      headers: { 'content-type': 'application/json', ...(options.fault && { 'x-sim-fault': options.fault }) },
      body: typeof body === 'string' ? body : JSON.stringify(body),
      signal: options.signal,
    });

  /** The raw response to a sealed question. */
  function send(serviceCode: string, given: object, asking: Asking = {}): Promise<Response> {
    const { path = serviceCode === 'SMS' ? '/sms/send' : '/gateway/v2/invoke', caller: by = caller } = asking;
    const { nonce, timestamp = clock.time } = asking;
    const question = { serviceCode, data: given, timestamp, ...(nonce && { nonce }) };
    return post(path, seal(by, platform()[0]!, question, asking), asking);
  }

  async function ask(serviceCode: string, given: object, asking: Asking = {}): Promise<Answer> {
    const answer = (await (await send(serviceCode, given, asking)).json()) as Record<string, unknown>;
    const key = platform().find(({ keyId }) => keyId === answer.keyId);
    return open(answer, asking.caller ?? caller, key!);
  }

  /** Signs in on the login page with the form's fields; the ticket in the address it leads to. */
  async function signIn(fields: Record<string, string>, more: Record<string, string> = {}) {
    const response = await fetch(`${url}/dataset/UnifiedController/login.do`, {
      method: 'POST',
      redirect: 'manual',
      body: new URLSearchParams({ callerCode: caller.code, returnurl: returnUrl, ...fields, ...more }),
    });
    const location = response.headers.get('location');
    const ticket = location && new URL(location).searchParams.get('trustticket');
    return { response, location, ticket: ticket ?? '' };
  }

  const three = (row: { name: string; number: string; mobile: string }) => ({
    USER_NAME: row.name,
    USER_IDCARD: row.number,
    USER_MOBILE: row.mobile,
  });
  const exchange = (ticket: string, asking: Asking & { returnUrl?: string } = {}) =>
    ask('103', { TRUST_TICKET: ticket, RETURN_URL: asking.returnUrl ?? returnUrl }, asking);

  return { url, data, clock, caller, platform, sim, register, post, send, ask, signIn, three, exchange };
}

export type World = Awaited<ReturnType<typeof world>>;

export const jia = { name: '测试甲', number: '350299199001010117', mobile: '15400000117' };
export const yi = { name: '测试乙', number: '350299199001010221', mobile: '15400000221' };
