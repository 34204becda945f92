import { execFileSync, spawnSync } from 'node:child_process';
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { scratch } from './scratch.ts';

const root = resolve(import.meta.dirname, '../..');
const git = (...args: string[]): Buffer =>
  execFileSync('git', ['-C', root, ...args], { stdio: ['ignore', 'pipe', 'pipe'], maxBuffer: 2 ** 28 });

/** The newest migration, and the commits before it came, the latest of them first. */
export interface Before {
  readonly migration: string;
  readonly commits: readonly string[];
}

/** What the history tells; or a skip that says why it tells nothing: a checkout need not have one, on any machine. */
export function beforeNewestMigration(): Before | { skip: string } {
  const migration = fs.readdirSync(join(root, 'src/store/migrations')).sort().at(-1) ?? '';
  const leftOut = (why: string): { skip: string } => ({ skip: `left out: ${why}` });
  try {
    const added = git('log', '--format=%H', '--diff-filter=A', '--', `src/store/migrations/${migration}`);
    const [commit] = added.toString().split('\n');
    // while it is not committed, what is committed is the version before
    if (git('rev-parse', '--is-shallow-repository').toString().trim() === 'true')
      return leftOut('this clone has no history (git fetch --unshallow brings it)');
    const commits = git('rev-list', '--max-count=20', commit ? `${commit}^` : 'HEAD');
    return { migration, commits: commits.toString().trim().split('\n') };
  } catch (error) {
    return leftOut(`git tells no history here (${/fatal: .*/.exec((error as Error).message)?.[0] ?? 'no git'})`);
  }
}

/** The command line of the project as of the first of these commits that is whole, with the packages of now. */
export function earlierVersion(t: Test, commits: readonly string[]): { commit: string; folder: string; cli: string } {
  for (const commit of commits) {
    const folder = scratch(t, 'earlier');
    const input = git('archive', commit, 'src', 'config', 'package.json');
    execFileSync('tar', ['-x', '-C', folder], { input });
    fs.symlinkSync(join(root, 'node_modules'), join(folder, 'node_modules'));
    if (isWhole(join(folder, 'src/gateway.ts'))) return { commit, folder, cli: join(folder, 'src/cli/main.ts') };
  }
  throw new Error(`none of ${commits.length} commits can be read`);
}

/** Whether Node can read it and all that it imports: a commit may have been made while a file was half written. */
function isWhole(file: string): boolean {
  const env = { ...process.env, NODE_OPTIONS: '' };
  const args = ['--input-type=module', '-e', `await import(${JSON.stringify(file)})`];
  return spawnSync(process.execPath, args, { env }).status === 0;
}
