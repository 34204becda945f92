import fs from 'node:fs';
import net from 'node:net';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { certificate } from './balancer.ts';
import { leashed, until } from './processes.ts';
import { freePort } from './redis.ts';
import { scratch } from './scratch.ts';
import { find } from './wants.ts';

/** An nginx with the configuration of docs/operate.md, for `id.city.example` on a port of loopback. */
export interface Nginx {
  readonly port: number;
  /** The certificate, PEM, which is its own authority. */
  readonly authority: string;
  /** SHA-256 of its public key in base64: Chromium's --ignore-certificate-errors-spki-list. */
  readonly fingerprint: string;
  /** What it wrote: warnings and errors. */
  output(): string;
}

const page = resolve(import.meta.dirname, '../../docs/operate.md');

/**
 * Starts it as a child of this process, no service of the machine; ask `wants('nginx')` first.
 * @param to ports of the gateways on 127.0.0.1
 */
export async function nginx(t: Test, options: { to: readonly number[] }): Promise<Nginx> {
  const server = find('nginx');
  if (!server) throw new Error('no nginx on this machine: ask wants("nginx") first');
  const folder = scratch(t, 'nginx');
  const { key, cert, fingerprint } = certificate('id.city.example');
  fs.writeFileSync(join(folder, 'key.pem'), key, { mode: 0o600 });
  fs.writeFileSync(join(folder, 'cert.pem'), cert);
  const port = await freePort();
  const block = /^```nginx\n([\s\S]*?)^```$/m.exec(fs.readFileSync(page, 'utf8'))?.[1];
  if (!block) throw new Error('docs/operate.md has no block for nginx');
  const own = [
    ['  server 127.0.0.1:4000', options.to.map((each) => `  server 127.0.0.1:${each}`)],
    ['listen 443 ', [`listen 127.0.0.1:${port} `]],
    ['/etc/egret/tls/fullchain.pem', [join(folder, 'cert.pem')]],
    ['/etc/egret/tls/privkey.pem', [join(folder, 'key.pem')]],
  ] as const;
  const text = own.reduce((all, [documented, ours]) => {
    const line = all.split('\n').find((each) => each.includes(documented));
    if (!line) throw new Error(`the block for nginx in docs/operate.md has no "${documented}"`);
    return all.replace(line, ours.map((each) => line.replace(documented, each)).join('\n'));
  }, block);
  const folders = ['client_body', 'proxy', 'fastcgi', 'uwsgi', 'scgi'].map((name) => `${name}_temp_path ${folder}/t;`);
  fs.writeFileSync(
    join(folder, 'nginx.conf'),
    // one process, so that none is left when it is killed
    `daemon off; master_process off; pid ${folder}/pid; error_log stderr warn;
events { worker_connections 512; }
http {
access_log off; default_type text/plain; ${folders.join(' ')}
${text}}
`,
  );
  const { program } = await leashed(t, server, ['-p', folder, '-e', 'stderr', '-c', join(folder, 'nginx.conf')]);
  let over = false;
  program.exit.finally(() => {
    over = true;
  });
  await until(() => {
    if (over) throw new Error(`nginx ended: ${program.output()}`);
    return listening(port);
  });
  return { port, authority: cert, fingerprint, output: program.output };
}

const listening = (port: number): Promise<boolean> =>
  new Promise((done) => {
    const trial = net.connect(port, '127.0.0.1', () => done(true)).on('error', () => done(false));
    trial.on('connect', () => trial.destroy());
  });
