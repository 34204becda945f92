import { randomBytes } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import type { Test } from 'tap';

/**
 * A folder of one test, with a path so short that sockets fit below it; removed when the test ends. In a run of
 * `npm test` it is below the folder of the run, which goes as a whole, also when the test was killed.
 */
export function scratch(t: Test, name: string, mode = 0o700): string {
  const folder = join(process.env.EGRET_TEST_FOLDER ?? '/tmp', `egret-${name}-${randomBytes(4).toString('hex')}`);
  fs.mkdirSync(folder);
  fs.chmodSync(folder, mode);
  t.teardown(() => fs.rmSync(folder, { recursive: true, force: true }));
  return folder;
}
