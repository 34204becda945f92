import type { Database } from '../store/database.ts';
import { channel } from './records.ts';

const interval = 500;

/**
 * Calls `follow` when the database tells of a change, and twice a second whatever it tells: a lost notice costs half a
 * second, never a key that is not followed. What fails is told once for each cause, until it works again.
 */
export function createFollowing(
  database: Database,
  follow: () => Promise<void>,
  onTrouble: (error: unknown) => void = () => {},
): { start(): void; stop(): Promise<void> } {
  let timer: NodeJS.Timeout | undefined;
  let running: Promise<void> | undefined;
  let told: string | undefined;
  let unlisten: Promise<(() => Promise<unknown>) | undefined> | undefined;

  const once = async (): Promise<void> => {
    try {
      await follow();
      told = undefined;
    } catch (error) {
      const cause = `${(error as { code?: unknown }).code ?? ''} ${(error as Error).message}`;
      if (cause !== told) onTrouble(error);
      told = cause;
    }
  };
  const run = () => {
    // Notices that arrive meanwhile are covered by the next turn of the timer.
    running ??= once().finally(() => {
      running = undefined;
    });
  };

  return {
    start() {
      if (timer) return;
      timer = setInterval(run, interval).unref();
      unlisten = database.sql.listen(channel, run).then(
        (listening) => listening.unlisten,
        () => undefined,
      );
      run();
    },
    async stop() {
      clearInterval(timer);
      timer = undefined;
      await (await unlisten)?.().catch(() => {});
      unlisten = undefined;
      await running;
    },
  };
}
