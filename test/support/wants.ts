import fs from 'node:fs';
import { dirname, resolve } from 'node:path';
import { debianBinaries } from './servers.ts';

/** What some tests need of the machine. */
export type Wanted = 'redis-server' | 'postgresql' | 'chromium' | 'nginx';

/** Its path, or undefined. */
export function find(wanted: Wanted): string | undefined {
  if (wanted === 'postgresql') return debianBinaries()?.folder;
  return (process.env.PATH ?? '')
    .split(':')
    .concat('/usr/bin', '/usr/local/bin', '/usr/sbin')
    .map((folder) => `${folder}/${wanted}`)
    .find((path) => fs.existsSync(path));
}

/**
 * Options for `t.test(name, wants('redis-server'), …)`: none, or a skip that says what was left out. With CI=true
 * nothing may be left out, so it throws.
 */
export function wants(...all: Wanted[]): { skip?: string } {
  const missing = all.filter((wanted) => !find(wanted));
  if (missing.length === 0) return {};
  if (process.env.CI === 'true') throw new Error(`CI=true and no ${missing.join(', no ')} on this machine`);
  return { skip: `left out: no ${missing.join(', no ')} on this machine` };
}

/**
 * Options for a test that goes on as another user: none, or a skip where root has the checkout in a folder that only
 * root may enter (`mktemp -d` makes such), so that no other user can run a file of it.
 */
export function wantsAnotherUser(): { skip?: string } {
  if (process.getuid?.() !== 0) return {};
  for (let folder = resolve(import.meta.dirname, '../..'); folder !== '/'; folder = dirname(folder))
    if ((fs.statSync(folder).mode & 0o001) === 0) return { skip: `left out: only root may enter ${folder}` };
  return {};
}
