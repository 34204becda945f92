import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { createAudit } from '../../src/audit/audit.ts';
import { systemClock } from '../../src/clock.ts';
import { createKeys, loadKeyEncryptionKey } from '../../src/keys/keys.ts';
import { database } from '../support/database.ts';
import { program } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';

export const root = resolve(import.meta.dirname, '../..');
export const egret = join(root, 'src/cli/egret');

export interface Ran {
  readonly code: number | null;
  readonly out: string;
  readonly err: string;
}

/** Runs the command as an operator would, from another folder. */
export type Run = (args: string, options?: { input?: string; env?: Record<string, string> }) => Promise<Ran>;

export function runner(t: Test, env: Record<string, string>): Run {
  return async (args, { input = '', env: more = {} } = {}) => {
    const mine = Object.entries(process.env).filter(([name]) => !/^(EGRET_|TAP|_TAPJS|NODE_OPTIONS)/.test(name));
    const ran = program(t, egret, args.split(' ').filter(Boolean), {
      cwd: '/',
      env: { ...Object.fromEntries(mine), ...env, ...more },
    });
    let out = '';
    let err = '';
    ran.child.stdout?.on('data', (text: string) => {
      out += text;
    });
    ran.child.stderr?.on('data', (text: string) => {
      err += text;
    });
    ran.child.stdin?.end(input);
    const { code } = await ran.exit;
    if (/EG-1700|^\s+at /m.test(err)) t.fail(`a fault of ours: egret ${args}: ${err}`);
    return { code, out, err };
  };
}

/** A migrated database with keys, and the rooms beside the command line. */
export async function world(t: Test) {
  const db = await database(t);
  const keyFile = join(scratch(t, 'cli'), 'key');
  const clock = systemClock;
  const keys = await createKeys({
    database: db,
    keyEncryptionKey: await loadKeyEncryptionKey(keyFile, { make: true, database: db }),
    clock,
    audit: (key) => createAudit({ database: db, clock, key }),
  });
  const { vault, audit } = keys;
  const env = { EGRET_DATABASE_URL: db.url, EGRET_KEY_FILE: keyFile };
  return { db, clock, vault, audit, keyFile, env, run: runner(t, env) };
}

export const json = (ran: Ran) => JSON.parse(ran.out);
