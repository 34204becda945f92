import http, { type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import type { Duplex } from 'node:stream';
import { type Code, catalogue } from '../errors.ts';

/** What a listener says to bytes that never become a request: no route, no hook and no handler sees them. */
export interface BrokenNeeds {
  /** The whole answer for this code, in the listener's own form. */
  readonly draw: (code: Code) => { readonly headers: Readonly<Record<string, string>>; readonly body: string };
  /** Told once a broken request, with the parser's word for it. */
  readonly log: (details: { readonly code: Code; readonly reason: string }, text: string) => void;
}

/** The latest answer of a connection. */
const answers = new WeakMap<Duplex, ServerResponse>();

/** Whether what is written now would be read as the answer to what is broken, and to nothing else. */
function mayAnswer(socket: Duplex): boolean {
  const latest = answers.get(socket);
  if (!latest) return socket.writable;
  // its own body is broken, or it is over and the next one is
  return (
    socket.writable && latest.req.complete === latest.headersSent && (latest.writableFinished || !latest.headersSent)
  );
}

type Broken = (error: Error & { readonly code?: string }, socket: Duplex) => void;

const told: Readonly<Record<string, readonly [status: number, code: Code]>> = {
  ERR_HTTP_REQUEST_TIMEOUT: [408, 'EG-1006'],
  HPE_HEADER_OVERFLOW: [431, 'EG-1005'],
  HPE_CHUNK_EXTENSIONS_OVERFLOW: [413, 'EG-1005'],
};

/**
 * A handler of `clientError`: one answer with a code of the catalogue, then the connection is closed. What follows on it
 * is not read, so that no second request hides behind a broken first one (RFC 9112, 11.2).
 */
export const brokenRequest =
  ({ draw, log }: BrokenNeeds): Broken =>
  (error, socket) => {
    if (error.code === 'ECONNRESET' || socket.destroyed) return;
    const [status, code] = told[error.code ?? ''] ?? [400, 'EG-1001'];
    log({ code, reason: error.code ?? error.name }, catalogue[code].log);
    const { headers, body } = draw(code);
    const lines = Object.entries({ ...headers, connection: 'close', 'content-length': Buffer.byteLength(body) });
    const head = [
      `HTTP/1.1 ${status} ${http.STATUS_CODES[status]}`,
      ...lines.map(([name, value]) => `${name}: ${value}`),
    ];
    if (mayAnswer(socket)) socket.write(`${head.join('\r\n')}\r\n\r\n${body}`);
    socket.destroy();
  };

/** What Node answers with an empty page or not at all: a tunnel, and an expectation that nobody has (RFC 9110, 10.1.1). */
export function answerAll(server: Server, broken: Broken): void {
  server.on('connect', (_request, socket) => broken(Object.assign(new Error(), { code: 'CONNECT' }), socket));
  server.on('checkExpectation', (request, reply) => server.emit('request', request, reply));
  server.on('request', ({ socket }, reply) => answers.set(socket, reply));
}

/**
 * Whether a request names its host once (HTTP/1.0 may leave it out) and a target that is a path: RFC 9112, 3.2. A `*`
 * is of a server, and ours has nothing to say of itself.
 */
export function isNamed({ rawHeaders, httpVersion, url }: IncomingMessage): boolean {
  const hosts = rawHeaders.filter((name, n) => n % 2 === 0 && name.toLowerCase() === 'host').length;
  return url !== '*' && (hosts === 1 || (hosts === 0 && httpVersion === '1.0'));
}

/** The target without the host it may name (RFC 9112, 3.2.2): ours is the issuer's, whatever was sent. */
export const pathOf = ({ url = '/' }: IncomingMessage): string =>
  url.startsWith('/') ? url : url.replace(/^https?:\/\/[^/?#]*\/?/i, '/');
