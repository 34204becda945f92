/**
 * `npm test`: starts the servers that tests share, runs tap on the files given (or on all), ends everything however
 * it ends, and closes with one plain line. `npm test -- test/store/redis.test.ts` runs one file; other arguments are
 * tap's own.
 */
import { spawn } from 'node:child_process';
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { brief } from './support/brief.ts';
import { serversFolder, socketVariable, startServer } from './support/servers.ts';
import { find, type Wanted } from './support/wants.ts';

const root = resolve(import.meta.dirname, '..');
const args = process.argv.slice(2);
const wanted: readonly Wanted[] = ['redis-server', 'postgresql', 'chromium', 'nginx'];
const missing = wanted.filter((each) => !find(each));

if (missing.length > 0 && process.env.CI === 'true') {
  console.error(`CI=true and no ${missing.join(', no ')} on this machine: .ci/run installs what is needed.`);
  process.exit(1);
}

const folder = serversFolder(`run-${process.pid}`);
forgetDeadRuns();
fs.mkdirSync(folder, { mode: 0o711 });
const embedded = await startServer('embedded', join(folder, 'embedded'));

// `debian` is started by the first file that wants it, in the same folder; see support/servers.ts.
const env = {
  ...process.env,
  EGRET_TEST_FOLDER: folder,
  // a run starts some hundred programs: what one has compiled, the next reads
  NODE_COMPILE_CACHE: join(folder, 'compiled'),
  [socketVariable.embedded]: embedded.socket,
};
const report = join(folder, 'report.tap');
// In front of somebody tap draws; in a log one line a file is enough.
const ours = !process.stdout.isTTY && !args.some((arg) => /^(-R|--reporter)/.test(arg));
const command = [fs.realpathSync(join(root, 'node_modules/.bin/tap')), ...args];
const tap = spawn(process.execPath, [...command, ours ? '--reporter=tap' : `--output-file=${report}`], {
  cwd: root,
  env,
  stdio: ['inherit', ours ? 'pipe' : 'inherit', 'inherit'],
});
const told = tap.stdout ? brief(tap.stdout, console.log) : undefined;

// Ctrl-C reaches tap by itself, a kill does not; either way tap ends first, then the servers.
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const)
  process.on(signal, () => {
    tap.kill(signal);
    setTimeout(() => tap.kill('SIGKILL'), 5_000).unref();
  });

const code = await new Promise<number>((done) => {
  tap.on('error', (error) => {
    console.error(error.message);
    done(1);
  });
  tap.on('close', (status, signal) => done(status ?? (signal ? 130 : 1)));
});

const raw = (await told) ?? (fs.existsSync(report) ? fs.readFileSync(report, 'utf8') : '');
embedded.release();
await stopped();
fs.rmSync(folder, { recursive: true, force: true });

for (const [reason, times] of leftOut(raw)) console.log(`${reason} (${times} ${times === 1 ? 'test' : 'tests'})`);
const { passed, failed } = totals(raw);
console.log(`${passed} passed, ${failed} failed`);
process.exit(code);

/** Waits until the servers are down: they write in their folder to the end. */
async function stopped() {
  const running = () =>
    (['embedded', 'debian'] as const).some((each) => fs.existsSync(join(folder, each, 'pg/postmaster.pid')));
  for (let tries = 0; running() && tries < 200; tries++) await new Promise((resolve) => setTimeout(resolve, 50));
}

/** What tap counted; a run that was cut short has no totals, and did not pass. */
function totals(text: string): { passed: number; failed: number } {
  const line = /^# \{ total: \d+.*\}$/m.exec(text)?.[0];
  if (!line)
    return {
      passed: (text.match(/^ok /gm) ?? []).length,
      failed: Math.max(1, (text.match(/^not ok /gm) ?? []).length),
    };
  const count = (name: string) => Number(new RegExp(`${name}: (\\d+)`).exec(line)?.[1] ?? 0);
  return { passed: count('pass'), failed: count('fail') };
}

function leftOut(text: string): Map<string, number> {
  const reasons = new Map<string, number>();
  for (const [, reason] of text.matchAll(/^ *ok .*# SKIP (left out: .*?)\s*$/gm))
    reasons.set(reason as string, (reasons.get(reason as string) ?? 0) + 1);
  return reasons;
}

/** Folders of runs that were killed. */
function forgetDeadRuns() {
  const pattern = new RegExp(`^${serversFolder('run-').split('/').at(-1)}(\\d+)$`);
  for (const name of fs.readdirSync('/tmp')) {
    const pid = pattern.exec(name)?.[1];
    if (pid && !fs.existsSync(`/proc/${pid}`)) fs.rmSync(join('/tmp', name), { recursive: true, force: true });
  }
}
