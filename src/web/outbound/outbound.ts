import { lookup } from 'node:dns/promises';
import http from 'node:http';
import https from 'node:https';
import type { LookupFunction, Socket } from 'node:net';
import type { ConnectionOptions } from 'node:tls';
import { isPublic, namesPrivateHost } from './public-address.ts';

/** As the global one; it rejects with a TypeError whose cause has the `code`. */
export type Fetch = typeof globalThis.fetch;

export interface OutboundOptions {
  /** http and every address: portals and simulator of a development are on loopback. */
  readonly development: boolean;
  /** All addresses of a name; the system's resolver where none is given. */
  readonly resolve?: (name: string) => Promise<readonly { address: string; family: number }[]>;
  /** Opens a connection, to what `lookup` among its options answers; that of the agent where none is given. */
  readonly connect?: (options: ConnectionOptions) => Socket;
}

/** Milliseconds for all of a call, its body included: a department has as long to answer a logout notice. */
const deadline = 5_000;
/** Bytes of an answer: key sets and envelopes have a few kilobytes. */
const largest = 256 * 1024;

/**
 * The one door to other hosts: what a client's record, a request or the configuration names is called through here.
 * Outside development only https goes out, and only to public addresses. Every address of a name is looked at when the
 * connection is made, and it is made to these very addresses: asked again, a resolver may answer something else
 * (DNS rebinding). No redirect is followed, nobody's user and password are sent, no answer is unpacked.
 */
export function createOutbound({ development, resolve = everyAddress, connect }: OutboundOptions): Fetch {
  // asked for a host that is a name; an address by itself is looked at before
  const checked: LookupFunction = (name, { all }, done) => {
    const settle = (found: readonly { address: string; family: number }[]): void => {
      const [first] = found;
      // one that is not public among them is enough: which one is tried first is not ours to say
      const allowed = development || found.every(({ address }) => isPublic(address));
      if (!first || !allowed) done(forbidden(), '');
      else if (all) done(null, [...found]);
      else done(null, first.address, first.family);
    };
    resolve(name).then(settle, (error) => done(error, ''));
  };
  // what is kept open was checked when it was opened
  const kept = { keepAlive: true, timeout: 30_000, maxFreeSockets: 16, lookup: checked };
  const agents = { http: new http.Agent(kept), https: new https.Agent(kept) };
  if (connect) for (const agent of Object.values(agents)) Object.assign(agent, { createConnection: connect });

  return async (input, init) => {
    // refuses what is no URL, and one with a user or a password
    const asked = new Request(input, { ...init, redirect: 'manual' });
    const url = new URL(asked.url);
    if (!development && (url.protocol !== 'https:' || namesPrivateHost(url)))
      throw new TypeError('not called', { cause: forbidden() });
    const body = Buffer.from(await asked.arrayBuffer());
    const [{ request }, agent] = url.protocol === 'https:' ? [https, agents.https] : [http, agents.http];
    const signal = AbortSignal.any([asked.signal, AbortSignal.timeout(deadline)]);
    const headers = { ...Object.fromEntries(asked.headers), 'accept-encoding': 'identity' };
    return new Promise((answered, failed) => {
      const fail = (cause: unknown) => failed(new TypeError('no answer', { cause }));
      request(url, { method: asked.method, headers, agent, signal })
        .on('error', fail)
        .on('response', (answer) => {
          answer.on('error', fail);
          try {
            answered(responseOf(answer));
          } catch (error) {
            answer.destroy();
            fail(error);
          }
        })
        .end(body);
    });
  };
}

const everyAddress = (name: string) => lookup(name, { all: true });

const forbidden = () => Object.assign(new Error('an address that is not called'), { code: 'forbidden-address' });

function responseOf(answer: http.IncomingMessage): Response {
  const { statusCode: status = 0, rawHeaders } = answer;
  const headers = new Headers();
  for (let n = 0; n + 1 < rawHeaders.length; n += 2) headers.append(rawHeaders[n] ?? '', rawHeaders[n + 1] ?? '');
  const empty = status === 204 || status === 205 || status === 304;
  if (empty) answer.resume();
  return new Response(empty ? null : ReadableStream.from(bounded(answer)), { status, headers });
}

async function* bounded(answer: http.IncomingMessage): AsyncGenerator<Uint8Array> {
  let size = 0;
  for await (const chunk of answer as AsyncIterable<Uint8Array>) {
    size += chunk.length;
    // leaving the loop ends the connection
    if (size > largest) throw Object.assign(new Error('an answer without end'), { code: 'too-large' });
    yield chunk;
  }
}
