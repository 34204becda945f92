import { type ChildProcess, spawn } from 'node:child_process';
import type { Test } from 'tap';
import { until } from '../support/processes.ts';

/** What a benchmark starts, in a place that tests' own servers accept; it is taken down in the opposite order. */
export interface Stage {
  /** For what asks for a test: of a test, only its teardown is used. */
  readonly t: Test;
  down(): Promise<void>;
}

export function stage(): Stage {
  const ends: (() => unknown)[] = [];
  return {
    t: { teardown: (end: () => unknown) => ends.push(end) } as unknown as Test,
    async down() {
      for (const end of ends.reverse()) await end();
    },
  };
}

export interface Metered {
  /** Microseconds of the whole process so far. */
  readonly cpu: number;
  /** Bytes. */
  readonly rss: number;
  /** CommonJS modules loaded so far. */
  readonly modules: readonly string[];
}

/** A program under measurement: on the pinned Node, with the meter in it. */
export interface Measured {
  readonly child: ChildProcess;
  output(): string;
  readonly over: () => boolean;
  meter(): Promise<Metered>;
  stop(signal?: NodeJS.Signals): Promise<void>;
}

const meter = new URL('./meter.ts', import.meta.url).href;

export function measured(
  { t }: Stage,
  file: string,
  args: readonly string[],
  options: { env?: Record<string, string>; nodeArgs?: readonly string[]; cwd?: string } = {},
): Measured {
  const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS|npm_)/.test(name));
  const child = spawn(process.execPath, [...(options.nodeArgs ?? []), `--import=${meter}`, file, ...args], {
    env: { ...Object.fromEntries(mine), ...options.env },
    cwd: options.cwd,
    // standard input is a pipe: it ends with us, and a gateway ends with it
    stdio: ['pipe', 'pipe', 'pipe', 'ipc'],
  });
  let written = '';
  let over = false;
  for (const stream of [child.stdout, child.stderr])
    stream?.setEncoding('utf8').on('data', (text: string) => {
      // a log line a request: only what may explain an end is kept
      written = (written + text).slice(-4_000);
    });
  const exit = new Promise<void>((done) => {
    child.on('close', () => {
      over = true;
      done();
    });
  });
  const stop = async (signal: NodeJS.Signals = 'SIGTERM'): Promise<void> => {
    if (over) return;
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    await exit;
    clearTimeout(late);
  };
  t.teardown(() => stop());
  return {
    child,
    output: () => written,
    over: () => over,
    stop,
    meter: () =>
      new Promise((resolve, reject) => {
        if (over) return reject(new Error(`it ended: ${written}`));
        child.once('message', (answer) => resolve(answer as Metered));
        child.send('meter');
      }),
  };
}

/** Waits until an address answers 200; fails with what the program wrote when it ended first. */
export async function answering(program: Measured, url: string): Promise<void> {
  await until(async () => {
    if (program.over()) throw new Error(`it ended: ${program.output()}`);
    return fetch(url).then(
      (answer) => answer.ok,
      () => false,
    );
  }, 60_000);
}
