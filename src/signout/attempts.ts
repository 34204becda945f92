import type { FastifyRequest } from 'fastify';
import type { Code } from '../errors.ts';
import type { EndingNeeds } from './ending.ts';

/** Told to the trail by one process in a minute; whoever sends more is in the log all the same. */
const most = 100;
const minute = 60_000;

/** Sign-out requests that were refused: nobody knows who sent them, so they are counted before they cost a write. */
export function recordAttempts({ database, audit, clock, clients }: EndingNeeds) {
  let since = 0;
  let told = 0;
  /** @param named what the request called its client; told only where there is one of that name */
  return async (request: FastifyRequest, reason: string, code: Code, named?: unknown): Promise<void> => {
    request.log.warn({ reason }, 'sign-out request refused');
    const now = clock.now();
    if (now - since >= minute) [since, told] = [now, 0];
    told += 1;
    if (told > most) return;
    const client = typeof named === 'string' && clients.snapshot().clients.has(named) ? { client: named } : {};
    try {
      await database.begin((tx) =>
        audit.record(tx, { type: 'sign-out.refused', outcome: 'refused', code, ...client, detail: { reason } }),
      );
    } catch (error) {
      // it is refused, with or without the records
      request.log.error({ code: (error as { code?: string }).code }, 'a refused sign-out request was not recorded');
    }
  };
}
