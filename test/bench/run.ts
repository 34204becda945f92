/**
 * `npm run bench -- roam | sign-in | start`: measures what tests cannot, prints it with the machine it was taken on,
 * and exits 1 where a target is missed. `--blocks`, `--roams`, `--concurrency`, `--crowds`,
 * `--people`, `--runs` change how much is measured; `--profile <folder>` writes a CPU profile of the gateway (roam).
 */
import { parseArgs } from 'node:util';

const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    blocks: { type: 'string', default: '12' },
    roams: { type: 'string', default: '400' },
    concurrency: { type: 'string', default: '8' },
    crowds: { type: 'string', default: '4' },
    people: { type: 'string', default: '50' },
    runs: { type: 'string', default: '5' },
    profile: { type: 'string' },
  },
});
const number = (text: string): number => Math.max(1, Number.parseInt(text, 10) || 1);

const benchmarks: Readonly<Record<string, () => Promise<boolean>>> = {
  roam: async () =>
    (await import('./roam.ts')).roamBenchmark({
      blocks: number(values.blocks),
      roams: number(values.roams),
      concurrency: number(values.concurrency),
      profile: values.profile,
    }),
  'sign-in': async () =>
    (await import('./sign-in.ts')).signInBenchmark({ blocks: number(values.crowds), people: number(values.people) }),
  start: async () => (await import('./start.ts')).startBenchmark({ runs: number(values.runs) }),
};

const [name = ''] = positionals;
const benchmark = Object.hasOwn(benchmarks, name) ? benchmarks[name] : undefined;
if (!benchmark) {
  console.error(`Which? npm run bench -- ${Object.keys(benchmarks).join(' | ')}`);
  process.exit(2);
}
process.exit((await benchmark()) ? 0 : 1);
