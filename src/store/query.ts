/** A query of the driver, with the parts that its types do not show (the driver is pinned exactly). */
export interface Query {
  handler: (query: Query) => unknown;
  canceller: ((query: Query) => Promise<unknown>) | null;
  resolve: (value: unknown) => void;
  reject: (error: unknown) => void;
  /** The backend it was sent to; null while it waits for a connection. */
  state: unknown;
  streaming?: boolean;
  cursorFn?: unknown;
}

export interface Rules {
  /** Milliseconds from being asked to being answered. */
  deadline: number;
  /** An error refuses the query, before anything is sent. */
  before(): Error | undefined | Promise<Error | undefined>;
  /** Once, when it is answered, fails, or is late; `asked` is a time of the monotonic clock. */
  after(error: unknown, query: Query, asked: number): void;
}

/** Puts rules on a query from the moment it is sent off. Anything else the driver makes is left as it is. */
export function govern<T>(made: T, rules: Rules): T {
  const query = made as unknown as Query;
  if (typeof query?.handler !== 'function') return made;
  const send = query.handler;
  query.handler = (sent) => {
    const asked = performance.now();
    const go = (refused: Error | undefined) => {
      if (refused) return sent.reject(refused);
      const { resolve, reject } = sent;
      let over = false;
      const settle = (error: unknown) => {
        if (over) return;
        over = true;
        clearTimeout(timer);
        rules.after(error, sent, asked);
      };
      sent.resolve = (value) => {
        settle(undefined);
        resolve(value);
      };
      sent.reject = (error) => {
        ofRecords(error);
        settle(error ?? new Error('rejected'));
        reject(error);
      };
      // Streams and cursors take as long as their readers.
      const timer =
        sent.streaming || sent.cursorFn || rules.deadline === Number.POSITIVE_INFINITY
          ? undefined
          : setTimeout(() => sent.reject(failure(timedOut, `no answer within ${rules.deadline} ms`)), rules.deadline);
      return send(sent);
    };
    const refused = rules.before();
    return refused instanceof Promise ? refused.then(go) : go(refused);
  };
  return made;
}

/** Errors of this driver, from connecting to answering: both stores fail by the same codes of the system. */
const ours = new WeakSet<object>();
export const isOfRecords = (error: unknown): boolean => typeof error === 'object' && error !== null && ours.has(error);
export function ofRecords<E>(error: E): E {
  if (typeof error === 'object' && error !== null) ours.add(error);
  return error;
}

export const timedOut = 'QUERY_TIMEOUT';
export const exhausted = 'POOL_EXHAUSTED';

/** An error with a code, as the driver makes them. */
export function failure(code: string, message: string): Error {
  return Object.assign(new Error(message), { code });
}

/** Whether an established connection went away under a query, so that nothing is known of its effect. */
export function isLost(error: unknown): boolean {
  return lost.has((error as { code?: string } | null)?.code ?? '');
}

const lost = new Set([
  timedOut,
  'CONNECTION_CLOSED',
  'CONNECTION_DESTROYED',
  'ECONNRESET',
  'ECONNABORTED',
  'EPIPE',
  'ETIMEDOUT',
  // admin_shutdown, crash_shutdown, idle_session_timeout, idle_in_transaction_session_timeout
  '57P01',
  '57P02',
  '57P05',
  '25P03',
]);
