import { randomInt } from 'node:crypto';
import fs from 'node:fs';
import net from 'node:net';
import type { Test } from 'tap';
import { differing, type StoreEpochs } from '../../src/store/epochs.ts';
import { leashed as leash, type Program, until } from './processes.ts';
import { scratch } from './scratch.ts';
import { find } from './wants.ts';

/** A redis-server of one test, empty, on a unix socket, with nothing on disk. */
export interface TestRedis {
  /** For `openRedis`. */
  readonly url: string;
  readonly socket: string;
  readonly pid: number;
  /** Ends it, by default as a power cut would. */
  kill(signal?: NodeJS.Signals): Promise<void>;
  /** Copies what it holds now to a file, as a backup would. */
  keep(): Promise<string>;
  /** Starts it again at the same address: empty, or with what was kept. */
  start(kept?: string): Promise<void>;
}

/** Starts a redis-server; ask `wants('redis-server')` first. */
export async function redis(t: Test, options: { args?: readonly string[] } = {}): Promise<TestRedis> {
  const folder = scratch(t, 'redis');
  const socket = `${folder}/s`;
  const args = ['--port', '0', '--unixsocket', socket, '--unixsocketperm', '700', '--save', '', '--dir', folder];
  let running: Program | undefined;
  let pid = 0;

  let copies = 0;
  async function start(kept?: string) {
    if (kept) fs.copyFileSync(kept, `${folder}/dump.rdb`);
    else fs.rmSync(`${folder}/dump.rdb`, { force: true });
    const started = await leashed(t, [...args, ...(options.args ?? [])]);
    running = started.program;
    pid = started.pid;
    await until(() => answers({ path: socket }));
  }
  async function keep() {
    if (!(await answers({ path: socket }, 'SAVE', '+OK'))) throw new Error('Redis did not save');
    const kept = `${folder}/kept-${copies++}.rdb`;
    fs.copyFileSync(`${folder}/dump.rdb`, kept);
    return kept;
  }
  await start();
  return {
    url: `unix://${socket}`,
    socket,
    get pid() {
      return pid;
    },
    keep,
    start,
    async kill(signal = 'SIGKILL') {
      process.kill(pid, signal);
      await running?.exit;
    },
  };
}

/** Starts redis-server with these arguments; it dies with this process. */
export async function leashed(t: Test, args: readonly string[]): Promise<{ program: Program; pid: number }> {
  const server = find('redis-server');
  if (!server) throw new Error('no redis-server on this machine: ask wants("redis-server") first');
  return leash(t, server, args);
}

/** A port of loopback below those that the kernel gives to clients, so that none of them takes it meanwhile. */
export async function freePort(): Promise<number> {
  for (;;) {
    const port = randomInt(10_240, 32_000);
    const free = await new Promise<boolean>((resolve) => {
      const trial = net.createServer().listen(port, '127.0.0.1', () => trial.close(() => resolve(true)));
      trial.on('error', () => resolve(false));
    });
    if (free) return port;
  }
}

/** Whether a server answers there, as it should. */
export function answers(where: net.NetConnectOpts, command = 'PING', answer = '+PONG'): Promise<boolean> {
  return new Promise((resolve) => {
    const connection = net.connect(where, () => connection.write(`${command}\r\n`));
    connection.on('data', (bytes) => {
      resolve(bytes.toString().startsWith(answer));
      connection.destroy();
    });
    connection.on('error', () => resolve(false));
    connection.on('close', () => resolve(false));
  });
}

/** Epochs of a Redis that stands without records: what it says of itself is believed. */
export const epochsAlone: StoreEpochs = {
  async agree(look, write) {
    const seen = await look();
    const agreed = new Map(seen.flatMap(({ bucket, written }) => (written ? [[bucket, written]] : [])));
    const next = differing(seen, agreed);
    await write(next.map((one) => ({ ...one, at: one.number === 1 ? 0 : Date.now() })));
    return new Map(
      [...agreed, ...next.map((one) => [one.bucket, one] as const)].map(([to, { number }]) => [to, number]),
    );
  },
  watch() {},
};
