/** Starts a process: configuration, build, listen, close. */
import { fstatSync } from 'node:fs';
import type { Config } from './config.ts';
import { createGateway } from './gateway.ts';
import { openLog } from './observe/log.ts';

/** Runs a gateway until it is told to stop (SIGTERM, SIGINT, or the end of its input where it was started with one). */
export async function serve(config: Config): Promise<void> {
  const log = openLog(config.logLevel);
  const gateway = await createGateway(config, log, ({ level = 'info', ...line }: { level?: 'info' | 'warn' }, text) =>
    log[level](line, text),
  );
  await gateway.listen();
  log.info({ issuer: config.issuer, admin: `http://localhost:${config.admin.port}` }, 'ready');
  let closing = false;
  const stop = async (): Promise<void> => {
    if (closing) return;
    closing = true;
    await gateway.close();
    process.exit(0);
  };
  for (const signal of ['SIGTERM', 'SIGINT'] as const) process.on(signal, () => void stop());
  // started by a program that holds the other end: it ends with that program, however that one ended
  if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) process.stdin.on('end', () => void stop()).resume();
}
