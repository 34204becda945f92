import { randomBytes } from 'node:crypto';
import { link, mkdir, open, readFile, rm, stat } from 'node:fs/promises';
import { dirname } from 'node:path';
import { EgretError } from '../errors.ts';
import type { Database } from '../store/database.ts';
import { everUsed } from './records.ts';

/** Reads a key-encryption key as it stands in a file: 32 bytes in base64url. EG-1803 for anything else. */
export function decodeKeyEncryptionKey(text: string, from = 'the key-encryption key'): Buffer {
  const trimmed = text.trim();
  const bytes = Buffer.from(trimmed, 'base64url');
  if (bytes.length !== 32 || bytes.toString('base64url') !== trimmed)
    throw new EgretError('EG-1803', { log: `${from} is not 32 bytes in base64url (43 characters)` });
  return bytes;
}

/**
 * The key-encryption key of a file. Where there is none, one is made only if `make` allows it and no key was ever
 * sealed in this database: a new one beside old keys would hide that the old one is lost. EG-1803 says what to do.
 */
export async function loadKeyEncryptionKey(
  path: string,
  options: { make: boolean; database: Database; random?: (size: number) => Buffer },
): Promise<Buffer> {
  const found = await readKeyEncryptionKey(path);
  if (found) return found;
  if (await everUsed(options.database.sql))
    throw new EgretError('EG-1803', {
      log:
        `${path} is missing, but this database holds keys that are sealed under it: put the file back from its ` +
        'backup. Without it those keys and every sealed field are lost, and only an empty database can begin anew',
    });
  if (!options.make)
    throw new EgretError('EG-1803', {
      log:
        `${path} is missing: write 32 random bytes in base64url to it, readable by this user only ` +
        '(umask 077; openssl rand 32 | basenc --base64url | tr -d "=\\n" > FILE), and keep a copy elsewhere',
    });
  await make(path, Buffer.concat([developmentMark, (options.random ?? randomBytes)(32 - developmentMark.length)]));
  const made = await readKeyEncryptionKey(path);
  if (!made) throw new EgretError('EG-1803', { log: `${path} was made and is gone again` });
  return made;
}

// Only development makes a key by itself, and such a key says so wherever it is copied to: its text begins with it.
// Of 256 bits 232 are left; a production key begins so by chance once in 16 million.
const developmentMark = Buffer.from('dev_', 'base64url');

/** Whether a development start made this key-encryption key. */
export const isDevelopmentKey = (key: Buffer): boolean =>
  key.subarray(0, developmentMark.length).equals(developmentMark);

/** The key-encryption key of a file; undefined where there is none, EG-1803 when it is open to others or no key. */
export async function readKeyEncryptionKey(path: string): Promise<Buffer | undefined> {
  try {
    const { mode } = await stat(path);
    if (mode & 0o077)
      throw new EgretError('EG-1803', { log: `${path} is open to other users: chmod 600 it, or a copy of its own` });
    return decodeKeyEncryptionKey(await readFile(path, 'utf8'), path);
  } catch (cause) {
    if (cause instanceof EgretError) throw cause;
    const { code, message } = cause as NodeJS.ErrnoException;
    if (code === 'ENOENT') return undefined;
    throw new EgretError('EG-1803', { cause, log: `${path} cannot be read: ${message}` });
  }
}

/** Whole or not at all, and never over another's: of several processes at a first start, one file wins. */
async function make(path: string, bytes: Buffer): Promise<void> {
  const fresh = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  try {
    await mkdir(dirname(path), { recursive: true, mode: 0o700 });
    const file = await open(fresh, 'wx', 0o600);
    try {
      await file.writeFile(`${bytes.toString('base64url')}\n`);
      await file.sync();
    } finally {
      await file.close();
    }
    await link(fresh, path).catch((error: NodeJS.ErrnoException) => {
      if (error.code !== 'EEXIST') throw error;
    });
    const folder = await open(dirname(path), 'r');
    await folder.sync().finally(() => folder.close());
  } catch (cause) {
    throw new EgretError('EG-1803', {
      cause,
      log: `${path} cannot be made: ${(cause as Error).message}; give a folder this user may write to`,
    });
  } finally {
    await rm(fresh, { force: true });
  }
}
