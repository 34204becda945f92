import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { freeBase } from './city.ts';
import { database } from './database.ts';
import { node } from './processes.ts';
import { scratch } from './scratch.ts';

/** Patterns of the citizens' listener by method, as a gateway mounts them: a route made tomorrow is among them. */
export async function citizenRoutes(t: Test): Promise<Readonly<Record<'GET' | 'POST', readonly string[]>>> {
  const records = await database(t);
  const folder = scratch(t, 'routes');
  const gateway = node(t, resolve(import.meta.dirname, 'routes-told.ts'), ['serve'], {
    env: {
      EGRET_BASE_PORT: String(await freeBase()),
      EGRET_DATABASE_URL: records.url,
      EGRET_DATA: folder,
      EGRET_KEY_FILE: join(folder, 'key'),
    },
  });
  await gateway.waitFor(/"ready"/);
  const told = [...gateway.output().matchAll(/^route (\d+) (\w+) (\S+)$/gm)].map(([, listener, method, url]) => ({
    listener,
    method,
    url: url ?? '',
  }));
  await gateway.stop();
  const citizens = told.find(({ url }) => url === '/authorize')?.listener;
  const of = (wanted: string) => [
    ...new Set(told.filter((each) => each.listener === citizens && each.method === wanted).map(({ url }) => url)),
  ];
  return { GET: of('GET'), POST: of('POST') };
}
