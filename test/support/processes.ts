import { type ChildProcess, spawn } from 'node:child_process';
import type { Test } from 'tap';

/** A program of ours, or a server, that runs for one test and never outlives it. */
export interface Program {
  readonly child: ChildProcess;
  readonly pid: number;
  /** Everything it wrote so far, standard output and error in the order they came. */
  output(): string;
  /** The first match in what it wrote or writes; fails when it exits first, or after `patience` ms. */
  waitFor(pattern: RegExp | string, patience?: number): Promise<RegExpExecArray>;
  /** How it ended. */
  readonly exit: Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
  /** Sends a signal and waits for its end; SIGKILL after 10 s. */
  stop(signal?: NodeJS.Signals): Promise<{ code: number | null; signal: NodeJS.Signals | null }>;
}

export interface ProgramOptions {
  cwd?: string;
  env?: Record<string, string | undefined>;
  uid?: number;
  gid?: number;
}

/** Starts a command; it is killed when the test ends. */
export function program(t: Test, command: string, args: readonly string[], options: ProgramOptions = {}): Program {
  const child = spawn(command, args, { ...options, stdio: ['pipe', 'pipe', 'pipe'] });
  let written = '';
  const heard = new Set<() => void>();
  for (const stream of [child.stdout, child.stderr])
    stream.setEncoding('utf8').on('data', (text: string) => {
      written += text;
      for (const listener of heard) listener();
    });
  child.stdin.on('error', () => {});
  let over = false;
  const exit = new Promise<{ code: number | null; signal: NodeJS.Signals | null }>((resolve, reject) => {
    child.on('error', reject);
    child.on('close', (code, signal) => {
      over = true;
      for (const listener of heard) listener();
      resolve({ code, signal });
    });
  });
  exit.catch(() => {});

  async function stop(signal: NodeJS.Signals = 'SIGTERM') {
    child.kill(signal);
    const late = setTimeout(() => child.kill('SIGKILL'), 10_000);
    return exit.finally(() => clearTimeout(late));
  }
  t.teardown(async () => {
    if (!over) await stop('SIGKILL');
  });

  return {
    child,
    pid: child.pid ?? 0,
    output: () => written,
    exit,
    stop,
    waitFor(pattern, patience = 60_000) {
      const wanted = typeof pattern === 'string' ? new RegExp(pattern.replace(/[^\w\s]/g, '\\$&')) : pattern;
      return new Promise((resolve, reject) => {
        const settle = (outcome: () => void) => {
          clearTimeout(timer);
          heard.delete(look);
          outcome();
        };
        const fail = (why: string) => settle(() => reject(new Error(`${why} before ${wanted}:\n${written}`)));
        const look = () => {
          const found = wanted.exec(written);
          if (found) settle(() => resolve(found));
          else if (over) fail('it ended');
        };
        const timer = setTimeout(() => fail(`${patience} ms went by`), patience);
        heard.add(look);
        look();
      });
    },
  };
}

/**
 * Starts one of our TypeScript programs on the pinned Node, without the loaders of the test runner. Its standard input
 * is a pipe that closes when this process dies, even by kill -9: `import`ing ./leash.ts first, it ends with us.
 */
export function node(t: Test, file: string, args: readonly string[] = [], options: ProgramOptions = {}): Program {
  const leash = new URL('./leash.ts', import.meta.url).href;
  const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS)/.test(name));
  const env = { ...Object.fromEntries(mine), ...options.env };
  // tap puts its loaders into the environment of every child; `env` takes them out again.
  const bare = ['-u', 'NODE_OPTIONS', process.execPath, `--import=${leash}`, file, ...args];
  return program(t, 'env', bare, { ...options, env });
}

/**
 * Starts a server that is not ours, and answers its own process id; it dies with this process, even by kill -9: a shell
 * waits for the end of standard input, which comes when we die.
 */
export async function leashed(
  t: Test,
  command: string,
  args: readonly string[],
): Promise<{ program: Program; pid: number }> {
  const leash = 'exec 3<&0; "$@" 3<&- & p=$!; echo "pid $p"; (cat <&3; kill -9 $p) & wait $p';
  const started = program(t, 'sh', ['-c', leash, 'sh', command, ...args]);
  return { program: started, pid: Number((await started.waitFor(/^pid (\d+)$/m))[1]) };
}

/** Waits until `condition` holds; looks every 20 ms, fails after `patience` ms. */
export async function until(condition: () => boolean | Promise<boolean>, patience = 30_000): Promise<void> {
  const deadline = performance.now() + patience;
  while (!(await condition())) {
    if (performance.now() > deadline) throw new Error(`not within ${patience} ms: ${condition}`);
    await new Promise((resolve) => setTimeout(resolve, 20));
  }
}
