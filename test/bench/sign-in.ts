/**
 * Whether a crowd that signs in slows down those who are signed in: fifty people at once, through the real forms, with
 * passwords that are hashed at the configured cost, while one session roams without a pause. Its times before and after
 * are the measure of its times meanwhile, all of one run.
 */
import { once } from 'node:events';
import { Worker } from 'node:worker_threads';
import { privateKey } from './department.ts';
import { fixed, load, machine, quantile } from './figures.ts';
import { gateway, type OneGateway, register, signIn } from './gateway.ts';
import { freePorts } from './ports.ts';
import { closeConnections, roams } from './roaming.ts';
import { stage } from './stage.ts';

export interface SignInOptions {
  /** Crowds, one after the other. */
  readonly blocks: number;
  readonly people: number;
}

const target = 3;

/** Answers whether the slowest hundredth under load took at most three times that of an idle gateway. */
export async function signInBenchmark({ blocks, people }: SignInOptions): Promise<boolean> {
  const on = stage();
  try {
    const own = await gateway(on, await freePorts(3));
    const crowd = await own.own.people(people + 1);
    await register(own, crowd);
    const [roaming, ...signing] = crowd;
    const { jar } = await signIn(own, roaming as (typeof crowd)[number]);
    const cookie = jar.header('/authorize');
    const whole = { issuer: own.own.issuer, port: own.port, secret: '', key: privateKey };
    await roams(whole, 'signed', [{ cookie, forget: async () => {} }], 1_500, false);

    console.log(machine());
    console.log(`Redis and PostgreSQL on the same machine; ${await own.size()}; ${load()}`);
    console.log(`${people} people sign in at once, ${blocks} times; one session roams all the time (private_key_jwt)`);
    const worker = new Worker(new URL('./roamer.ts', import.meta.url), { workerData: { target: whole, cookie } });
    const during = async (work: () => Promise<unknown>): Promise<number[]> => {
      worker.postMessage('begin');
      await work();
      worker.postMessage('end');
      const [times] = await once(worker, 'message');
      return times;
    };
    const idle = () => during(() => new Promise((done) => setTimeout(done, 6_000)));
    const before = await idle();
    const spans: number[] = [];
    const loaded = await during(async () => {
      for (let n = 0; n < blocks; n++) spans.push(...(await crowdComes(own, signing)));
    });
    const after = await idle();
    await worker.terminate();

    const tell = (name: string, times: readonly number[]): void =>
      console.log(
        `  ${name.padEnd(12)} ${String(times.length).padStart(5)} roams: p50 ${fixed(quantile(times, 0.5), 1)} ms, p99 ${fixed(quantile(times, 0.99), 1)} ms, longest ${fixed(Math.max(...times), 1)} ms`,
      );
    tell('idle before', before);
    tell('meanwhile', loaded);
    tell('idle after', after);
    console.log(
      `  a sign-in: p50 ${fixed(quantile(spans, 0.5), 0)} ms, p99 ${fixed(quantile(spans, 0.99), 0)} ms, each of ${spans.length} arrived`,
    );
    const ratio = quantile(loaded, 0.99) / quantile([...before, ...after], 0.99);
    console.log(
      `  p99 meanwhile / p99 idle: ${fixed(ratio)}; target ≤ ${target}: ${ratio <= target ? 'held' : 'MISSED'}; ${load()}`,
    );
    return ratio <= target;
  } finally {
    closeConnections();
    await on.down();
  }
}

/** All of them at once, each in a browser of its own; how long each took until back at the department. */
function crowdComes(own: OneGateway, people: readonly Parameters<typeof signIn>[1][]): Promise<number[]> {
  return Promise.all(
    people.map(async (person) => {
      const began = performance.now();
      await signIn(own, person);
      return performance.now() - began;
    }),
  );
}
