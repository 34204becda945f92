import { type EndingNeeds, endedEvent, tell } from './ending.ts';

/** How many sessions one transaction tells of. */
const batch = 20;

/**
 * Tells the departments of sessions that were ended all at once: a password was reset, an account disabled, its sign-ins
 * ended from the command line. Whoever does that need not reach the protocol state; it leaves a record, and any process
 * that hears of it reads which departments the session was in, writes the notices, and marks the record, in one
 * transaction. Where the protocol state is away, the next reading tries again.
 */
export function tellOfEndings(needs: EndingNeeds & { readonly onTrouble: (error: unknown) => void }) {
  const { database, audit, outbox, sessions, browserSessions } = needs;
  let running: Promise<void> | undefined;
  let again = false;
  let stopListening: (() => void) | undefined;

  async function some(): Promise<number> {
    const over = await database.begin(async (tx) => {
      const rows = await sessions.untold(tx, batch);
      for (const { digest, bucket, accountId, endedBy } of rows) {
        const inside = await browserSessions.visits(digest, bucket);
        if (inside?.accountId !== accountId) continue;
        const told = await tell(needs, tx, { digest, accountId }, inside.visits, true);
        await audit.record(tx, endedEvent(needs, accountId, endedBy, told));
      }
      if (rows.length > 0)
        await sessions.markTold(
          tx,
          rows.map(({ digest }) => digest),
        );
      return rows;
    });
    if (over.length > 0) outbox.kick();
    for (const { digest, bucket } of over)
      await browserSessions.remove({ digest, bucket }).catch(() => {
        // refused by its record already; its time to live clears it away
      });
    return over.length;
  }

  const run = (): void => {
    again = true;
    running ??= (async () => {
      while (again) {
        again = false;
        while ((await some()) === batch);
      }
    })()
      .catch(needs.onTrouble)
      .finally(() => {
        running = undefined;
      });
  };

  return {
    start(): void {
      stopListening ??= sessions.onRefresh(run);
      run();
    },
    async stop(): Promise<void> {
      stopListening?.();
      stopListening = undefined;
      await running;
    },
  };
}
