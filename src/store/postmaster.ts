import { execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { promisify } from 'node:util';

const run = promisify(execFile);

/** Where one build of PostgreSQL is, and how its `initdb` is asked for UTF-8 sorted by code point. */
export interface Binaries {
  readonly folder: string;
  /** The major version: what PG_VERSION must say. */
  readonly version: string;
  readonly locale: readonly string[];
}

/**
 * Under which user PostgreSQL runs: it refuses root. `wrap` goes in front of every command of it.
 */
export interface Way {
  readonly uid: number;
  readonly wrap: readonly string[];
}

const searchPath = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin';

/** Working folder, environment and user of everything started for PostgreSQL: nothing of ours leaks into it. */
export function surroundings(way: Way, extra: Record<string, string> = {}) {
  const root = process.getuid?.() === 0;
  return {
    cwd: '/',
    env: { PATH: searchPath, LC_ALL: 'C', ...extra },
    ...(root && way.uid ? { uid: way.uid, gid: way.uid } : {}),
  };
}

/** A user namespace in which we are nobody: root is not root there, and a uid without a name has one. */
const asNobody = ['unshare', '--user', '--map-user=65534', '--map-group=65534'];

/**
 * The ways to try, in order. As root: the user nobody; else, where that user cannot reach the folder (a home of root, a
 * closed checkout), a namespace. As somebody else: plainly; else, where this uid has no name (a container that picks
 * one), a namespace, because initdb insists on a name. Containers may forbid namespaces.
 */
export function possibleWays(): Way[] {
  const uid = process.getuid?.() ?? 0;
  return uid === 0
    ? [
        { uid: 65534, wrap: [] },
        { uid, wrap: asNobody },
      ]
    : [
        { uid, wrap: [] },
        { uid, wrap: asNobody },
      ];
}

/** Whether PostgreSQL, started this way, can enter `folder` and run at all. */
export async function wayWorks(way: Way, folder: string, binaries: Binaries): Promise<boolean> {
  const [file, ...rest] = [...way.wrap, 'sh', '-c', 'cd "$1" && id -un && exec "$2" --version', 'sh', folder];
  try {
    await run(file as string, [...rest, join(binaries.folder, 'postgres')], surroundings(way));
    return true;
  } catch {
    return false;
  }
}

/**
 * Makes a cluster at `data`, with a database `egret` owned by the role `egret`. It is made beside and then renamed:
 * made in place, the loser of a race of two starters would wipe the winner's folder. `unique` names the sibling.
 */
export async function makeCluster(data: string, unique: string, way: Way, binaries: Binaries, sync = true) {
  const fresh = `${data}.new-${unique}`;
  const call = (program: string, ...args: string[]) => {
    const [file, ...rest] = [...way.wrap, join(binaries.folder, program), ...args];
    return run(file as string, rest, { ...surroundings(way), maxBuffer: 4 << 20 });
  };
  fs.mkdirSync(fresh, { mode: 0o700 });
  try {
    if (process.getuid?.() === 0 && way.uid) fs.chownSync(fresh, way.uid, way.uid);
    const flags = ['-U', 'egret', '--auth=trust', '-E', 'UTF8', ...binaries.locale, ...(sync ? [] : ['--no-sync'])];
    await call('initdb', '-D', fresh, ...flags);
    const single = call('postgres', '--single', '-D', fresh, ...(sync ? [] : ['-F']), 'postgres');
    single.child.stdin?.end('create database egret\n');
    await single;
    fs.renameSync(fresh, data);
  } catch (error) {
    fs.rmSync(fresh, { recursive: true, force: true });
    if (!fs.existsSync(join(data, 'PG_VERSION'))) throw error;
  }
}

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
