import { mkdtempSync, rmSync, writeFileSync } from 'node:fs';
import net from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { Test } from 'tap';
import { startPortals } from '../../../src/demo/portals/portals.ts';
import type { Answer, Browser } from './browser.ts';
import { type Issuer, SECRET, startIssuer } from './issuer.ts';

/** What `/__demo/state` of a portal says. */
export interface State {
  session: {
    sub: string;
    sid: string;
    scope: string[];
    refreshes: number;
    claims: Record<string, unknown>;
    idTokenClaims: Record<string, number>;
  } | null;
  ended: string | null;
  notices: { outcome: string; reason?: string; ended?: number; sid?: string; mode: string }[];
  logoutMode: string;
}

/** The portals in this process, and an issuer for them; gone when the test file ends. */
export interface World {
  readonly issuer: Issuer;
  readonly base: number;
  at(portal: number, path?: string): string;
  state(browser: Browser, portal: number): Promise<State>;
  signIn(browser: Browser, portal: number): Promise<Answer>;
  installSecret(): void;
  /** Runs `work` with the portals' clock that far ahead. */
  later(ms: number, work: () => Promise<unknown>): Promise<void>;
}

export const [RENSHE, GONGJIJIN, YIBAO, JIANGUAN, HAOCHAPING] = [1, 2, 3, 4, 5] as const;

export async function openWorld(t: Test): Promise<World> {
  const data = mkdtempSync(join(tmpdir(), 'egret-portals-'));
  const base = await freePorts();
  const issuer = await startIssuer(base);
  let ahead = 0;
  const clock = { now: () => Date.now() + ahead };
  const portals = await startPortals({ basePort: base, issuer: new URL(issuer.url), data }, clock);
  t.beforeEach(() => {
    Object.assign(issuer, { down: false, userinfoDown: false, rewrite: undefined, forge: undefined });
    Object.assign(issuer.next, { acr: 'urn:egret:r1a1', declined: [], error: undefined });
  });
  t.teardown(async () => {
    await portals.close();
    await issuer.close();
    rmSync(data, { recursive: true, force: true });
  });
  const at = (portal: number, path = '/') => `http://127.0.0.1:${base + portal}${path}`;
  return {
    issuer,
    base,
    at,
    state: async (browser, portal) => (await browser.json(at(portal, '/__demo/state'))) as unknown as State,
    signIn: (browser, portal) => browser.get(at(portal, '/sign-in')),
    installSecret: () => writeFileSync(join(data, 'gongjijin.secret'), `${SECRET}\n`, { mode: 0o600 }),
    async later(ms, work) {
      ahead = ms;
      try {
        await work();
      } finally {
        ahead = 0;
      }
    },
  };
}

/** Six free ports in a row. */
export async function freePorts(): Promise<number> {
  for (let base = 21_000 + (process.pid % 500) * 10; ; base += 10) {
    const free = await Promise.all([0, 1, 2, 3, 4, 5].map((offset) => isFree(base + offset)));
    if (free.every(Boolean)) return base;
  }
}

function isFree(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const server = net.createServer().once('error', () => resolve(false));
    server.listen(port, '127.0.0.1', () => server.close(() => resolve(true)));
  });
}
