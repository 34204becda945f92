import { createCipheriv, createDecipheriv, createHash, randomBytes } from 'node:crypto';
import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { sm2 } from 'sm-crypto-v2';
import type { Test } from 'tap';
import { type Bridge, type BridgeTuning, type CallerKeys, createBridge, type Status } from '../../src/bridge/bridge.ts';
import { type Clock, systemClock } from '../../src/clock.ts';
import { createOutbound } from '../../src/web/outbound/outbound.ts';

/**
 * A platform to test the bridge against: the wire of PROVINCE.md section 2 written a second time, on sm-crypto-v2
 * throughout, so that a mistake in the bridge's envelope does not agree with itself. A test says what it plays.
 */
export interface Pair {
  keyId: string;
  sign: { publicKey: string; privateKey: string };
  encrypt: { publicKey: string; privateKey: string };
}

export interface Asked {
  url: string;
  service: string;
  envelope: Record<string, unknown>;
  data: Record<string, unknown>;
}

/** How the next answers differ from right ones; each member may be left out. */
export interface Play {
  /** Refuses with this code. */
  code?: string;
  /** Changes the data before they are signed. */
  data?: (data: Record<string, unknown>) => unknown;
  /** Changes the head before it is signed. */
  head?: (head: Record<string, unknown>) => Record<string, unknown>;
  signer?: Pair;
  /** Text to encrypt in place of JSON.stringify(data). */
  plaintext?: (json: string) => string;
  /** Changes the finished envelope. */
  sealed?: (answer: Record<string, unknown>) => Record<string, unknown>;
  /** Sends it, or something else, or nothing. */
  send?: (response: ServerResponse, json: string) => void;
  /** Waits before it answers. */
  until?: Promise<unknown>;
}

export interface Platform {
  url: string;
  keysFile: string;
  asked: Asked[];
  /** What it said, as it went out. */
  said: string[];
  key: Pair;
  play: (asked: Asked) => Play | undefined;
  /** Whether X090 is answered right whatever is played, so that the breaker has no reason to open at once. */
  healthy: boolean;
  /** Milliseconds its clock is ahead. */
  ahead: number;
  /** Writes the file of the platform's keys; a key without times is always in force. */
  pin(keys: readonly (Pair & { notBefore?: number; notAfter?: number })[]): Promise<void>;
  /** Questions of a service, or all. */
  count(service?: string): number;
  stop(): Promise<void>;
}

export const person = { name: '测试甲', idNumber: '350299199001010117', mobile: '15400000117' };
export const caller: Pair = makePair('caller-1');

export function makePair(keyId: string): Pair {
  return { keyId, sign: sm2.generateKeyPairHex(), encrypt: sm2.generateKeyPairHex() };
}

export function sm3(text: string): string {
  return createHash('sm3').update(text).digest('hex');
}

/** As the wire has it, in the words of section 2. */
export function canonical(fields: Record<string, unknown>): string {
  const left = ['signData', 'encData', 'encKey', 'extra'];
  const names = Object.keys(fields).filter((name) => !left.includes(name));
  return names
    .sort()
    .map((name) => [name, tidy(fields[name])] as const)
    .filter(([, value]) => !empty(value))
    .map(([name, value]) => `${name}=${typeof value === 'object' ? JSON.stringify(value) : value}`)
    .join('&');
}

const empty = (value: unknown) =>
  value === '' || value == null || (typeof value === 'object' && !Object.keys(value).length);

function tidy(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(tidy);
  if (typeof value !== 'object' || value === null) return value;
  const kept = Object.entries(value).map(([name, inner]) => [name, tidy(inner)] as const);
  return Object.fromEntries(kept.filter(([, inner]) => !empty(inner)).sort(([one], [other]) => (one < other ? -1 : 1)));
}

const bytes = (text: string) => new Uint8Array(Buffer.from(text));

function unwrap(envelope: Record<string, unknown>, key: Pair): Record<string, unknown> {
  const hex = Buffer.from(String(envelope.encKey), 'base64').toString('hex');
  const messageKey = sm2.doDecrypt(hex.slice(2), key.encrypt.privateKey, 1, { output: 'array' });
  const sealed = Buffer.from(String(envelope.encData), 'base64');
  const decipher = createDecipheriv('sm4-cbc', messageKey, sealed.subarray(0, 16));
  return JSON.parse(Buffer.concat([decipher.update(sealed.subarray(16)), decipher.final()]).toString());
}

function wrap(text: string, publicKey: string): { encKey: string; encData: string } {
  const [messageKey, iv] = [randomBytes(16), randomBytes(16)];
  const cipher = createCipheriv('sm4-cbc', messageKey, iv);
  return {
    encKey: Buffer.from(`04${sm2.doEncrypt(new Uint8Array(messageKey), publicKey, 1)}`, 'hex').toString('base64'),
    encData: Buffer.concat([iv, cipher.update(text), cipher.final()]).toString('base64'),
  };
}

/** The record of a ticket: what the bridge reads, and some of what it must not. */
export const record: Record<string, unknown> = {
  USER_ID: 'u-0117',
  USER_TOKEN: 'token-of-u-0117',
  USER_TYPE: '1',
  USER_NAME: person.name,
  USER_MOBILE: person.mobile,
  USER_IDCARD: person.idNumber,
  CARD_TYPE: '111',
  USER_AUTHLEVEL: '2',
  USER_PWD: 'digest-of-a-password',
  POPULATION_BIRTHDAY: '1990-01-01',
  USER_JUNIORCHANNEL: null,
  USER_HIGHCHANNEL: '',
  LEGALPERSON: { COMPANYNAME: '', AGENTS: [] },
};

function serve(service: string, data: Record<string, unknown>): Record<string, unknown> {
  if (service === '062') {
    const digest = sm3(`${data.USER_NAME}|${data.USER_IDCARD}|${data.USER_MOBILE}`);
    return { RESULT: '1', PERSON_DIGEST: digest };
  }
  if (service === '103') return { ...record, TICKET_DIGEST: sm3(String(data.TRUST_TICKET)) };
  if (service === 'X020') return { USER_ID: data.USER_ID, USER_AUTHLEVEL: '2' };
  return service === 'X090' ? { STATUS: 'UP', TIME: 1 } : {};
}

/** Starts it; it ends with the test. */
export async function startPlatform(t: Test): Promise<Platform> {
  const folder = await mkdtemp(join(tmpdir(), 'egret-bridge-'));
  t.teardown(() => rm(folder, { recursive: true }));
  const platform: Platform = {
    url: '',
    keysFile: join(folder, 'platform-public.json'),
    asked: [],
    said: [],
    key: makePair('platform-1'),
    play: () => undefined,
    healthy: true,
    ahead: 0,
    async pin(keys) {
      const list = keys.map(({ keyId, sign, encrypt, notBefore = 0, notAfter = Number.MAX_SAFE_INTEGER }) => {
        return { keyId, signKey: sign.publicKey, encKey: encrypt.publicKey, notBefore, notAfter };
      });
      await writeFile(platform.keysFile, JSON.stringify({ keys: list }));
    },
    count: (service) => platform.asked.filter((one) => !service || one.service === service).length,
    stop: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };

  async function answer(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const envelope = JSON.parse(Buffer.concat(chunks).toString()) as Record<string, unknown>;
    const service = String(envelope.serviceCode);
    const data = unwrap(envelope, platform.key);
    const asked: Asked = { url: `${request.url}`, service, envelope, data };
    platform.asked.push(asked);
    const play = (platform.healthy && service === 'X090' ? undefined : platform.play(asked)) ?? {};
    await play.until;

    const now = Date.now() + platform.ahead;
    const hex = Buffer.from(String(envelope.signData), 'base64').toString('hex');
    const signed = bytes(canonical({ ...envelope, data }));
    const isTheirs = sm2.doVerifySignature(signed, hex, caller.sign.publicKey, { hash: true, der: true });
    let code = play.code ?? '0000';
    if (!isTheirs) code = '1101';
    else if (Math.abs(Number(envelope.timestamp) - now) > 300_000) code = '1102';

    const signer = play.signer ?? platform.key;
    const right = { success: code === '0000', code, msg: code === '0000' ? null : `refused ${person.name}` };
    const head = {
      ...right,
      traceId: envelope.nonce,
      timestamp: now,
      keyId: signer.keyId,
      callerKeyId: envelope.keyId,
    };
    const changed = play.head?.(head) ?? head;
    const given = serve(service, data);
    const content = code === '0000' ? (play.data ? play.data(given) : given) : undefined;
    const text = JSON.stringify(content);
    const sealed = text ? wrap(play.plaintext?.(text) ?? text, caller.encrypt.publicKey) : {};
    const toSign = bytes(canonical({ ...changed, data: content }));
    const { privateKey, publicKey } = signer.sign;
    const signature = sm2.doSignature(toSign, privateKey, { hash: true, der: true, publicKey });
    const whole = { ...changed, ...sealed, signData: Buffer.from(signature, 'hex').toString('base64') };
    const json = JSON.stringify(play.sealed?.(whole) ?? whole);
    platform.said.push(json);
    if (play.send) return play.send(response, json);
    sendJson(response, json);
  }

  const server = createServer((request, response) => {
    answer(request, response).catch((error) => {
      t.fail('the platform of the test broke', { error: String(error) });
      response.destroy();
    });
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  platform.url = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  t.teardown(() => platform.stop());
  await platform.pin([platform.key]);
  return platform;
}

export function sendJson(response: ServerResponse, body: string | Buffer, type = 'application/json'): void {
  response.writeHead(200, { 'content-type': type }).end(body);
}

export interface TestBridge extends Bridge {
  /** Every line it logged, as JSON. */
  lines: string[];
  changes: Status[];
}

export const returnUrl = 'http://localhost:4000/signin/province';

/** A bridge to the platform; with short times unless a test says otherwise. */
export function bridgeTo(
  t: Test,
  platform: { url: string; keysFile: string },
  options: {
    tuning?: Partial<BridgeTuning>;
    clock?: Clock;
    keys?: () => readonly CallerKeys[];
    fetch?: typeof globalThis.fetch;
    callerCode?: string;
  } = {},
): TestBridge {
  const lines: string[] = [];
  const log = (details: object, text: string) => lines.push(JSON.stringify({ ...details, text }));
  const bridge = createBridge({
    settings: {
      callerCode: options.callerCode ?? 'EGRET',
      returnUrl,
      url: platform.url,
      platformKeysFile: platform.keysFile,
    },
    keys: options.keys ?? (() => [caller]),
    clock: options.clock ?? systemClock,
    log: { info: log, warn: log },
    fetch: options.fetch ?? createOutbound({ development: true }),
    tuning: { deadline: 2_000, waits: [50, 100], ...options.tuning },
  });
  t.teardown(() => bridge.close());
  const changes: Status[] = [];
  bridge.onChange((status) => changes.push(status));
  return { ...bridge, lines, changes };
}
