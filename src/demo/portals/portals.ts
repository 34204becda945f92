/**
 * The demonstration's five departments and the page with all of them: one process, one server a port on 127.0.0.1.
 * It owns the departments' websites and their keys and secrets in the data folder; it owns no person, and shares no
 * code with the gateway. Base port: the overview; +1 人社, +2 公积金, +3 医保, +4 市场监管, +5 好差评.
 * Nothing here needs the gateway to be up: each site asks for its metadata when somebody signs in.
 */
import type { FastifyInstance } from 'fastify';
import { type Clock, systemClock } from './clock.ts';
import { gongjijin, department as gongjijinDepartment } from './gongjijin.ts';
import { haochaping, department as haochapingDepartment } from './haochaping.ts';
import { jianguan, department as jianguanDepartment } from './jianguan.ts';
import { overview } from './overview.ts';
import { renshe, department as rensheDepartment } from './renshe.ts';
import type { Department, Setting } from './website/department.ts';
import type { Website } from './website/website.ts';
import { yibao, department as yibaoDepartment } from './yibao.ts';

export interface Portals {
  /** One a server, in the order of the ports. */
  readonly addresses: readonly { readonly name: string; readonly url: string }[];
  close(): Promise<void>;
}

const departments: readonly [Department, (setting: Setting, clock: Clock) => Promise<Website>][] = [
  [rensheDepartment, renshe],
  [gongjijinDepartment, gongjijin],
  [yibaoDepartment, yibao],
  [jianguanDepartment, jianguan],
  [haochapingDepartment, haochaping],
];

/**
 * Starts all six servers, or none.
 * @throws Error with one sentence: a taken port, a closed data folder, a file that is no key.
 */
export async function startPortals(
  options: { basePort: number; issuer: URL; data: string },
  clock: Clock = systemClock,
): Promise<Portals> {
  const { basePort, issuer, data } = options;
  const at = (offset: number) => `http://127.0.0.1:${basePort + offset}`;
  const servers: { app: FastifyInstance; port: number; name: string }[] = [];
  const close = async () => {
    await Promise.all(servers.map(({ app }) => app.close()));
  };
  try {
    const stops = departments.map(([department]) => ({ department, origin: at(department.offset) }));
    servers.push({ app: await overview(at(0), issuer, stops), port: basePort, name: 'all portals' });
    for (const [department, create] of departments) {
      const origin = at(department.offset);
      const { app } = await create({ origin, issuer, data, overview: at(0) }, clock);
      servers.push({ app, port: basePort + department.offset, name: `${department.seal} ${department.id}` });
    }
    for (const { app, port } of servers) await app.listen({ host: '127.0.0.1', port });
  } catch (error) {
    await close();
    throw readable(error, data);
  }
  return { addresses: servers.map(({ name, port }) => ({ name, url: `http://127.0.0.1:${port}` })), close };
}

function readable(error: unknown, data: string): Error {
  const { code, port } = error as NodeJS.ErrnoException & { port?: number };
  if (code === 'EADDRINUSE') {
    return new Error(
      `Port ${port} on 127.0.0.1 is taken by another program: end that one, or choose other ports with --base-port.`,
    );
  }
  if (code === 'EACCES' && port !== undefined) {
    return new Error(`Port ${port} may not be opened by this user: choose other ports with --base-port.`);
  }
  if (code === 'EACCES' || code === 'EPERM' || code === 'ENOTDIR' || code === 'EROFS') {
    return new Error(`The folder ${data} cannot be written: allow it, or choose another with --data.`);
  }
  return error as Error;
}
