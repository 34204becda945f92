import type { Clock } from '../clock.ts';

/** Which nonces came within 600 s: once means once, for each caller. */
export interface Nonces {
  /** False when it came before. */
  take(caller: string, nonce: string): boolean;
}

// A timestamp 300 s ahead is good for another 300 s after that moment: 600 s cover every message that is in the window.
const remembered = 600_000;

export function createNonces(clock: Clock): Nonces {
  const seen = new Map<string, number>();
  let swept = clock.now();

  return {
    take(caller, nonce) {
      const now = clock.now();
      if (Math.abs(now - swept) > 60_000) {
        for (const [name, until] of seen) if (until < now) seen.delete(name);
        swept = now;
      }
      const name = `${caller} ${nonce}`;
      if ((seen.get(name) ?? 0) >= now) return false;
      seen.set(name, now + remembered);
      return true;
    },
  };
}
