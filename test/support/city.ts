import net from 'node:net';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { codeSentTo } from './inbox.ts';
import { node, type Program } from './processes.ts';
import { scratch } from './scratch.ts';

/** A whole city as `npm start` runs it, on ports and data of its own. */
export interface City {
  readonly base: number;
  readonly issuer: string;
  readonly admin: string;
  readonly province: string;
  portal(n: number): string;
  readonly program: Program;
  readonly data: string;
  /** The latest code sent to this mobile, as its owner reads it. */
  code(mobile: string, after?: number): Promise<string>;
}

export async function city(t: Test, env: Record<string, string> = {}): Promise<City> {
  const data = scratch(t, 'city', 0o711);
  const base = await freeBase();
  const program = node(t, resolve(import.meta.dirname, '../../src/demo/main.ts'), [], {
    env: {
      EGRET_BASE_PORT: String(base),
      EGRET_DATA: data,
      EGRET_KEY_FILE: join(data, 'keys', 'key-encryption.key'),
      ...env,
    },
  });
  await program.waitFor(/Ctrl-C ends everything/, 60_000);
  t.teardown(() => program.stop('SIGTERM'));
  const province = `http://127.0.0.1:${base + 100}`;
  return {
    base,
    issuer: `http://localhost:${base}`,
    admin: `http://localhost:${base + 1}`,
    province,
    portal: (n) => `http://127.0.0.1:${base + 200 + n}`,
    program,
    data,
    code: (mobile, after) => codeSentTo(province, mobile, after),
  };
}

/** A base whose ports are free: gateway, admin, province, portals. */
export async function freeBase(): Promise<number> {
  for (let tries = 0; tries < 50; tries++) {
    const base = 10_000 + Math.floor(Math.random() * 400) * 100 + Math.floor(Math.random() * 40);
    const all = [base, base + 1, base + 100, ...[200, 201, 202, 203, 204, 205].map((n) => base + n)];
    if ((await Promise.all(all.map(free))).every(Boolean)) return base;
  }
  throw new Error('no free ports');
}

const free = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const probe = net.createServer();
    probe.once('error', () => done(false)).once('listening', () => probe.close(() => done(true)));
    probe.listen(port, '127.0.0.1');
  });
