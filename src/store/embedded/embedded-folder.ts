/** What lies in the data folder of the embedded PostgreSQL, and beside it: made closed, cleaned up after, forgotten. */
import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { dirname, join } from 'node:path';
import { EgretError } from '../../errors.ts';
import type { Way } from './postgres-programs.ts';
import { answers } from './postmaster.ts';

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

export function makeRunFolder(folder: string, way: Way): string {
  const run = runFolderOf(folder);
  closedFolder(run, way);
  const found = fs.lstatSync(run);
  // In /tmp anybody may have made it first.
  if (!found.isDirectory() || found.uid !== way.uid || (found.mode & 0o077) !== 0)
    throw new EgretError('EG-1710', {
      log: `${run} belongs to somebody else: remove it, or use a data folder with a shorter path.`,
    });
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

/** Removes what starters left that were killed while they made a database. */
export function forgetHalfMade(data: string) {
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
