/** A person who roams without a pause, on a thread of its own, so that what else the benchmark does delays nothing here. */
import { parentPort, workerData } from 'node:worker_threads';
import { roam, type Target } from './roaming.ts';

const { target, cookie } = workerData as { target: Target; cookie: string };
let going = false;

async function go(): Promise<void> {
  const times: number[] = [];
  while (going) times.push(await roam(target, 'signed', cookie));
  parentPort?.postMessage(times);
}

parentPort?.on('message', (said: 'begin' | 'end') => {
  going = said === 'begin';
  if (going) void go();
});
