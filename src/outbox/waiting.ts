/**
 * Who waits for messages to be answered. An end that happens in this process is heard at once; those of other
 * processes are asked for five times a second, in one query for everyone who waits, and only while someone does.
 */
const interval = 200;

export function createWaiting(unanswered: (ids: readonly string[]) => Promise<ReadonlySet<string>>) {
  const waiters = new Set<{ readonly left: Set<string>; readonly done: () => void }>();
  let asking = false;

  const strike = (gone: (id: string) => boolean) => {
    for (const { left, done } of waiters) {
      for (const id of left) if (gone(id)) left.delete(id);
      if (left.size === 0) done();
    }
  };

  const ask = async () => {
    const ids = [...new Set([...waiters].flatMap(({ left }) => [...left]))];
    if (ids.length > 0) {
      // The records may be away for a moment: whoever waits has an end of his own.
      const open = await unanswered(ids).catch(() => undefined);
      if (open) strike((id) => ids.includes(id) && !open.has(id));
    }
    asking = waiters.size > 0;
    if (asking) setTimeout(ask, interval);
  };

  return {
    settled: (id: string) => strike((one) => one === id),
    /** Resolves when all have come to their end, or after `milliseconds`. */
    async wait(ids: readonly string[], milliseconds: number): Promise<void> {
      if (ids.length === 0 || milliseconds <= 0) return;
      await new Promise<void>((resolve) => {
        const end = setTimeout(() => waiter.done(), milliseconds);
        const waiter = {
          left: new Set(ids),
          done() {
            clearTimeout(end);
            waiters.delete(waiter);
            resolve();
          },
        };
        waiters.add(waiter);
        // At once: they may have been answered before anyone waited.
        if (!asking) void ask();
        asking = true;
      });
    },
  };
}
