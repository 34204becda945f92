/**
 * How soon a gateway is of use, and how little it holds: from the start of the process to the first 200 of /readyz, with
 * data, beside stores that run already; its memory then, and ten idle seconds later.
 */
import http from 'node:http';
import { fixed, load, machine, median } from './figures.ts';
import { gateway, register, signIn } from './gateway.ts';
import { freePorts } from './ports.ts';
import { stage } from './stage.ts';

const target = { ms: 1_500, bytes: 200 * 2 ** 20 };
const idle = 10_000;

/** Answers whether the middle of the runs is within both targets. */
export async function startBenchmark({ runs }: { runs: number }): Promise<boolean> {
  const on = stage();
  try {
    const own = await gateway(on, await freePorts(3));
    const people = await own.own.people(10);
    await register(own, people);
    for (const person of people) await signIn(own, person);
    console.log(machine());
    console.log(`Redis and PostgreSQL on the same machine, already up; ${await own.size()}; ${load()}`);
    const times: number[] = [];
    const sizes: number[] = [];
    for (let run = 1; run <= runs; run++) {
      await own.program().stop();
      const began = performance.now();
      const program = own.start();
      while (!(await ready(own.admin))) {
        if (program.over()) throw new Error(`it ended: ${program.output()}`);
        await new Promise((done) => setTimeout(done, 5));
      }
      const took = performance.now() - began;
      const atOnce = await program.meter();
      await new Promise((done) => setTimeout(done, idle));
      const later = await program.meter();
      times.push(took);
      sizes.push(Math.max(atOnce.rss, later.rss));
      console.log(
        `  run ${run}: ready after ${fixed(took, 0)} ms, ${fixed(atOnce.cpu / 1_000, 0)} ms of CPU by then; ${mebibytes(atOnce.rss)}, after ${idle / 1_000} s idle ${mebibytes(later.rss)}; ${load()}`,
      );
    }
    const well = median(times) <= target.ms && Math.max(...sizes) <= target.bytes;
    console.log(
      `  median ${fixed(median(times), 0)} ms, target ≤ ${target.ms} ms; most memory ${mebibytes(Math.max(...sizes))}, target ≤ ${mebibytes(target.bytes)}: ${well ? 'held' : 'MISSED'}`,
    );
    return well;
  } finally {
    await on.down();
  }
}

const mebibytes = (bytes: number): string => `${fixed(bytes / 2 ** 20, 0)} MiB`;

const ready = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const asked = http.get({ host: '127.0.0.1', port, path: '/readyz', agent: false }, (answer) => {
      answer.resume();
      resolve(answer.statusCode === 200);
    });
    asked.on('error', () => resolve(false));
  });
