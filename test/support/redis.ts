import net from 'node:net';
import type { Test } from 'tap';
import { type Program, program, until } from './processes.ts';
import { scratch } from './scratch.ts';
import { find } from './wants.ts';

/** A redis-server of one test, empty, on a unix socket, with nothing on disk. */
export interface TestRedis {
  /** For `openRedis`. */
  readonly url: string;
  readonly socket: string;
  readonly pid: number;
  /** Ends it, by default as a power cut would. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Starts it again, empty, at the same address. */
  start(): Promise<void>;
}

/** Starts a redis-server; ask `wants('redis-server')` first. It dies with this process, even by kill -9. */
export async function redis(t: Test, options: { args?: readonly string[] } = {}): Promise<TestRedis> {
  const server = find('redis-server');
  if (!server) throw new Error('no redis-server on this machine: ask wants("redis-server") first');
  const folder = scratch(t, 'redis');
  const socket = `${folder}/s`;
  // The shell waits for the end of standard input, which comes when we die.
  const leash = 'exec 3<&0; "$@" 3<&- & p=$!; echo "pid $p"; (cat <&3; kill -9 $p) & wait $p';
  const args = ['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700', '--save', '', '--dir', folder];
  let running: Program | undefined;
  let pid = 0;

  async function start() {
    const started = program(t, 'sh', ['-c', leash, 'sh', server as string, ...args, ...(options.args ?? [])]);
    running = started;
    pid = Number((await started.waitFor(/^pid (\d+)$/m))[1]);
    await until(() => answers(socket));
  }
  await start();
  return {
    url: `unix://${socket}`,
    socket,
    get pid() {
      return pid;
    },
    start,
    async kill(signal = 'SIGKILL') {
      process.kill(pid, signal);
      await running?.exit;
    },
  };
}

function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(socket, () => connection.write('PING\r\n'));
    connection.on('data', (bytes) => {
      resolve(bytes.toString().startsWith('+PONG'));
      connection.destroy();
    });
    connection.on('error', () => resolve(false));
    connection.on('close', () => resolve(false));
  });
}
