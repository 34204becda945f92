import net from 'node:net';
import type { Test } from 'tap';

/** What went to PostgreSQL as one piece: a statement by itself, or all of a transaction. */
export interface Work {
  readonly transaction: boolean;
  /** One space between words; without the begin and the end of a transaction. */
  readonly statements: readonly string[];
}

/** A stretch of wire before PostgreSQL. */
export interface SqlWire {
  /** The same database, through this proxy. */
  readonly url: string;
  /** In the order they began, since the last `reset`. */
  readonly heard: readonly Work[];
  reset(): void;
  /** Nothing is handed on any more, nobody is told: a server that does not answer. */
  hold(): void;
  /** What was held goes on its way. */
  release(): void;
  /** Every connection is broken, and nobody listens: a server that is not there. */
  cut(): Promise<void>;
  mend(): Promise<void>;
}

interface Open {
  client: net.Socket;
  upstream: net.Socket;
  held: Buffer[];
}

/**
 * A proxy before PostgreSQL that reads the protocol (version 3): a statement counts when it is executed, which is a
 * Query message or a Bind of what a Parse has named on this connection; it belongs to a transaction between `begin` and
 * its end. `url` is that of test/support/database.ts: a unix socket.
 */
export async function sqlWire(t: Test, url: string): Promise<SqlWire> {
  const folder = decodeURIComponent(/[?&]host=([^&]*)/.exec(url)?.[1] ?? '');
  const name = new URL(url).pathname.slice(1);
  const all = new Set<Open>();
  let heard: Work[] = [];
  let holds = false;
  const server = net.createServer((client) => {
    const upstream = net.connect(`${folder}/.s.PGSQL.5432`);
    const open: Open = { client, upstream, held: [] };
    all.add(open);
    const read = reader((work) => heard.push(work));
    client.on('data', (chunk) => {
      read(chunk);
      if (holds) open.held.push(chunk);
      else upstream.write(chunk);
    });
    upstream.on('data', (chunk) => client.write(chunk));
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one
        .on('error', () => other.destroy())
        .on('close', () => {
          all.delete(open);
          other.destroy();
        });
  });
  const listen = (port: number) => new Promise<void>((done) => server.listen(port, '127.0.0.1', done));
  await listen(0);
  const { port } = server.address() as net.AddressInfo;
  const cut = async (): Promise<void> => {
    const closed = new Promise((done) => server.close(done));
    for (const { client, upstream } of all) for (const socket of [client, upstream]) socket.destroy();
    await closed;
  };
  t.teardown(() => (server.listening ? cut() : undefined));
  return {
    url: `postgres://egret@127.0.0.1:${port}/${name}`,
    get heard() {
      return heard;
    },
    reset() {
      heard = [];
    },
    hold() {
      holds = true;
    },
    release() {
      holds = false;
      for (const { upstream, held } of all) for (const chunk of held.splice(0)) upstream.write(chunk);
    },
    cut,
    mend: () => listen(port),
  };
}

/** Reads what a client sends on one connection. */
function reader(begun: (work: Work) => void): (chunk: Buffer) => void {
  const parsed = new Map<string, string>();
  let buffer = Buffer.alloc(0);
  let started = false;
  let transaction: string[] | undefined;
  const executed = (text: string): void => {
    const statement = text.replaceAll(/\s+/g, ' ').trim();
    if (/^begin\b/i.test(statement)) {
      transaction = [];
      begun({ transaction: true, statements: transaction });
    } else if (/^(commit|rollback)$/i.test(statement)) transaction = undefined;
    else if (transaction) transaction.push(statement);
    else begun({ transaction: false, statements: [statement] });
  };
  const textAt = (from: number): [text: string, next: number] => {
    const end = buffer.indexOf(0, from);
    return [buffer.toString('utf8', from, end), end + 1];
  };
  return (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (;;) {
      // the first message has no type
      const head = started ? 5 : 4;
      if (buffer.length < head) return;
      const size = buffer.readInt32BE(head - 4) + head - 4;
      if (buffer.length < size) return;
      const type = started ? String.fromCharCode(buffer[0] ?? 0) : '';
      started = true;
      const [first, next] = 'QPB'.includes(type || '-') ? textAt(head) : ['', 0];
      if (type === 'Q') executed(first);
      if (type === 'P') parsed.set(first, textAt(next)[0]);
      if (type === 'B') executed(parsed.get(textAt(next)[0]) ?? '?');
      buffer = buffer.subarray(size);
    }
  };
}
