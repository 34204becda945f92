import pino, { type Logger } from 'pino';

/**
 * The log of a process, JSON lines on standard output. They are written together, at the latest a tenth of a second
 * after they were said and when the process exits: a write of its own for each line cost as much as signing a token.
 * What a kill -9 takes with it is that tenth of a second; what must not be lost is an audit event.
 */
export function openLog(level: string): Logger {
  return pino(
    { level, base: undefined },
    pino.destination({ fd: 1, sync: false, minLength: 12_288, periodicFlush: 100 }),
  );
}
