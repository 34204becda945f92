import { bulkhead, CircuitState, circuitBreaker, handleWhenResult } from 'cockatiel';
import type { Clock } from '../clock.ts';
import { isOutage, type ProvinceCode } from './codes.ts';
import type { Answer } from './protocol.ts';

/** How the peer is, as far as this process knows. Times in milliseconds since the epoch. */
export interface Status {
  readonly up: boolean;
  /** When the outage began. */
  readonly since?: number;
  /** When we ask again whether it is over. */
  readonly nextTry?: number;
}

export interface PeerOptions {
  readonly clock: Clock;
  /** Milliseconds for all of one operation, waiting and a second try included. */
  readonly deadline: number;
  /** Calls at once, and how many may wait for one to end. */
  readonly atOnce: number;
  readonly waiting: number;
  /** Outages in a row that open the breaker. */
  readonly threshold: number;
  /** How long it stays open, in milliseconds: the first time, the second time in a row, … */
  readonly waits: readonly number[];
  /**
   * Asks whether the peer is there at all. With it, an outage of one call is looked into at once (a person whose
   * record hangs there is no outage of the platform), and an open breaker closes without a citizen's help.
   */
  readonly probe?: Work;
}

/** Rejects only when it was told to stop. */
export type Work = (signal: AbortSignal) => Promise<Answer>;

export interface Peer {
  /** Runs within the deadline, the bounds and the breaker. Never rejects. */
  run(work: Work, given?: AbortSignal): Promise<Answer>;
  /** Asks now, whatever the breaker says; what comes of it counts. */
  look(): Promise<Answer>;
  status(): Status;
  onChange(listener: (status: Status) => void): () => void;
  close(): void;
}

// Who answers our probes but has served nobody since is on probation: one outage more opens the breaker again.
const probation = 60_000;

// When to try again is decided on the monotonic clock. cockatiel would count on the wall clock, which may be set back.
const decidedHere = { duration: Number.NEGATIVE_INFINITY, next: () => decidedHere };

export function createPeer(options: PeerOptions): Peer {
  const { clock, threshold, waits } = options;
  const listeners = new Set<(status: Status) => void>();
  const bounds = bulkhead(options.atOnce, options.waiting);

  // Since somebody was last served: outages in a row, when the first one was, how often the breaker opened, what it was.
  let failures = 0;
  let since: number | undefined;
  let openings = 0;
  let lastCode: ProvinceCode = '9001';
  let probationEnds = Number.POSITIVE_INFINITY;
  // While it is open.
  let due = { monotonic: 0, epoch: 0 };
  let timer: NodeJS.Timeout | undefined;
  let looking: Promise<Answer> | undefined;
  let closed = false;

  const breaker = circuitBreaker(
    handleWhenResult((result) => isFailure(result as Answer)),
    {
      halfOpenAfter: decidedHere,
      breaker: { state: undefined, success: () => {}, failure: () => failures >= threshold },
    },
  );
  const isClosed = () => breaker.state === CircuitState.Closed;

  breaker.onBreak(() => {
    const wait = waits[Math.min(openings, waits.length - 1)] ?? 0;
    openings += 1;
    due = { monotonic: clock.monotonic() + wait, epoch: clock.now() + wait };
    arm(wait);
    tell();
  });
  breaker.onReset(() => {
    clearTimeout(timer);
    tell();
  });

  /** Looks after a while, and again at once where that look was one that had begun before the breaker opened. */
  function arm(wait: number) {
    clearTimeout(timer);
    if (!options.probe || closed) return;
    const lookAgain = async () => {
      await look();
      if (breaker.state === CircuitState.Open && clock.monotonic() >= due.monotonic) arm(0);
    };
    timer = setTimeout(() => void lookAgain(), wait).unref();
  }

  const status = (): Status => (isClosed() ? { up: true } : { up: false, since, nextTry: due.epoch });
  function tell() {
    for (const listener of listeners) listener(status());
  }

  function served() {
    failures = 0;
    openings = 0;
    since = undefined;
    probationEnds = Number.POSITIVE_INFINITY;
  }

  function failed(code: ProvinceCode, begunAt: number) {
    if (clock.monotonic() > probationEnds) served();
    failures += 1;
    since ??= begunAt;
    lastCode = code;
  }

  /** Lets the breaker count a real call. */
  async function counted(work: () => Promise<Answer>): Promise<Answer> {
    const begunAt = clock.now();
    return breaker.execute(async () => {
      const answer = await work();
      if (isFailure(answer)) failed(answer.code, begunAt);
      // A late success of before the breaker opened leaves it to the next trial.
      else if (breaker.state !== CircuitState.Open) served();
      return answer;
    });
  }

  async function probe(ask: Work): Promise<Answer> {
    const begunAt = clock.now();
    const halfOpen = breaker.state === CircuitState.Open;
    const once = async () => {
      const answer = await within(options.deadline, ask);
      if (isFailure(answer)) {
        failed(answer.code, begunAt);
        failures = Math.max(failures, threshold);
      } else if (halfOpen) {
        failures = threshold - 1;
        probationEnds = clock.monotonic() + probation;
      }
      return answer;
    };
    if (halfOpen) return breaker.execute(once);
    // The breaker is closed: a probe that succeeds says nothing about the calls that failed, so it does not count.
    const answer = await once();
    return isFailure(answer) && isClosed() ? breaker.execute(() => answer) : answer;
  }

  function look(): Promise<Answer> {
    if (!options.probe) return Promise.resolve({ ok: false, code: '9999', why: 'no probe' });
    looking ??= probe(options.probe).finally(() => {
      looking = undefined;
    });
    return looking;
  }

  return {
    async run(work, given) {
      const early = breaker.state === CircuitState.HalfOpen || clock.monotonic() < due.monotonic;
      if (!isClosed() && early) return { ok: false, code: lastCode, why: 'breaker open' };
      if (bounds.executionSlots + bounds.queueSlots === 0) return { ok: false, code: '3001', why: 'too many at once' };
      const bounded: Work = (signal) => bounds.execute(() => work(signal), signal);
      const answer = await counted(() => within(options.deadline, bounded, given));
      if (isFailure(answer) && isClosed() && options.probe && !closed) void look();
      return answer;
    },
    look,
    status,
    onChange(listener) {
      listeners.add(listener);
      return () => listeners.delete(listener);
    },
    close() {
      closed = true;
      clearTimeout(timer);
    },
  };
}

function isFailure(answer: Answer): answer is Extract<Answer, { ok: false }> {
  return !answer.ok && isOutage(answer.code);
}

/** What the work answers, or 9002 when its time is up, whether or not it heeds the signal. */
function within(deadline: number, work: Work, given?: AbortSignal): Promise<Answer> {
  const timeUp = new AbortController();
  const signal = given ? AbortSignal.any([given, timeUp.signal]) : timeUp.signal;
  return new Promise((resolve) => {
    const timer = setTimeout(() => timeUp.abort(), deadline);
    const giveUp = () => resolve({ ok: false, code: '9002', why: 'no answer in time' });
    if (signal.aborted) giveUp();
    else signal.addEventListener('abort', giveUp, { once: true });
    work(signal)
      .catch((): Answer => ({ ok: false, code: '9002', why: 'gave up waiting' }))
      .then(resolve)
      .finally(() => clearTimeout(timer));
  });
}
