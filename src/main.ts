/** Starts a process: configuration, build, listen, close. */
import { fstatSync } from 'node:fs';
import type { Config } from './config.ts';
import { createGateway } from './gateway.ts';
import { openLog } from './observe/log.ts';

/** Milliseconds that an end may take beyond the grace of the listener. */
const patience = 30_000;

/**
 * Runs a gateway until it is told to stop: by SIGTERM, with the grace of the configuration; by SIGINT, or the end of its
 * input where it was started with one, without. It ends with 0; a second SIGTERM, or an end that takes too long, with 1.
 */
export async function serve(config: Config): Promise<void> {
  const log = openLog(config.logLevel);
  const gateway = await createGateway(config, log, ({ level = 'info', ...line }: { level?: 'info' | 'warn' }, text) =>
    log[level](line, text),
  );
  await gateway.listen();
  log.info({ issuer: config.issuer, admin: `http://localhost:${config.admin.port}` }, 'ready');
  let ending = false;
  const stop = async (grace: number): Promise<void> => {
    if (ending) return;
    ending = true;
    setTimeout(() => {
      log.error({}, 'not ended in time: what was under way is cut off');
      process.exit(1);
    }, grace + patience).unref();
    await gateway.close(grace);
    process.exit(0);
  };
  let told = false;
  process.on('SIGTERM', () => {
    if (told) process.exit(1);
    told = true;
    void stop(config.listen.grace);
  });
  // of somebody at a terminal: nobody balances between this process and another
  process.on('SIGINT', () => void stop(0));
  // started by a program that holds the other end: it ends with that program, however that one ended
  if (fstatSync(0).isFIFO() || fstatSync(0).isSocket()) process.stdin.on('end', () => void stop(0)).resume();
}
