import net from 'node:net';
import type { Test } from 'tap';

/** What crossed the wire: commands sent, and the trips they needed one after the other. */
export interface Wire {
  readonly url: string;
  readonly commands: string[];
  readonly trips: number;
  reset(): void;
}

/** A proxy before Redis that counts on the wire. A trip begins with a command sent while no answer is awaited. */
export async function wire(t: Test, redisUrl: string): Promise<Wire> {
  const target =
    redisUrl.startsWith('unix:') || redisUrl.startsWith('/')
      ? { path: redisUrl.replace(/^unix:\/\//, '') }
      : { host: new URL(redisUrl).hostname, port: Number(new URL(redisUrl).port) };
  const counted = { commands: [] as string[], trips: 0 };
  const server = net.createServer((client) => {
    const upstream = net.connect(target as net.NetConnectOpts);
    let awaited = 0;
    const asked = reader((value) => {
      if (awaited === 0) counted.trips += 1;
      awaited += 1;
      counted.commands.push(String((value as unknown[])[0]).toUpperCase());
    });
    const answered = reader(() => {
      awaited -= 1;
    });
    client.on('data', (chunk) => {
      asked(chunk);
      upstream.write(chunk);
    });
    upstream.on('data', (chunk) => {
      answered(chunk);
      client.write(chunk);
    });
    for (const [one, other] of [
      [client, upstream],
      [upstream, client],
    ] as const)
      one.on('error', () => other.destroy()).on('close', () => other.destroy());
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => server.close());
  return {
    url: `redis://127.0.0.1:${(server.address() as net.AddressInfo).port}`,
    get commands() {
      return counted.commands;
    },
    get trips() {
      return counted.trips;
    },
    reset() {
      counted.commands = [];
      counted.trips = 0;
    },
  };
}

/** Reads whole RESP values out of chunks. */
function reader(onValue: (value: unknown) => void): (chunk: Buffer) => void {
  let buffer = Buffer.alloc(0);
  const line = (from: number): [string, number] | undefined => {
    const end = buffer.indexOf('\r\n', from);
    return end < 0 ? undefined : [buffer.toString('latin1', from, end), end + 2];
  };
  const value = (from: number): [unknown, number] | undefined => {
    const head = line(from);
    if (!head) return undefined;
    const [text, next] = head;
    const size = Number(text.slice(1));
    if ('$=!'.includes(text[0] ?? '')) {
      if (size < 0) return [null, next];
      return buffer.length < next + size + 2
        ? undefined
        : [buffer.toString('utf8', next, next + size), next + size + 2];
    }
    if ('*%~'.includes(text[0] ?? '')) {
      const items: unknown[] = [];
      let at = next;
      for (let n = 0; n < (text[0] === '%' ? 2 * size : size); n++) {
        const item = value(at);
        if (!item) return undefined;
        items.push(item[0]);
        at = item[1];
      }
      return [items, at];
    }
    return [text, next];
  };
  return (chunk) => {
    buffer = Buffer.concat([buffer, chunk]);
    for (let read = value(0); read; read = value(0)) {
      buffer = buffer.subarray(read[1]);
      onValue(read[0]);
    }
  };
}
