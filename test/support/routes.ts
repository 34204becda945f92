import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { freeBase } from './city.ts';
import { database } from './database.ts';
import { node } from './processes.ts';
import { scratch } from './scratch.ts';

export interface Route {
  readonly listener: 'public' | 'admin';
  readonly method: string;
  readonly url: string;
}

/** Patterns of the citizens' listener by method, as a gateway mounts them: a route made tomorrow is among them. */
export async function citizenRoutes(t: Test): Promise<Readonly<Record<'GET' | 'POST', readonly string[]>>> {
  const routes = await routeTable(t);
  const of = (wanted: string) =>
    routes.filter(({ listener, method }) => listener === 'public' && method === wanted).map(({ url }) => url);
  return { GET: of('GET'), POST: of('POST') };
}

/** Every route of both listeners, once. */
export async function routeTable(t: Test): Promise<readonly Route[]> {
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
  const told = [...gateway.output().matchAll(/^route (\d+) (\w+) (\S+)$/gm)];
  await gateway.stop();
  const operators = told.find(([, , , url]) => url === '/metrics')?.[1];
  const all = told.map(([, listener, method = '', url = '']): [string, Route] => {
    const route = { listener: listener === operators ? 'admin' : 'public', method, url } as const;
    return [JSON.stringify(route), route];
  });
  return [...new Map(all).values()];
}
