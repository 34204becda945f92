/**
 * `npm start`: the gateway, the province simulator and the demo portals on loopback, with what one needs to try them.
 * It starts three programs and ends them; they meet on the wire only. Settings: EGRET_BASE_PORT (4000; all ports shift
 * with it), EGRET_DATA (.data), and whatever the gateway itself reads.
 */
import { type ChildProcess, execFile, spawn } from 'node:child_process';
import fs from 'node:fs';
import net from 'node:net';
import { join, resolve } from 'node:path';
import { setTimeout as pause } from 'node:timers/promises';
import { promisify } from 'node:util';

const root = resolve(import.meta.dirname, '../..');
const base = Number(process.env.EGRET_BASE_PORT ?? 4000);
const data = resolve(root, process.env.EGRET_DATA ?? '.data');
const issuer = `http://localhost:${base}`;
const admin = `http://localhost:${base + 1}`;
const province = `http://127.0.0.1:${base + 100}`;
const portal = (n: number): string => `http://127.0.0.1:${base + 200 + n}`;
const env = { ...process.env, EGRET_BASE_PORT: String(base), EGRET_DATA: data };

function giveUp(sentence: string): never {
  console.error(sentence);
  process.exit(1);
}

if (!Number.isInteger(base) || base < 1024 || base > 65_000)
  giveUp('EGRET_BASE_PORT must be a port from 1024 to 65000.');
try {
  fs.mkdirSync(data, { recursive: true, mode: 0o711 });
  fs.accessSync(data, fs.constants.W_OK);
} catch {
  giveUp(`The data folder ${data} cannot be written: give EGRET_DATA a folder of yours.`);
}
for (const port of [base, base + 1, base + 100, ...[0, 1, 2, 3, 4, 5].map((n) => base + 200 + n)]) {
  if (await taken(port))
    giveUp(
      `Port ${port} is taken, by another program or by an Egret that already runs: end it, or start with EGRET_BASE_PORT=${base + 1000}.`,
    );
}

const logs = join(data, 'logs');
fs.mkdirSync(logs, { recursive: true, mode: 0o700 });
const children: ChildProcess[] = [];
let ending = false;

const start = (name: string, file: string, args: string[], more: Record<string, string> = {}): void => {
  const log = fs.openSync(join(logs, `${name}.log`), 'a', 0o600);
  // stdin is a pipe that closes when this process ends, however it ends: then each child ends too
  const child = spawn(process.execPath, [join(root, file), ...args], {
    cwd: root,
    env: { ...env, ...more },
    stdio: ['pipe', log, 'pipe'],
    detached: true,
  });
  let said = '';
  child.stderr?.on('data', (chunk: Buffer) => {
    fs.writeSync(log, chunk);
    said = (said + chunk).slice(-2000);
  });
  child.on('exit', (code) => {
    if (ending) return;
    console.error(`The ${name} ended (${code}). ${said.trim()}\nIts log: ${join(logs, `${name}.log`)}`);
    end(1);
  });
  children.push(child);
};

function end(code: number): void {
  if (ending) return;
  ending = true;
  const left = children.filter((child) => child.exitCode === null && child.signalCode === null);
  for (const child of left) child.stdin?.end();
  const slow = setTimeout(() => {
    for (const child of left) child.kill('SIGKILL');
  }, 10_000);
  Promise.all(left.map((child) => new Promise((done) => child.on('exit', done)))).then(() => {
    clearTimeout(slow);
    process.exit(code);
  });
}
for (const signal of ['SIGINT', 'SIGTERM', 'SIGHUP'] as const) process.on(signal, () => end(0));

start('province', 'src/demo/province/main.ts', [
  '--port',
  String(base + 100),
  '--data',
  join(data, 'province'),
  '--with-parent',
]);
start('portals', 'src/demo/portals/main.ts', [
  '--base-port',
  String(base + 200),
  '--issuer',
  issuer,
  '--data',
  join(data, 'portals'),
  '--with-parent',
]);
start('gateway', 'src/cli/main.ts', ['serve'], { EGRET_CLIENTS: clientsFolder() });

await until(async () => (await fetch(`${admin}/readyz`)).ok);
await until(async () => (await fetch(`${province}/__sim/clock`)).ok);
await introduce();
await installSecret();
await until(async () => (await fetch(portal(0))).ok);

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
Logs: ${logs}. Ctrl-C ends everything; the data stays (npm run reset forgets it).
`);

/** Tells the province our public keys, as the two sides would on paper. */
async function introduce(): Promise<void> {
  const { keys } = (await (await fetch(`${admin}/bridge/public-keys`)).json()) as { keys: unknown[] };
  const answer = await fetch(`${province}/__sim/callers`, {
    method: 'POST',
    headers: { 'content-type': 'application/json' },
    body: JSON.stringify({ callerCode: 'EGRET', returnUrlPrefixes: [`${issuer}/signin/`], keys }),
  });
  if (!answer.ok) throw new Error(`the province did not take our keys: ${answer.status}`);
}

/** 公积金 signs in with a secret: made once by the command line, kept where the portal reads it. */
async function installSecret(): Promise<void> {
  const file = join(data, 'portals', 'gongjijin.secret');
  if (fs.existsSync(file)) return;
  const { stdout } = await promisify(execFile)(
    process.execPath,
    [join(root, 'src/cli/main.ts'), 'clients', 'secret', 'gongjijin'],
    { cwd: root, env },
  );
  fs.writeFileSync(file, stdout.trim(), { mode: 0o600 });
}

/** The portals' registrations; where the ports are shifted, copies that say so. */
function clientsFolder(): string {
  const own = join(root, 'config/clients');
  if (base === 4000) return own;
  const folder = join(data, 'clients');
  fs.mkdirSync(folder, { recursive: true });
  for (const file of fs.readdirSync(own)) {
    const text = fs
      .readFileSync(join(own, file), 'utf8')
      .replace(/127\.0\.0\.1:42(\d\d)/g, (_all, n) => `127.0.0.1:${base + 200 + Number(n)}`);
    fs.writeFileSync(join(folder, file), text);
  }
  return folder;
}

function taken(port: number): Promise<boolean> {
  return new Promise((done) => {
    const probe = net.createServer();
    probe.once('error', () => done(true)).once('listening', () => probe.close(() => done(false)));
    probe.listen(port, '127.0.0.1');
  });
}

async function until(ready: () => Promise<boolean>): Promise<void> {
  for (let tries = 0; tries < 600 && !ending; tries++) {
    if (await ready().catch(() => false)) return;
    await pause(50);
  }
  if (!ending) {
    console.error(`Not ready after 30 seconds. The logs are in ${logs}.`);
    end(1);
  }
  await new Promise(() => {});
}
