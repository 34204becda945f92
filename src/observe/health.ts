import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';

/** How this process stands with its stores (DESIGN rule 3), and the code that people are told. */
export const standings = {
  ready: { ready: true, serves: true, code: undefined, text: 'both stores answer' },
  'records-away': {
    ready: true,
    serves: true,
    code: 'EG-1702',
    text: 'no process reaches PostgreSQL: who is signed in roams on, nobody signs in',
  },
  'records-away-here': {
    ready: false,
    serves: false,
    code: 'EG-1702',
    text: 'this process does not reach PostgreSQL, others do or nobody knows: it serves nobody',
  },
  'records-away-too-long': {
    ready: false,
    serves: false,
    code: 'EG-1702',
    text: 'PostgreSQL has been away longer than people may roam without it: nobody is served',
  },
  'state-away': {
    ready: false,
    serves: false,
    code: 'EG-1703',
    text: 'the protocol state is not reached: nobody is served',
  },
  'keys-stale': {
    ready: false,
    serves: true,
    code: undefined,
    text: 'this process has not known for ten seconds whether its keys are the latest',
  },
  'keys-behind': {
    ready: false,
    serves: false,
    code: 'EG-1702',
    text: 'PostgreSQL went before this process had the latest keys: it serves nobody',
  },
} as const satisfies Record<string, StandingMeans>;
interface StandingMeans {
  /** Said to the balancer. */
  readonly ready: boolean;
  /** Whether requests are answered. */
  readonly serves: boolean;
  readonly code: 'EG-1702' | 'EG-1703' | undefined;
  /** For the log. */
  readonly text: string;
}
export type Standing = keyof typeof standings;

export interface Beat {
  /** Milliseconds since some process last reached the records. */
  readonly age: number;
  readonly epoch: number;
}

export interface HealthNeeds {
  readonly clock: Pick<Clock, 'monotonic'>;
  readonly records: {
    /** Reads what was ended; rejects where PostgreSQL does not answer, or takes no writes. */
    look(): Promise<void>;
    /** Milliseconds since the last reading that succeeded was begun. */
    age(): number;
  };
  /** Rejects where the protocol state does not answer. */
  readonly state: () => Promise<void>;
  readonly keys: { readonly epoch: number; age(): number };
  /** Absent where PostgreSQL has the protocol state: then there is nothing to go on with without it. */
  readonly heartbeat?: {
    beat(epoch: number): Promise<void>;
    /** Hears the others, and what was ended in the last so many milliseconds before. */
    listen(since: number): Promise<Beat>;
  };
  /** Milliseconds that people may roam without records. */
  readonly withoutRecords: number;
  /** Told once each time the standing changes. */
  readonly onChange: (now: Standing, before: Standing) => void;
}

export interface Health {
  /** As of now; ages are compared at this moment, so that a process that slept does not go on with what it knew. */
  standing(): Standing;
  /** Nothing where this process may serve; rejects with EG-1702 or EG-1703 where it may not. */
  assure(): Promise<void> | undefined;
  /** Nobody reaches the records: what needs them is refused without asking them. */
  withoutRecords(): boolean;
  /** Whether each store answered at the latest look, which is made now where the last one is too old. */
  seen(): Promise<{ readonly records: boolean; readonly state: boolean }>;
  start(): void;
  stop(): void;
}

const interval = 400;
const patience = 800;
/** What is older than this is not known any more: above an interval and a slow answer, below the 2 s of the design. */
const known = 1_750;
/** A heartbeat younger than this is of a process that has the records: when all lose them, it is older once `known` ends. */
const fresh = 1_200;
const keysKnown = 10_000;
/** Endings of so long before the records went are heard again. */
const lookBack = 10_000;

export function createHealth(needs: HealthNeeds): Health {
  const { clock, records, keys, heartbeat } = needs;
  let looked = clock.monotonic();
  let stateSeen = clock.monotonic();
  let stateAnswers = true;
  let recordsAnswer = true;
  let heard: (Beat & { at: number }) | undefined;
  let said: Standing = 'ready';
  let looking: Promise<void> | undefined;
  let timer: NodeJS.Timeout | undefined;

  function assess(): Standing {
    const now = clock.monotonic();
    const age = records.age();
    if (!heartbeat && age > known) return 'records-away-here';
    if (!stateAnswers && now - stateSeen > known) return 'state-away';
    if (age <= known) return keys.age() > keysKnown ? 'keys-stale' : 'ready';
    if (!heard || now - heard.at > known || heard.age + now - heard.at <= fresh) return 'records-away-here';
    if (heard.epoch > keys.epoch) return 'keys-behind';
    return age > needs.withoutRecords ? 'records-away-too-long' : 'records-away';
  }
  function standing(): Standing {
    const now = assess();
    const before = said;
    said = now;
    if (now !== before) needs.onChange(now, before);
    return now;
  }
  async function once(): Promise<void> {
    const asking = needs.state().then(() => {
      stateSeen = clock.monotonic();
    });
    const [recordsNow, stateNow] = await Promise.all([answers(records.look()), answers(asking)]);
    recordsAnswer = recordsNow;
    stateAnswers = stateNow;
    if (heartbeat && stateNow && recordsNow) await answers(heartbeat.beat(keys.epoch));
    if (heartbeat && stateNow && !recordsNow) {
      const asked = clock.monotonic();
      await answers(
        heartbeat.listen(records.age() + lookBack).then((beat) => {
          heard = { ...beat, at: asked };
        }),
      );
    }
    looked = clock.monotonic();
    standing();
  }
  const look = (): Promise<void> => {
    looking ??= once().finally(() => {
      looking = undefined;
    });
    return looking;
  };
  /** The timer has not come round for so long that nothing is known. */
  const slept = (): boolean => clock.monotonic() - looked > known;
  const refusal = (): EgretError | undefined => {
    const { serves, code } = standings[standing()];
    return serves || !code ? undefined : new EgretError(code, { params: { retryAfter: 1 } });
  };

  return {
    standing,
    withoutRecords: () => !recordsAnswer && records.age() > known,
    assure() {
      const refused = refusal();
      if (!refused) return undefined;
      // it slept, or is so busy that it knows nothing of late: one look tells whether anything is wrong at all
      if (!slept() && !(recordsAnswer && stateAnswers)) return Promise.reject(refused);
      return look().then(() => {
        const still = refusal();
        if (still) throw still;
      });
    },
    async seen() {
      if (slept()) await look();
      return { records: recordsAnswer, state: stateAnswers };
    },
    start() {
      const round = (): void => {
        void look().finally(() => {
          if (timer) timer = setTimeout(round, interval).unref();
        });
      };
      timer ??= setTimeout(round, 0).unref();
    },
    stop() {
      clearTimeout(timer);
      timer = undefined;
    },
  };
}

/** Whether this resolves in time. */
async function answers(work: Promise<unknown>): Promise<boolean> {
  let timer: NodeJS.Timeout | undefined;
  const late = new Promise<false>((done) => {
    // a busy process comes to its timers before it reads what has arrived: it reads once more
    timer = setTimeout(() => setImmediate(() => setImmediate(done, false)), patience);
  });
  const asked = work.then(
    () => true,
    () => false,
  );
  return Promise.race([asked, late]).finally(() => clearTimeout(timer));
}
