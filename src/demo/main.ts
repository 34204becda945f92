/**
 * `npm start`: the gateway, the province simulator and the demo portals on loopback, with what one needs to try them.
 * It starts three programs and ends them; they meet on the wire only. Settings: EGRET_BASE_PORT (4000; all ports shift
 * with it), EGRET_DATA (.data), and whatever the gateway itself reads.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';
import { holdFolder, markOf, takenPort, whenNpmEnds } from './alone.ts';

const root = resolve(import.meta.dirname, '../..');
const patience = 120_000;

function giveUp(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}

if (!fs.existsSync(join(root, 'node_modules'))) giveUp('The packages are not installed: run `npm ci` first.');
const { loadConfig } = await import('../config.ts');
const config = settings();
const { basePort: base, dataFolder: data, issuer } = config;
const admin = `http://localhost:${config.admin.port}`;
const province = `http://127.0.0.1:${base + 100}`;
const portal = (n: number): string => `http://127.0.0.1:${base + 200 + n}`;
const env = { ...process.env, EGRET_BASE_PORT: String(base), EGRET_DATA: data };
const logs = join(data, 'logs');
const children: ChildProcess[] = [];
let ending = false;

await claim();
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0));
whenNpmEnds(() => end(0));
try {
  start('province', 'src/demo/province/main.ts', [
    ...['--port', `${base + 100}`, '--data', join(data, 'province')],
    '--with-parent',
  ]);
  start('portals', 'src/demo/portals/main.ts', [
    ...['--base-port', `${base + 200}`, '--issuer', issuer, '--data', join(data, 'portals')],
    '--with-parent',
  ]);
  start('gateway', 'src/cli/main.ts', ['serve'], { EGRET_CLIENTS: clientsFolder() });
  await until(async () => (await ask(`${admin}/readyz`)).ok);
  await until(async () => (await ask(`${province}/__sim/clock`)).ok);
  await introduce();
  await installSecret();
  await until(async () => (await ask(portal(0))).ok);
  welcome();
} catch (error) {
  // what was under way when we were told to end fails, and that is no news
  if (!ending) {
    console.error(`The city did not start: ${(error as Error).message.split('\n')[0]}. The logs are in ${logs}.`);
    end(1);
  }
}

function settings(): ReturnType<typeof loadConfig> {
  try {
    const read = loadConfig();
    if (read.mode === 'production')
      giveUp('`npm start` is the demonstration on one machine; in production run `egret serve`.');
    return read;
  } catch (error) {
    giveUp(`${(error as { code?: string }).code ?? ''}  ${(error as Error).message}`.trim());
  }
}

/** The data folder is ours alone and can be written, the ports are free; else one sentence and what to do. */
async function claim(): Promise<void> {
  const other = base + 1000 > 65_000 ? base - 1000 : base + 1000;
  const beside = `EGRET_BASE_PORT=${other} EGRET_DATA=.data-${other} npm start`;
  try {
    fs.mkdirSync(data, { recursive: true, mode: 0o711 });
    fs.mkdirSync(logs, { recursive: true, mode: 0o700 });
    fs.accessSync(logs, fs.constants.W_OK);
    fs.accessSync(data, fs.constants.W_OK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === 'ENOSPC') giveUp(`The disk of the data folder ${data} is full: free some space and start again.`);
    const why = code === 'EEXIST' || code === 'ENOTDIR' ? 'is not a folder' : 'cannot be written by this user';
    giveUp(`The data folder ${data} ${why}: start as the user it belongs to, or name another one with EGRET_DATA.`);
  }
  if (!(await holdFolder(data)))
    giveUp(`An Egret already runs with the data folder ${data}: end it, or start this one beside it: ${beside}`);
  const killed = fs.existsSync(markOf(data));
  const ports = [config.listen.port, config.admin.port, base + 100, ...[0, 1, 2, 3, 4, 5].map((n) => base + 200 + n)];
  const port = await takenPort(ports, killed ? 10_000 : 0);
  if (port !== undefined)
    giveUp(`Port ${port} is taken by another program or another Egret: end it, or start this one beside it: ${beside}`);
  fs.writeFileSync(markOf(data), '');
}

function start(name: string, file: string, args: string[], more: Record<string, string> = {}): void {
  const path = join(logs, `${name}.log`);
  const log = fs.openSync(path, 'a', 0o600);
  // stdin is a pipe that closes when this process ends, however it ends: then each child ends too
  const child = spawn(process.execPath, [join(root, file), ...args], {
    cwd: root,
    env: { ...env, ...more },
    stdio: ['pipe', log, 'pipe'],
    detached: true, // Ctrl-C reaches us alone; we end them in order
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    fs.writeSync(log, chunk);
    said = (said + chunk).slice(-2000);
  });
  child.stdin?.on('error', () => {}); // it ended by itself
  const gone = (why: string): void => {
    if (ending) return;
    console.error(`The ${name} ended (${why}). ${said.trim()}\nIts log: ${path}`);
    end(1);
  };
  child.on('error', (error) => gone(error.message));
  child.on('close', (code, signal) => gone(`${code ?? signal}`));
  children.push(child);
}

function end(code: number): void {
  if (ending) return;
  ending = true;
  const left = children.filter((child) => child.pid && child.exitCode === null && child.signalCode === null);
  for (const child of left) child.stdin?.end();
  const slow = setTimeout(() => {
    for (const child of left) child.kill('SIGKILL');
  }, 10_000);
  Promise.all(left.map((child) => new Promise((done) => child.on('exit', done)))).then(() => {
    clearTimeout(slow);
    fs.rmSync(markOf(data), { force: true });
    process.exit(code);
  });
}

function welcome(): void {
  console.log(`
gateway     ${issuer}
operators   ${admin}  (/readyz, /metrics)
province    ${province}  (a simulator: no real person, no real number)
SMS inbox   ${province}/__sim/inbox
portals     ${portal(0)}
  人社        ${portal(1)}
  公积金      ${portal(2)}
  医保        ${portal(3)}
  市场监管    ${portal(4)}
  好差评      ${portal(5)}

Try first: open ${portal(1)} and press 用白鹭通行证登录, then 注册.
  A person the province knows: 测试甲, number 350299199001010117, mobile 15400000117.
  The code arrives in the SMS inbox above. Then open the other portals: no second login.
Ready in ${(performance.now() / 1000).toFixed(1)} s. Logs: ${logs}.
Ctrl-C ends everything; the data stays (\`npm run reset\` forgets it).
`);
}

function ask(url: string, init: RequestInit = {}): Promise<Response> {
  return fetch(url, { ...init, signal: AbortSignal.timeout(5_000) });
}

/** Tells the province our public keys, as the two sides would on paper. */
async function introduce(): Promise<void> {
  const { keys } = (await (await ask(`${admin}/bridge/public-keys`)).json()) as { keys: unknown[] };
  const answer = await ask(`${province}/__sim/callers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({
      callerCode: 'EGRET',
      returnUrlPrefixes: [`${issuer}/signin/`],
      smsSignature: '白鹭通行证',
      keys,
    }),
  });
  if (!answer.ok) throw new Error(`the province did not take our keys: ${answer.status}`);
}

/** 公积金 signs in with a secret: made once by the command line, kept where the portal reads it. */
async function installSecret(): Promise<void> {
  const file = join(data, 'portals', 'gongjijin.secret');
  const egret = async (...args: string[]): Promise<string> => {
    const ran = promisify(execFile)(process.execPath, [join(root, 'src/cli/main.ts'), ...args], { cwd: root, env });
    children.push(ran.child);
    return (await ran).stdout;
  };
  // a database of one's own may have been made anew since
  const known = async () => JSON.parse(await egret('clients', 'show', 'gongjijin', '--json')).secrets > 0;
  if (fs.existsSync(file) && (!config.database.url || (await known()))) return;
  const stdout = await egret('clients', 'secret', 'gongjijin');
  // whole or not at all: half a secret would be kept for good
  fs.writeFileSync(`${file}.new`, stdout.trim(), { mode: 0o600 });
  fs.renameSync(`${file}.new`, file);
}

/** The portals' registrations; where the ports are shifted, copies that say so. */
function clientsFolder(): string {
  // one that is not there is said by the gateway, in its own sentence
  if (base === 4000 || !fs.existsSync(config.clientsFolder)) return config.clientsFolder;
  const folder = join(data, 'clients');
  fs.mkdirSync(folder, { recursive: true });
  for (const file of fs.readdirSync(config.clientsFolder).filter((name) => name.endsWith('.yaml'))) {
    const text = fs
      .readFileSync(join(config.clientsFolder, file), 'utf8')
      .replace(/127\.0\.0\.1:42(\d\d)/g, (_all, n) => `127.0.0.1:${base + 200 + Number(n)}`);
    fs.writeFileSync(join(folder, file), text);
  }
  return folder;
}

async function until(ready: () => Promise<boolean>): Promise<void> {
  const deadline = performance.now() + patience;
  while (!(await ready().catch(() => false))) {
    if (ending) throw new Error('told to end');
    if (performance.now() > deadline) throw new Error(`it is not ready after ${patience / 1000} seconds`);
    await pause(50);
  }
}
