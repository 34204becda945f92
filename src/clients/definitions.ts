import { readdir, readFile, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { parse } from 'yaml';
import { EgretError } from '../errors.ts';
import { readFrom } from './department.ts';

/** What these files, and the YAML files of these folders, hold; EG-1601 names every file that holds no definition. */
export async function readDefinitions(places: readonly string[]): Promise<unknown[]> {
  const files: string[] = [];
  for (const path of places) {
    const found = await stat(path).catch(() => undefined);
    if (!found) throw new EgretError('EG-1601', { log: `${path} does not exist` });
    if (!found.isDirectory()) files.push(path);
    else
      files.push(
        ...(await readdir(path))
          .filter((name) => name.endsWith('.yaml'))
          .sort()
          .map((name) => join(path, name)),
      );
  }
  const wrong: string[] = [];
  const parsed: unknown[] = [];
  for (const file of files) {
    try {
      const one: unknown = parse(await readFile(file, 'utf8'));
      if (typeof (one as { client_id?: unknown } | null)?.client_id === 'string') parsed.push(readFrom(file, one));
      else wrong.push(`${file}: this is no definition of a client, it has no client_id`);
    } catch (error) {
      wrong.push(`${file}: ${(error as Error).message.split('\n')[0]}`);
    }
  }
  if (wrong.length > 0) throw new EgretError('EG-1601', { log: wrong.join('\n') });
  return parsed;
}
