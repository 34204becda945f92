import { createHash, randomBytes } from 'node:crypto';
import { type FileHandle, link, lstat, open, rm } from 'node:fs/promises';
import { dirname } from 'node:path';
import { PassThrough, type Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { createGunzip, createGzip, gunzipSync, gzipSync } from 'node:zlib';
import { EgretError } from '../errors.ts';
import type { KeyEncryptionKey } from '../keys/keys.ts';

/**
 * The file of a backup: a first line, one gzip member a table (the text format of COPY), one for the manifest, and a
 * last line of 256 bytes that says how long the manifest is, its SHA-256, and that digest sealed under the
 * key-encryption key. So a file is checked from end to end before anything is done with it, and nobody without that
 * key can make one, or put an account into one.
 */
const format = 1;
const first = Buffer.from(`egret backup ${format}\n`);
const lastLength = 256;
const sealPlace = `egret backup ${format}`;

export interface Part {
  readonly table: string;
  readonly columns: readonly string[];
  readonly rows: number;
  /** In the file. */
  readonly bytes: number;
  readonly sha256: string;
}

export interface Manifest {
  /** The moment of the snapshot, milliseconds since the epoch. */
  readonly made: number;
  readonly server: string;
  readonly migrations: readonly { readonly number: number; readonly name: string; readonly digest: string }[];
  readonly keyEpoch: number;
  /** The id of the key-encryption key; the key itself is nowhere in the file. */
  readonly keyEncryptionKey: string;
  /** The end of the audit chain; events that were not chained yet come after it. */
  readonly audit: { readonly number: number; readonly hash: string | null; readonly waiting: number };
  readonly sequences: readonly { readonly table: string; readonly column: string; readonly last: string }[];
  /** In an order that fits the references between them. */
  readonly parts: readonly Part[];
}

/**
 * Writes a backup: beside `path` first, mode 0600, then under its name, never over another file. `work` writes the
 * parts; `commit` runs once everything is on the disk, and the file is there only if it succeeds. EG-1940.
 */
export async function writeBackup(
  path: string,
  kek: KeyEncryptionKey,
  work: (part: (source: Readable) => Promise<Pick<Part, 'rows' | 'bytes' | 'sha256'>>) => Promise<Manifest>,
  commit: (manifest: Manifest, place: () => Promise<void>) => Promise<void>,
): Promise<{ manifest: Manifest; bytes: number }> {
  const fresh = `${path}.${process.pid}.${randomBytes(4).toString('hex')}`;
  const refuse = (cause: unknown): never => {
    throw unwritable(path, cause);
  };
  // said at once, and again when the name is given
  if (await lstat(path).catch(() => undefined)) refuse({ code: 'EEXIST' });
  const file = await open(fresh, 'wx', 0o600).catch(refuse);
  let placed = false;
  try {
    let bytes = 0;
    const put = async (chunk: Buffer) => {
      await file.writeFile(chunk).catch(refuse);
      bytes += chunk.length;
    };
    await put(first);
    const manifest = await work(async (source) => {
      const start = bytes;
      const digest = createHash('sha256');
      let rows = 0;
      await pipeline(
        source,
        async function* (chunks: AsyncIterable<Buffer>) {
          for await (const chunk of chunks) {
            for (let at = chunk.indexOf(10); at !== -1; at = chunk.indexOf(10, at + 1)) rows += 1;
            yield chunk;
          }
        },
        createGzip({ level: 4, chunkSize: 256 << 10 }),
        async (chunks: AsyncIterable<Buffer>) => {
          for await (const chunk of chunks) {
            digest.update(chunk);
            await put(chunk);
          }
        },
      );
      return { rows, bytes: bytes - start, sha256: digest.digest('hex') };
    });
    const body = gzipSync(JSON.stringify({ format, ...manifest }));
    const sha = createHash('sha256').update(body).digest();
    const seal = kek.seal(sha, sealPlace).toString('base64url');
    await put(body);
    const last = { format, manifest: body.length, sha256: sha.toString('hex'), seal };
    await put(Buffer.from(`${`\n${JSON.stringify(last)}`.padEnd(lastLength - 1)}\n`));
    await file.sync().catch(refuse);
    await commit(manifest, async () => {
      // a link is refused where a file stands; a rename would replace it
      await link(fresh, path).catch(refuse);
      placed = true;
      const folder = await open(dirname(path), 'r').catch(refuse);
      await folder
        .sync()
        .catch(refuse)
        .finally(() => folder.close());
    });
    return { manifest, bytes };
  } catch (error) {
    if (placed) await rm(path, { force: true });
    throw error;
  } finally {
    await file.close().catch(() => {});
    await rm(fresh, { force: true }).catch(() => {});
  }
}

function unwritable(path: string, cause: unknown): EgretError {
  const { code = '', message } = cause as NodeJS.ErrnoException;
  const why: Record<string, string> = {
    EEXIST: 'a file of that name is there, and a backup replaces nothing: name another, or move it away',
    ENOSPC: 'the disk is full: free some space on it, or name a file on another',
    EDQUOT: 'the disk is full for this user: free some space on it, or name a file on another',
    EFBIG: 'the disk takes no file so large: name a file on another',
    EACCES: 'its folder is not open to this user: give it to this user, or name another',
    EPERM: 'its folder is not open to this user: give it to this user, or name another',
    EROFS: 'its disk is read-only: name a file on another',
    ENOENT: 'its folder does not exist: make it, or name another',
    ENOTDIR: 'its folder does not exist: make it, or name another',
  };
  return new EgretError('EG-1940', { cause, log: `${path} is not written: ${why[code] ?? message}` });
}

/** A backup whose every byte was found to be what was written. */
export interface Backup {
  readonly manifest: Manifest;
  /** The rows of a part, as COPY takes them. It fails (EG-1941) when the file is not any more what it was. */
  rows(part: Part): Readable;
  close(): Promise<void>;
}

const broken = (path: string, what: string, cause?: unknown) =>
  new EgretError('EG-1941', { cause, log: `${path} ${what}: nothing was changed` });

/**
 * Opens a backup and checks all of it. EG-1941 for what is none, or is not whole; EG-1721 for one of a later version;
 * EG-1802 for one that is sealed under another key-encryption key.
 */
export async function openBackup(path: string, kek: KeyEncryptionKey): Promise<Backup> {
  const file = await open(path, 'r').catch((cause) => {
    throw broken(path, `cannot be read (${(cause as NodeJS.ErrnoException).code})`, cause);
  });
  try {
    const { manifest, starts } = await readManifest(path, file, kek);
    const stored = (part: Part) => checked(path, file, part, starts.get(part) ?? 0);
    for (const part of manifest.parts) for await (const _ of stored(part));
    return {
      manifest,
      rows: (part) => {
        const text = new PassThrough();
        // its failure is the reader's: `pipeline` hands it on
        pipeline(stored(part), createGunzip({ chunkSize: 256 << 10 }), text).catch((cause) =>
          text.destroy(cause instanceof EgretError ? cause : broken(path, `has a damaged part ${part.table}`, cause)),
        );
        return text;
      },
      close: () => file.close(),
    };
  } catch (error) {
    await file.close();
    throw error instanceof EgretError ? error : broken(path, `cannot be read: ${(error as Error).message}`, error);
  }
}

async function readManifest(path: string, file: FileHandle, kek: KeyEncryptionKey) {
  const { size } = await file.stat();
  const head = await read(file, 0, Math.min(first.length, size));
  if (!head.equals(first)) {
    const version = /^egret backup (\d+)\n/.exec(head.toString('latin1'))?.[1];
    if (version) throw newer(path);
    throw broken(path, 'is no backup of Egret');
  }
  const end = size - lastLength;
  let last: { format?: number; manifest?: number; sha256?: string; seal?: string };
  try {
    last = JSON.parse((await read(file, Math.max(end, first.length), lastLength)).toString());
  } catch (cause) {
    throw broken(path, 'ends before its end', cause);
  }
  const { manifest: length = 0, sha256 = '', seal = '' } = last;
  if (!Number.isInteger(length) || length <= 0 || end - length < first.length) throw broken(path, 'is damaged');
  const body = await read(file, end - length, length);
  const sha = createHash('sha256').update(body).digest();
  if (sha.toString('hex') !== sha256) throw broken(path, 'has a damaged manifest');
  const manifest = JSON.parse(gunzipSync(body, { maxOutputLength: 16 << 20 }).toString()) as Manifest;
  if (manifest.keyEncryptionKey !== kek.id)
    throw new EgretError('EG-1802', {
      log:
        `${path} is sealed under the key-encryption key ${manifest.keyEncryptionKey}, this one is ${kek.id}: give the ` +
        'one of that time (its copy), without which nothing in the backup opens; nothing was changed',
    });
  if (!kek.open(Buffer.from(seal, 'base64url'), sealPlace)?.equals(sha))
    throw broken(path, 'does not carry the seal of its key-encryption key');
  const starts = new Map<Part, number>();
  let at = first.length;
  for (const part of manifest.parts) {
    starts.set(part, at);
    at += part.bytes;
  }
  if (at !== end - length) throw broken(path, 'is damaged');
  return { manifest, starts };
}

const newer = (path: string) =>
  new EgretError('EG-1721', { log: `${path} was written by a later version of Egret: restore it with that one` });

/** The bytes of a part as they stand in the file; fails at their end when they are not those that were written. */
async function* checked(path: string, file: FileHandle, part: Part, start: number): AsyncGenerator<Buffer> {
  const digest = createHash('sha256');
  for (let at = start; at < start + part.bytes; ) {
    const chunk = await read(file, at, Math.min(256 << 10, start + part.bytes - at));
    if (chunk.length === 0) throw broken(path, 'ends before its end');
    digest.update(chunk);
    at += chunk.length;
    yield chunk;
  }
  if (digest.digest('hex') !== part.sha256) throw broken(path, `has a damaged part ${part.table}`);
}

async function read(file: FileHandle, at: number, length: number): Promise<Buffer> {
  const { buffer, bytesRead } = await file.read(Buffer.alloc(length), 0, length, at);
  return buffer.subarray(0, bytesRead);
}
