import { createHmac } from 'node:crypto';
import type { Clock } from '../clock.ts';
import { meanings, type ProvinceCode } from './codes.ts';
import type { Random } from './envelope.ts';
import type { Peer } from './peer.ts';
import type { Answer } from './protocol.ts';
import { createQuota } from './quota.ts';
import type { Fields } from './strict-json.ts';

export interface Log {
  info(details: object, text: string): void;
  warn(details: object, text: string): void;
}

/** What came of a question: an answer, a refusal, 3xxx, an outage; or it was not asked at all. */
export type Asked = 'ok' | 'refused' | 'later' | 'outage' | 'not-asked';
/** Told of every question, with the seconds it took where it was asked. */
export type OnAsked = (service: string, what: Asked, seconds?: number) => void;

/** Whether the data is about what was asked; if not, a word of ours for the log. */
type Fits = (data: Fields) => true | string;

interface Question {
  readonly service: string;
  readonly data: Fields;
  readonly peer: Peer;
  readonly path: string;
  /** Who the question is about, for the back-off of 3002. */
  readonly person?: string;
  readonly signal?: AbortSignal;
}

interface AskingNeeds {
  readonly clock: Clock;
  readonly log: Log;
  readonly random: Random;
  readonly quotaWaits: readonly number[];
  readonly onAsked?: OnAsked;
  /** Sends one question, whatever peer and back-off say. */
  readonly send: (path: string, service: string, data: Fields, signal: AbortSignal) => Promise<Answer>;
}

/** Asks within a peer's bounds, backs off from who answered 3xxx, and says in the log how it went. */
export function createAsking({ clock, log, random, quotaWaits, onAsked, send }: AskingNeeds) {
  const quota = createQuota(clock, quotaWaits);
  // So that what is remembered of a person for the back-off is of no use outside this process.
  const personKey = random(32);

  /** Checks the data against the question, and logs: codes and words of ours, nothing of what was asked or answered. */
  async function asked(service: string, sent: Promise<Answer>, fits: Fits): Promise<Answer> {
    const begunAt = clock.monotonic();
    let answer = await sent;
    if (answer.ok) {
      const verdict = fits(answer.data);
      if (verdict !== true) answer = { ok: false, code: '9999', why: verdict, trace: answer.trace };
    }
    const ms = clock.monotonic() - begunAt;
    const details = { service, trace: answer.trace, ms: Math.round(ms) };
    onAsked?.(service, outcomeOf(answer), ms / 1000);
    if (answer.ok) log.info(details, 'the province answered');
    else
      log[isWorthAWarning(answer.code) ? 'warn' : 'info']({ ...details, ...reasonOf(answer) }, 'the province refused');
    return answer;
  }

  /** One question: 3001 or 3002, unasked, while we back off; 9xxx while the peer is away. Never rejects. */
  async function ask(question: Question, fits: Fits): Promise<Answer> {
    const { service, data, peer, path } = question;
    const whose = question.person && createHmac('sha256', personKey).update(question.person).digest('base64');
    if (quota.isEarly(service)) return refusedHere(service, '3001', 'backing off');
    if (whose && quota.isEarly(whose)) return refusedHere(service, '3002', 'backing off');
    let wasAsked = false;
    const answer = await peer.run((signal) => {
      wasAsked = true;
      return asked(service, send(path, service, data, signal), fits);
    }, question.signal);
    if (!wasAsked) return answer.ok ? answer : refusedHere(service, answer.code, answer.why);
    if (!answer.ok && answer.code === '3001') quota.refused(service);
    else if (!answer.ok && answer.code === '3002' && whose) quota.refused(whose);
    else if (answer.ok || meanings[answer.code].behaviour !== 'outage') {
      quota.answered(service);
      if (whose) quota.answered(whose);
    }
    return answer;
  }

  function refusedHere(service: string, code: ProvinceCode, why?: string): Answer {
    onAsked?.(service, 'not-asked');
    log.warn({ service, ...reasonOf({ code, why }) }, 'the province was not asked');
    return { ok: false, code, why };
  }

  return { ask, asked };
}

const reasonOf = ({ code, why }: { code: ProvinceCode; why?: string }) => ({
  code,
  why,
  means: meanings[code].operator,
});
function outcomeOf(answer: Answer): Asked {
  if (answer.ok) return 'ok';
  const { behaviour } = meanings[answer.code];
  return behaviour === 'outage' || behaviour === 'later' ? behaviour : 'refused';
}
const isWorthAWarning = (code: ProvinceCode) => ['outage', 'later'].includes(meanings[code].behaviour);
