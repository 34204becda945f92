import net from 'node:net';
import type { Route } from '../support/routes.ts';

/** Bytes for a socket that no HTTP library of ours would send. */
export interface Bytes {
  readonly kind: string;
  readonly bytes: string | Buffer;
  /** `refused`: 4xx and the end; `one`: the endpoint's own answer, and only one. */
  readonly wanted: 'refused' | 'one';
}

const form = 'content-type: application/x-www-form-urlencoded\r\n';
/** What hides behind the first request; whoever reads two lengths differently answers it. */
const hidden = 'GET /smuggled HTTP/1.1\r\nhost: smuggled\r\n\r\n';

/** Two readings of where a request ends (RFC 9112, 6.3 and 11.2). */
export function smuggled(path: string, host: string): readonly Bytes[] {
  const of = (lines: string, body = `0\r\n\r\n${hidden}`): string =>
    `POST ${path} HTTP/1.1\r\nhost: ${host}\r\n${form}${lines}\r\n${body}`;
  const all: Readonly<Record<string, string>> = {
    'a length, then chunks': of('content-length: 4\r\ntransfer-encoding: chunked\r\n'),
    'chunks, then a length': of('transfer-encoding: chunked\r\ncontent-length: 4\r\n'),
    'two lengths': of('content-length: 4\r\ncontent-length: 60\r\n'),
    'a list of lengths': of('content-length: 5, 6\r\n'),
    'a length with a sign': of('content-length: +5\r\n'),
    'a negative length': of('content-length: -1\r\n'),
    'a length in hex': of('content-length: 0x5\r\n'),
    'a length with a space': of('content-length: 5 5\r\n'),
    'an unknown coding': of('transfer-encoding: xchunked\r\n'),
    'chunked, but not last': of('transfer-encoding: chunked, identity\r\n'),
    'a space before the colon': of('transfer-encoding : chunked\r\ncontent-length: 4\r\n'),
    'a folded coding': of('transfer-encoding:\r\n chunked\r\ncontent-length: 4\r\n'),
    'a coding after a NUL': of('transfer-encoding: \0chunked\r\ncontent-length: 4\r\n'),
    'a chunk of no size': of('transfer-encoding: chunked\r\n', `zz\r\n\r\n${hidden}`),
    'a chunk of a huge size': of('transfer-encoding: chunked\r\n', `fffffffffffffffff\r\na\r\n${hidden}`),
    'a chunk longer than it says': of('transfer-encoding: chunked\r\n', `1\r\nabc\r\n0\r\n\r\n${hidden}`),
    'a chunk with 20 kB of extensions': of(
      'transfer-encoding: chunked\r\n',
      `1;${'a=b;'.repeat(5_000)}\r\na\r\n0\r\n\r\n`,
    ),
  };
  return Object.entries(all).map(([kind, bytes]) => ({ kind, bytes, wanted: 'refused' }));
}

/** Requests that are hardly HTTP, and forms of it that nobody uses. */
export function misshapen({ method }: Pick<Route, 'method'>, path: string, host: string): readonly Bytes[] {
  const close = 'connection: close\r\n\r\n';
  const right = `${method} ${path} HTTP/1.1\r\nhost: ${host}\r\n${method === 'POST' ? 'content-length: 0\r\n' : ''}`;
  const refused: Readonly<Record<string, string | Buffer>> = {
    'no host': `${method} ${path} HTTP/1.1\r\ncontent-length: 0\r\n${close}`,
    'two hosts': `${right}host: evil.example\r\n${close}`,
    'an unknown method': `FETCH ${path} HTTP/1.1\r\nhost: ${host}\r\n${close}`,
    'a method in small letters': `get ${path} HTTP/1.1\r\nhost: ${host}\r\n${close}`,
    'a tunnel': `CONNECT evil.example:443 HTTP/1.1\r\nhost: evil.example:443\r\n\r\n`,
    'HTTP/0.9': `GET ${path}\r\n\r\n`,
    'HTTP/9.9': `GET ${path} HTTP/9.9\r\nhost: ${host}\r\n${close}`,
    'HTTP/2 begun': 'PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n',
    'a URL of 20 kB': `${method} ${path}?${'x'.repeat(20_000)} HTTP/1.1\r\nhost: ${host}\r\n${close}`,
    'a header of 20 kB': `${right}x-long: ${'x'.repeat(20_000)}\r\n${close}`,
    'three thousand headers': `${right}${'x-a: b\r\n'.repeat(3_000)}${close}`,
    'a NUL in a header': `${right}x-a: b\0c\r\n${close}`,
    'a header without a colon': `${right}nonsense\r\n${close}`,
    'a space in a header name': `${right}x a: b\r\n${close}`,
    'a carriage return alone': `${right}x-a: b\rx-c: d\r\n${close}`,
    'a space in the target': `${method} ${path} x HTTP/1.1\r\nhost: ${host}\r\n${close}`,
    'a NUL in the target': `${method} ${path}\0 HTTP/1.1\r\nhost: ${host}\r\n${close}`,
    'a TLS hello': Buffer.from('160301020001000', 'hex'),
    'bytes of chance': Buffer.from(Array.from({ length: 300 }, (_, n) => (n * 197 + 128) % 256)),
    'a target without a slash': `${method} account HTTP/1.1\r\nhost: ${host}\r\n${close}`,
    'a star': `GET * HTTP/1.1\r\nhost: ${host}\r\n${close}`,
  };
  const one: Readonly<Record<string, string>> = {
    // RFC 9112, 3.2.2: a server must accept it; ours speaks of the issuer whatever host it names
    'an absolute target': `${method} http://evil.example${path} HTTP/1.1\r\nhost: ${host}\r\ncontent-length: 0\r\n${close}`,
    // RFC 9112, 3.2: the host may be left out there
    'HTTP/1.0': `${method} ${path} HTTP/1.0\r\n${method === 'POST' ? 'content-length: 0\r\n' : ''}\r\n`,
    // RFC 9110, 10.1.1: an expectation may be ignored
    'an expectation': `${right}expect: the-unexpected\r\n${close}`,
    'a protocol to change to': `${right}upgrade: websocket\r\nconnection: upgrade, close\r\n\r\n`,
    'a trace': `TRACE ${path} HTTP/1.1\r\nhost: ${host}\r\nx-secret: evil\r\n${close}`,
  };
  return [
    ...Object.entries(refused).map(([kind, bytes]): Bytes => ({ kind, bytes, wanted: 'refused' })),
    ...Object.entries(one).map(([kind, bytes]): Bytes => ({ kind, bytes, wanted: 'one' })),
  ];
}

/** Writes these bytes and reads to the end; `open` when the other side kept the connection for longer than 2 s. */
export const exchange = (port: number, bytes: string | Buffer): Promise<{ text: string; ms: number; open: boolean }> =>
  new Promise((done) => {
    const began = performance.now();
    let text = '';
    const socket = net.connect(port, '127.0.0.1', () => socket.write(bytes)).setEncoding('latin1');
    const finish = (open: boolean) => {
      clearTimeout(late);
      socket.destroy();
      done({ text: Buffer.from(text, 'latin1').toString(), ms: performance.now() - began, open });
    };
    const late = setTimeout(() => finish(true), 2_000);
    socket.on('data', (chunk: string) => {
      text += chunk;
    });
    // a reset may follow an answer that came before all was read
    socket.on('error', () => {});
    socket.on('close', () => finish(false));
  });
