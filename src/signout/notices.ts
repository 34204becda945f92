import type { Visit } from '../provider/provider.ts';
import { type EndingNeeds, endedEvent, tell, tellLate } from './ending.ts';

/** How many sessions one transaction tells of. */
const batch = 20;
/** Milliseconds: what a process left that died half-way, another finds within this time. */
const atLeast = 60_000;

/**
 * Tells the departments of sessions that were ended all at once: a password was reset, an account disabled, its sign-ins
 * ended from the command line. Whoever does that need not reach the protocol state; it leaves a record, and any process
 * that hears of it reads which departments the session was in, writes the notices, and marks the record, in one
 * transaction. Where the protocol state or the records are away, it tries again each second.
 */
export function tellOfEndings(needs: EndingNeeds & { readonly onTrouble: (error: unknown) => void }) {
  const { database, audit, outbox, sessions, browserSessions, clock } = needs;
  let running: Promise<void> | undefined;
  let again = false;
  let failed = false;
  let asked = 0;
  let timer: NodeJS.Timeout | undefined;
  let stopListening: (() => void) | undefined;

  async function some(): Promise<number> {
    const over = await database.begin(async (tx) => {
      const rows = (await sessions.untold(tx, batch)).map((row) => ({ ...row, visits: [] as readonly Visit[] }));
      for (const row of rows) {
        const { digest, bucket, accountId, endedBy } = row;
        const inside = await browserSessions.visits(digest, bucket);
        if (inside?.accountId !== accountId) continue;
        row.visits = inside.visits;
        const told = await tell(needs, tx, row, row.visits, true);
        await audit.record(tx, endedEvent(needs, accountId, endedBy, told));
      }
      if (rows.length > 0)
        await sessions.markTold(
          tx,
          rows.map(({ digest }) => digest),
        );
      return rows;
    });
    for (const { visits, endedBy, ...row } of over) {
      // where it fails: refused by its record already, and its time to live clears it away
      const removed = await browserSessions.remove(row).catch((): readonly Visit[] => []);
      await tellLate(needs, { ...row, visits }, removed, true, (tx, told) =>
        audit.record(tx, endedEvent(needs, row.accountId, endedBy, told)),
      );
    }
    if (over.length > 0) outbox.kick();
    return over.length;
  }

  const run = (): void => {
    again = true;
    running ??= (async () => {
      while (again) {
        again = failed = false;
        asked = clock.monotonic();
        while ((await some()) === batch);
      }
    })()
      .catch((error: unknown) => {
        failed = true;
        needs.onTrouble(error);
      })
      .finally(() => {
        running = undefined;
        // asked for after the last look
        if (again && !failed) run();
      });
  };

  return {
    start(): void {
      stopListening ??= sessions.onNews('session', run);
      timer ??= setInterval(() => {
        if (failed || clock.monotonic() - asked >= atLeast) run();
      }, 1_000).unref();
      run();
    },
    async stop(): Promise<void> {
      clearInterval(timer);
      timer = undefined;
      stopListening?.();
      stopListening = undefined;
      await running;
    },
  };
}
