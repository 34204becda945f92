/**
 * Our side of the wire to the province: the questions we ask it (three-factor check, ticket, level, health, SMS), the
 * strict envelope they travel in, and what its answers and codes mean here. It believes an answer only when it is
 * signed by a pinned key, of just now, and about what was asked; whatever is not is an outage, never a success and
 * never the citizen's mistake. A question takes 3 seconds at most, and an outage is known here before it is asked.
 *
 * It does not own accounts or links to them, the citizen's pages, the limits on what a person may ask, its own keys
 * (src/keys holds them), nor the platform's (a file pinned by the operator). It has no routes; the browser goes to the
 * province by `loginUrl` and comes back to an address of signin, which binds the ticket to that browser.
 */
import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';
import type { Fetch } from '../web/outbound/outbound.ts';
import { type Level, type ProvincePerson, readLevel, readPerson } from './answers.ts';
import { createAsking, type Log, type OnAsked } from './asking.ts';
import { type Behaviour, type MirroredCode, meanings } from './codes.ts';
import { type CallerKeys, type Random, sm3Hex } from './envelope.ts';
import { createPeer, type Status } from './peer.ts';
import { platformKeys } from './platform-keys.ts';
import { type Answer, createProtocol } from './protocol.ts';
import { type BridgeTuning, defaultTuning } from './tuning.ts';

export type { Level, ProvincePerson } from './answers.ts';
export type { Log } from './asking.ts';
export type { Behaviour, Meaning, MirroredCode, ProvinceCode } from './codes.ts';
export { meanings } from './codes.ts';
export type { CallerKeys } from './envelope.ts';
export type { Status } from './peer.ts';
export type { BridgeTuning } from './tuning.ts';

export interface BridgeSettings {
  /** The platform: origin, and a path in front where there is one. The only host this room ever calls. */
  readonly url: string;
  /** Who we are there. */
  readonly callerCode: string;
  /** JSON {"keys": [{keyId, signKey, encKey, notBefore, notAfter}]}, exchanged out of band. */
  readonly platformKeysFile: string;
  /** Where the browser comes back to, as registered there; a path below it or a query may follow. */
  readonly returnUrl: string;
}

export interface BridgeOptions {
  readonly settings: BridgeSettings;
  /** Ours, the current one first (`keys.bridgeKeys`). */
  readonly keys: () => readonly CallerKeys[];
  readonly clock: Clock;
  readonly log: Log;
  readonly onAsked?: OnAsked;
  readonly random?: Random;
  /** Calls the platform, where policy allows it (web/outbound/outbound.ts). */
  readonly fetch: Fetch;
  readonly tuning?: Partial<BridgeTuning>;
}

export interface Refusal<B extends Behaviour = Behaviour> {
  readonly ok: false;
  /** Its texts are in the catalogue. */
  readonly code: MirroredCode;
  readonly behaviour: B;
  /** The trace id of the question, for the operator; absent where none was sent. */
  readonly trace?: string;
}

export type RealNameBehaviour = Exclude<Behaviour, 'restart' | 'end-organisation'>;
export type RealNameAnswer = { readonly ok: true; readonly trace: string } | Refusal<RealNameBehaviour>;
export type TicketAnswer = { readonly ok: true; readonly person: ProvincePerson; readonly trace: string } | Refusal;
export type LevelAnswer = { readonly ok: true; readonly level: Level } | Refusal;
export type PlainAnswer = { readonly ok: true } | Refusal;

/** As normalised by accounts. */
export interface ThreeFactors {
  readonly name: string;
  readonly idNumber: string;
  readonly mobile: string;
}

export interface Sms {
  /** A repeated one is sent once. */
  readonly requestId: string;
  readonly mobile: string;
  /** `code` {code, minutes} or `notice` {text}. */
  readonly template: string;
  readonly params: Readonly<Record<string, string | number>>;
}

/** Nothing here rejects for what the province does or fails to do. */
export interface Bridge {
  /** Service 062: do name, number and mobile belong to one person? */
  checkRealName(person: ThreeFactors): Promise<RealNameAnswer>;
  /** Where the browser goes to sign in there. EG-1700 when `returnUrl` is not below the registered one. */
  loginUrl(returnUrl: string): string;
  /** Service 103: spends a trust ticket. Never asked twice: a second use would revoke the session there. */
  redeemTicket(ticket: string, returnUrl: string): Promise<TicketAnswer>;
  /** Service X020. */
  realNameLevel(user: { readonly userId: string; readonly userToken: string }): Promise<LevelAnswer>;
  /** Service X090, whatever the breaker says. */
  health(): Promise<PlainAnswer>;
  /** One attempt: retry on the behaviours `outage` and `later`, with the same requestId. */
  sendSms(message: Sms, signal?: AbortSignal): Promise<PlainAnswer>;
  /** Of real names and provincial sign-in, for the banner. SMS is a peer of its own: local sign-ins live on it. */
  status(): Status;
  smsStatus(): Status;
  /** Called when the status changed; returns how to stop. */
  onChange(listener: (status: Status) => void): () => void;
  /** Asks nothing more by itself. */
  close(): void;
}

export function createBridge(options: BridgeOptions): Bridge {
  const { settings, keys, clock, log, random = randomBytes, fetch } = options;
  const tuning = { ...defaultTuning, ...options.tuning };
  const { url, callerCode } = settings;
  const platform = platformKeys(settings.platformKeysFile, clock);
  const protocol = createProtocol({ url, callerCode, keys, platform, clock, random, fetch });
  const { ask, asked } = createAsking({
    clock,
    log,
    random,
    quotaWaits: tuning.quotaWaits,
    onAsked: options.onAsked,
    send: protocol.ask,
  });

  const realNames = createPeer({
    ...tuning,
    clock,
    probe: (signal) =>
      asked(
        'X090',
        protocol.ask(gateway.path, 'X090', {}, signal),
        ({ STATUS }) => STATUS === 'UP' || 'it says it is not up',
      ),
  });
  const messages = createPeer({ ...tuning, clock });
  const gateway = { path: '/gateway/v2/invoke', peer: realNames };

  return {
    async checkRealName({ name, idNumber, mobile }) {
      const digest = sm3Hex(`${name}|${idNumber}|${mobile}`);
      const data = { USER_NAME: name, USER_IDCARD: idNumber, USER_MOBILE: mobile };
      const answer = await ask({ ...gateway, service: '062', data, person: idNumber }, ({ RESULT, PERSON_DIGEST }) => {
        if (PERSON_DIGEST !== digest) return 'about another person';
        return RESULT === '1' || 'success without a result';
      });
      if (answer.ok) return { ok: true, trace: answer.trace };
      const { behaviour, ...refused } = refusal(answer);
      // A code that has no meaning for this question is no answer to it.
      if (behaviour === 'restart' || behaviour === 'end-organisation')
        return { ...refused, code: 'EG-P9999', behaviour: 'outage' };
      return { ...refused, behaviour };
    },

    loginUrl(returnUrl) {
      if (!isBelow(returnUrl, settings.returnUrl))
        throw new EgretError('EG-1700', { log: 'a return address that the province does not know' });
      const query = new URLSearchParams({ callerCode, returnurl: returnUrl });
      return `${url.replace(/\/+$/, '')}/dataset/UnifiedController/login.do?${query}`;
    },

    async redeemTicket(ticket, returnUrl) {
      // 256 bits in some base; what cannot be a ticket is not carried there.
      if (!/^[\w.~+/=-]{16,256}$/.test(ticket)) return refusal({ ok: false, code: '1201' });
      let person: ProvincePerson | undefined;
      const data = { TRUST_TICKET: ticket, RETURN_URL: returnUrl };
      const answer = await ask({ ...gateway, service: '103', data }, (record) => {
        if (record.TICKET_DIGEST !== sm3Hex(ticket)) return 'the record of another ticket';
        person = readPerson(record);
        return person !== undefined || 'a record without what is needed';
      });
      if (!answer.ok) return refusal(answer);
      return person ? { ok: true, person, trace: answer.trace } : refusal({ ok: false, code: '9999' });
    },

    async realNameLevel({ userId, userToken }) {
      let level: Level | undefined;
      const data = { USER_ID: userId, USER_TOKEN: userToken };
      const answer = await ask({ ...gateway, service: 'X020', data }, ({ USER_ID, USER_AUTHLEVEL }) => {
        if (USER_ID !== userId) return 'about another person';
        level = readLevel(USER_AUTHLEVEL);
        return level !== undefined || 'no level';
      });
      if (!answer.ok) return refusal(answer);
      return level === undefined ? refusal({ ok: false, code: '9999' }) : { ok: true, level };
    },

    async health() {
      const answer = await realNames.look();
      return answer.ok ? { ok: true } : refusal(answer);
    },

    async sendSms({ requestId, mobile, template, params }, signal) {
      const data = { requestId, mobile, template, params };
      const question = { service: 'SMS', data, peer: messages, path: '/sms/send', signal };
      const answer = await ask(question, ({ REQUEST_ID = requestId }) => {
        return REQUEST_ID === requestId || 'about another message';
      });
      return answer.ok ? { ok: true } : refusal(answer);
    },

    status: realNames.status,
    smsStatus: messages.status,
    onChange: realNames.onChange,
    close() {
      realNames.close();
      messages.close();
    },
  };
}

function refusal({ code, trace }: Extract<Answer, { ok: false }>): Refusal {
  const meaning = meanings[code];
  return { ok: false, code: meaning.code, behaviour: meaning.behaviour, ...(trace && { trace }) };
}

/** The registered address itself, or a path below it, with any query. */
function isBelow(address: string, registered: string): boolean {
  if (!URL.canParse(address)) return false;
  const [one, other] = [new URL(address), new URL(registered)];
  const below = one.pathname === other.pathname || one.pathname.startsWith(`${other.pathname.replace(/\/$/, '')}/`);
  return one.origin === other.origin && below && !one.username && !one.password && !one.hash;
}
