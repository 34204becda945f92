import { createInterface } from 'node:readline';
import type { Readable } from 'node:stream';

/**
 * TAP for the reader of a log: one line a file, and of what failed everything. (tap's own reporters redraw the screen,
 * also where there is none.) Returns all of it.
 */
export async function brief(tap: Readable, print: (line: string) => void): Promise<string> {
  const all: string[] = [];
  let failed = false;
  // The last line of the diagnostics we are in.
  let until: string | undefined;
  for await (const line of createInterface({ input: tap })) {
    all.push(line);
    if (until !== undefined) {
      if (failed) print(line);
      if (line === until) until = undefined;
      continue;
    }
    const verdict = /^( *)(not )?ok \d+(?: - (.*))?$/.exec(line);
    if (verdict) {
      failed = verdict[2] !== undefined && !/# (SKIP|TODO)/.test(line);
      if (verdict[1] === '') print(`${failed ? 'FAILED' : 'ok'} ${verdict[3] ?? ''}`);
      else if (failed) print(line);
    } else if (/^ *---$/.test(line)) {
      until = line.replace('---', '...');
      if (failed) print(line);
    } else if (!/^ *(1\.\.\d+.*|#.*|TAP version.*|)$/.test(line)) {
      print(line);
    }
  }
  return all.join('\n');
}
