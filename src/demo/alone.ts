/**
 * One city a data folder, a free place to stand, and the npm that started it. Nothing here outlives the process, so
 * kill -9 leaves nothing to clean up by hand.
 */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';

/**
 * Holds this folder for this process, to its end, however it ends: by a name of the kernel (an abstract socket), not by
 * a file that a killed process would leave. False: another process holds it.
 */
export function holdFolder(folder: string): Promise<boolean> {
  if (process.platform !== 'linux') return Promise.resolve(true);
  const name = createHash('sha256').update(fs.realpathSync(folder)).digest('hex').slice(0, 32);
  return new Promise((done) => {
    const held = net.createServer((connection) => connection.destroy());
    held.once('error', () => done(false));
    held.listen(`\0egret-data-${name}`, () => done(true));
    held.unref();
  });
}

/** A mark that stands while a city runs in this folder: found by a start, it says that the last one was killed. */
export const markOf = (folder: string): string => join(folder, 'running');

/**
 * The first of these ports that is taken on loopback. After a kill the programs of the last city may need a moment to
 * notice that it is gone: they are given `patience` ms.
 */
export async function takenPort(ports: readonly number[], patience: number): Promise<number | undefined> {
  const deadline = performance.now() + patience;
  for (;;) {
    const states = await Promise.all(ports.map(isTaken));
    const found = ports.find((_, n) => states[n]);
    if (found === undefined || performance.now() > deadline) return found;
    await pause(50);
  }
}

async function isTaken(port: number): Promise<boolean> {
  const refused = (host: string): Promise<boolean> =>
    new Promise((done) => {
      const probe = net.createServer();
      // a machine without IPv6 has nothing there to take
      probe.once('error', ({ code }: NodeJS.ErrnoException) => done(code === 'EADDRINUSE'));
      probe.listen(port, host, () => probe.close(() => done(false)));
    });
  return (await refused('127.0.0.1')) || (await refused('::1'));
}

/**
 * Calls `then` when the npm that runs us is gone: it passes a signal on to its shell at best, and of kill -9 nobody is
 * told. Without an npm above us nothing is watched.
 */
export function whenNpmEnds(then: () => void): void {
  let npm = process.ppid;
  for (let steps = 0; steps < 3 && !/^npm\b/.test(about(npm).name); steps++) npm = about(npm).parent;
  if (!/^npm\b/.test(about(npm).name)) return;
  const watch = setInterval(() => {
    if (/^npm\b/.test(about(npm).name)) return;
    clearInterval(watch);
    then();
  }, 500);
  watch.unref();
}

/** Name and parent of a process; nothing of one that is gone or waits to be buried. */
function about(pid: number): { name: string; parent: number } {
  try {
    const [, name = '', state, parent] =
      /^\d+ \((.*)\) (\w) (\d+)/s.exec(fs.readFileSync(`/proc/${pid}/stat`, 'utf8')) ?? [];
    return state === 'Z' ? { name: '', parent: 0 } : { name, parent: Number(parent) };
  } catch {
    return { name: '', parent: 0 };
  }
}
