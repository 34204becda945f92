import { createHash, generateKeyPairSync, randomBytes, sign } from 'node:crypto';
import fs from 'node:fs';
import http from 'node:http';
import https from 'node:https';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import type { Test } from 'tap';
import { scratch } from './scratch.ts';

/**
 * What stands before the gateways in earnest, as small as it can be: TLS ends here, each request goes to the next
 * process, whoever asks, and one that is down is left out. No request is tied to a process.
 */
export interface Balancer {
  readonly origin: string;
  /** PEM file of the certificate, which is its own authority: for NODE_EXTRA_CA_CERTS. */
  readonly authority: string;
  /** SHA-256 of its public key in base64: Chromium's --ignore-certificate-errors-spki-list. */
  readonly fingerprint: string;
  /** Requests answered by each process. */
  readonly answered: readonly number[];
  /** Requests that no process answered. */
  readonly lost: readonly string[];
}

/** @param to origins of the processes, http. @param port a free port, or 0. */
export async function balancer(t: Test, options: { to: readonly string[]; port?: number }): Promise<Balancer> {
  const { key, cert, fingerprint } = certificate('localhost');
  const authority = join(scratch(t, 'tls'), 'authority.pem');
  fs.writeFileSync(authority, cert);
  const answered = options.to.map(() => 0);
  const lost: string[] = [];
  let turn = 0;

  const server = https.createServer({ key, cert }, (request, reply) => {
    const chunks: Buffer[] = [];
    request.on('error', () => {});
    request.on('data', (chunk: Buffer) => chunks.push(chunk));
    request.on('end', () => pass(request, reply, Buffer.concat(chunks), turn++, options.to.length));
  });

  function pass(request: http.IncomingMessage, reply: http.ServerResponse, body: Buffer, first: number, left: number) {
    const side = first % options.to.length;
    const upstream = http.request(
      new URL(request.url ?? '/', options.to[side]),
      {
        method: request.method,
        agent: false,
        // what the caller says of itself is replaced, never added to
        headers: {
          ...request.headers,
          'x-forwarded-for': request.socket.remoteAddress,
          'x-forwarded-proto': 'https',
          'x-forwarded-host': request.headers.host,
        },
      },
      (answer) => {
        answered[side] = (answered[side] ?? 0) + 1;
        reply.writeHead(answer.statusCode ?? 502, answer.rawHeaders);
        answer.on('error', () => reply.destroy()).pipe(reply);
      },
    );
    upstream.on('error', (error: NodeJS.ErrnoException) => {
      if (reply.headersSent) return reply.destroy();
      // what may have been begun is asked again only where asking twice is harmless
      const unsent = error.code === 'ECONNREFUSED';
      if (left > 1 && (unsent || request.method === 'GET')) return pass(request, reply, body, first + 1, left - 1);
      lost.push(`${request.method} ${request.url?.replace(/\?.*/, '')} ${error.code}`);
      reply.writeHead(502).end();
    });
    upstream.end(body);
  }

  await new Promise<void>((done) => server.listen(options.port ?? 0, 'localhost', done));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return {
    origin: `https://localhost:${(server.address() as AddressInfo).port}`,
    authority,
    fingerprint,
    answered,
    lost,
  };
}

/**
 * A certificate for this name and 127.0.0.1, valid for a day, signed by itself (RFC 5280, version 3, ECDSA with
 * SHA-256); `fingerprint` is that of Balancer.
 */
export function certificate(host: string): { key: string; cert: string; fingerprint: string } {
  const { privateKey, publicKey } = generateKeyPairSync('ec', { namedCurve: 'P-256' });
  const algorithm = sequence(Buffer.from('06082a8648ce3d040302', 'hex'));
  // one attribute, commonName
  const name = sequence(tagged(0x31, sequence(Buffer.from('0603550403', 'hex'), tagged(0x0c, Buffer.from(host)))));
  const day = 86_400_000;
  const time = (at: number) =>
    tagged(0x17, Buffer.from(`${new Date(at).toISOString().slice(2, 19).replace(/[-:T]/g, '')}Z`));
  const spki = publicKey.export({ type: 'spki', format: 'der' });
  const extension = (oid: string, value: Buffer) => sequence(Buffer.from(oid, 'hex'), tagged(0x04, value));
  const serial = randomBytes(8);
  serial[0] = ((serial[0] ?? 0) & 0x3f) | 0x40;
  const body = sequence(
    tagged(0xa0, tagged(0x02, Buffer.from([2]))),
    tagged(0x02, serial),
    algorithm,
    name,
    sequence(time(Date.now() - day / 24), time(Date.now() + day)),
    name,
    spki,
    tagged(
      0xa3,
      sequence(
        // basicConstraints: an authority; subjectAltName: the name, and the address
        extension('0603551d13', sequence(tagged(0x01, Buffer.from([0xff])))),
        extension('0603551d11', sequence(tagged(0x82, Buffer.from(host)), tagged(0x87, Buffer.from([127, 0, 0, 1])))),
      ),
    ),
  );
  const signature = tagged(0x03, Buffer.concat([Buffer.from([0]), sign('sha256', body, privateKey)]));
  const lines =
    sequence(body, algorithm, signature)
      .toString('base64')
      .match(/.{1,64}/g) ?? [];
  return {
    key: privateKey.export({ type: 'pkcs8', format: 'pem' }) as string,
    cert: `-----BEGIN CERTIFICATE-----\n${lines.join('\n')}\n-----END CERTIFICATE-----\n`,
    fingerprint: createHash('sha256').update(spki).digest('base64'),
  };
}

function tagged(tag: number, value: Buffer): Buffer {
  const size = value.length;
  const length = size < 128 ? [size] : size < 256 ? [0x81, size] : [0x82, size >> 8, size & 0xff];
  return Buffer.concat([Buffer.from([tag, ...length]), value]);
}

const sequence = (...parts: Buffer[]): Buffer => tagged(0x30, Buffer.concat(parts));
