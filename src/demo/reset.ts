/**
 * `npm run reset`: forgets the data folder (people, clients, keys of the demo, everything), so that the next start
 * begins anew. `keys/` stays. Another folder than `.data` can be named: `npm run reset -- FOLDER`.
 */
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { forgetData } from '../store/embedded.ts';

const own = resolve(import.meta.dirname, '../../.data');
const folder = process.argv[2] ? resolve(process.argv[2]) : own;

function stop(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}

if (!fs.existsSync(folder)) {
  console.log(`There is nothing to forget: ${folder} does not exist.`);
  process.exit();
}
// A slip of the hand must not cost anything else.
if (folder !== own && !fs.existsSync(join(folder, 'pg/PG_VERSION')))
  stop(`${folder} is no data folder of Egret: nothing was removed.`);

try {
  if (!(await forgetData(folder)))
    stop(`${folder} is in use: stop what was started with it (Ctrl-C), then run \`npm run reset\` again.`);
  console.log(`${folder} is forgotten; the next start begins anew.`);
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM') throw error;
  stop(`${folder} belongs to another user: run \`npm run reset\` as the user who started it.`);
}
