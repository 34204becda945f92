import { execFile } from 'node:child_process';
import fs from 'node:fs';
import { join } from 'node:path';
import { promisify } from 'node:util';

export const run = promisify(execFile);

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
