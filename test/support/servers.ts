import { createHash } from 'node:crypto';
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { type Embedded, startEmbedded } from '../../src/store/embedded/embedded.ts';
import type { Binaries } from '../../src/store/embedded/postgres-programs.ts';

/**
 * The PostgreSQL servers of the tests. test/run.ts starts the embedded one and names its socket in the environment;
 * the system's own is started by the first file that wants it, in the folder of the run. A file that is run by tap
 * itself finds nothing there, and starts or joins servers in folders of this checkout's own. A server stops with the
 * last process that uses it.
 */
export type Engine = 'embedded' | 'debian';

/** The variable that names the socket of an engine. */
export const socketVariable = { embedded: 'EGRET_TEST_POSTGRES', debian: 'EGRET_TEST_DEBIAN_POSTGRES' } as const;

const checkout = resolve(import.meta.dirname, '../..');

// Nobody's data: a test that wants fsync starts a server of its own.
const settings = ['fsync=off', 'full_page_writes=off', 'max_connections=200', 'shared_buffers=64MB'];

/** The newest PostgreSQL of the system, 15 or later; undefined where there is none. */
export function debianBinaries(): Binaries | undefined {
  const root = '/usr/lib/postgresql';
  const versions = fs.existsSync(root) ? fs.readdirSync(root).map(Number) : [];
  const version = versions
    .filter((number) => number >= 15 && fs.existsSync(`${root}/${number}/bin/initdb`))
    .sort((a, b) => b - a)[0];
  if (!version) return undefined;
  return { folder: `${root}/${version}/bin`, version: `${version}`, locale: ['--locale=C.UTF-8'] };
}

/** Starts, or joins, the server of an engine in a folder. */
export async function startServer(engine: Engine, folder: string): Promise<Embedded> {
  if (engine === 'embedded') return startEmbedded(folder, { settings });
  const binaries = debianBinaries();
  if (!binaries) throw new Error('no PostgreSQL in /usr/lib/postgresql: ask wants("postgresql") first');
  return startEmbedded(folder, { binaries, settings });
}

/** A folder of this checkout and this user, for servers. */
export function serversFolder(name: string): string {
  const mine = createHash('sha256').update(`${checkout} ${process.getuid?.()}`).digest('hex').slice(0, 12);
  return `/tmp/egret-test-${mine}-${name}`;
}

const joined = new Map<Engine, Promise<string>>();

/** The socket of the server for the tests. */
export function serverSocket(engine: Engine): Promise<string> {
  const given = process.env[socketVariable[engine]];
  if (given) return Promise.resolve(given);
  let socket = joined.get(engine);
  if (!socket) {
    const folder = process.env.EGRET_TEST_FOLDER;
    // Held until this process ends: its end is the release.
    socket = startServer(engine, folder ? join(folder, engine) : serversFolder(engine)).then((server) => server.socket);
    joined.set(engine, socket);
  }
  return socket;
}
