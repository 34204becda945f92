/**
 * `npm run reset`: forgets the data folder (people, clients, keys of the demo, everything), so that the next start
 * begins anew. `keys/` stays. It is the folder that `npm start` would use; another one can be named:
 * `npm run reset -- FOLDER`.
 */
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { loadConfig } from '../config.ts';
import { forgetData } from '../store/embedded/embedded-folder.ts';
import { holdFolder } from './alone.ts';

function stop(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}

function configured(): { dataFolder: string; database: { url?: string } } {
  try {
    return loadConfig();
  } catch (error) {
    stop(`${(error as { code?: string }).code}  ${(error as Error).message}`);
  }
}

const named = process.argv[2];
const { dataFolder, database } = configured();
const folder = named ? resolve(named) : dataFolder;

if (!fs.existsSync(folder)) {
  console.log(`There is nothing to forget: ${folder} does not exist.`);
  process.exit();
}
// A slip of the hand must not cost anything else.
const own = folder === resolve(import.meta.dirname, '../../.data');
const ours = ['pg/PG_VERSION', 'logs/gateway.log'].some((file) => fs.existsSync(join(folder, file)));
if (!own && !ours) stop(`${folder} is no data folder of Egret: nothing was removed.`);

try {
  if (!(await holdFolder(folder)) || !(await forgetData(folder)))
    stop(`${folder} is in use: stop what was started with it (Ctrl-C), then run \`npm run reset\` again.`);
  console.log(`${folder} is forgotten; the next start begins anew.`);
  if (database.url && !named) console.log('What is in the database of your own (database.url) stays.');
  process.exit();
} catch (error) {
  const { code } = error as NodeJS.ErrnoException;
  if (code !== 'EACCES' && code !== 'EPERM') throw error;
  stop(`${folder} belongs to another user: run \`npm run reset\` as the user who started it.`);
}
