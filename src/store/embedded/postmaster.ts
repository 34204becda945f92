import { spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { type Binaries, run, surroundings, type Way } from './postgres-programs.ts';

/**
 * The keeper: starts the server, reads the fifo that every user of it holds open, and asks for a fast shutdown at its
 * end of file, that is when the last user is gone, however it went. So the server has no owner that could leave it
 * behind, and kill -9 of all users stops it as well.
 */
const keeper = '"$@" & p=$!; (read _ <"$FIFO"; kill -INT $p) & w=$!; wait $p; s=$?; kill $w 2>/dev/null; exit $s';

const hello = Buffer.from('\0\0\0\x26\0\x03\0\0user\0egret\0database\0postgres\0\0', 'latin1');

/** Whether a server lets people in at this socket: 'R' asks who we are; 'E' is starting or stopping. */
export function answers(socket: string): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(socket);
    const end = (yes: boolean) => {
      connection.destroy();
      resolve(yes);
    };
    connection.setTimeout(2_000, () => end(false));
    connection.on('connect', () => connection.write(hello));
    connection.on('data', (bytes) => end(bytes[0] === 0x52));
    connection.on('error', () => end(false));
    connection.on('close', () => resolve(false));
  });
}

export interface Postmaster {
  readonly socket: string;
  /** Waits until the server answers, starting it where nobody does. Rejects after `patience` ms. */
  up(patience?: number): Promise<void>;
  /** This user is gone; the last one out stops the server. */
  release(): void;
}

/** Counts this process among the users of the server of `data`, whose socket, log and fifo are in `folder`. */
export async function usePostmaster(options: {
  data: string;
  folder: string;
  way: Way;
  binaries: Binaries;
  /** Settings for the command line: `fsync=off`. */
  settings?: readonly string[];
}): Promise<Postmaster> {
  const { data, folder, way, binaries } = options;
  const fifo = join(folder, 'users');
  const logFile = join(folder, 'log');
  const socket = join(folder, '.s.PGSQL.5432');
  const settings = ['listen_addresses=', 'unix_socket_permissions=0700', ...(options.settings ?? [])];
  const command = [
    ...way.wrap,
    join(binaries.folder, 'postgres'),
    ...['-D', data, '-k', folder],
    ...settings.flatMap((setting) => ['-c', setting]),
  ];

  await run('mkfifo', ['-m', '600', fifo], surroundings(way)).catch((error) => {
    if (!fs.existsSync(fifo)) throw error;
  });
  // Count ourselves first, then look for a server: a keeper that sees no user stops it. O_RDWR never blocks.
  let hold: number | undefined = fs.openSync(fifo, fs.constants.O_RDWR);

  let idle = true;
  function start() {
    idle = false;
    const tooLong = fs.existsSync(logFile) && fs.statSync(logFile).size > 1 << 20;
    const log = fs.openSync(logFile, tooLong ? 'w' : 'a', 0o600);
    // Detached: else Ctrl-C reaches the server before it reaches those who still use it.
    spawn('sh', ['-c', keeper, 'sh', ...command], {
      ...surroundings(way, { FIFO: fifo }),
      detached: true,
      stdio: ['ignore', log, log],
    })
      .on('exit', () => {
        idle = true;
      })
      .on('error', () => {
        idle = true;
      })
      .unref();
    fs.closeSync(log);
  }

  let coming: Promise<void> | undefined;
  async function comeUp(patience: number) {
    const deadline = performance.now() + patience;
    // A server that exits at once (a full disk) is tried again with growing pauses, not twenty times a second.
    let pause = 50;
    let nextStart = 0;
    while (!(await answers(socket))) {
      if (hold === undefined) throw new Error('the server was released');
      if (performance.now() > deadline) throw new Error(`no answer within ${patience} ms; its log: ${logFile}`);
      if (idle && performance.now() >= nextStart) {
        start();
        nextStart = performance.now() + pause;
        pause = Math.min(pause * 2, 2_000);
      }
      await sleep(50);
    }
  }

  return {
    socket,
    up(patience = 30_000) {
      coming ??= comeUp(patience).finally(() => {
        coming = undefined;
      });
      return coming;
    },
    release() {
      if (hold !== undefined) fs.closeSync(hold);
      hold = undefined;
    },
  };
}

/** The last lines of a server's log, to say why it does not start. */
export function lastWords(folder: string): string {
  try {
    return fs.readFileSync(join(folder, 'log'), 'utf8').slice(-4_000);
  } catch {
    return '';
  }
}
