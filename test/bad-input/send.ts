import http from 'node:http';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
  readonly ms: number;
}

const agent = new http.Agent({ keepAlive: true, maxSockets: 8 });

/** One request as it stands, with nothing tidied up on its way; its time ends with the last byte of the answer. */
export const send = (
  port: number,
  path: string,
  sent: { method: string; headers: http.OutgoingHttpHeaders; body?: string | Buffer },
): Promise<Answer> =>
  new Promise((done, fail) => {
    const began = performance.now();
    const { method, headers, body } = sent;
    let answered = false;
    const request = http.request({ host: '127.0.0.1', port, path, method, headers, agent }, (answer) => {
      answered = true;
      const chunks: Buffer[] = [];
      answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', fail);
      answer.on('end', () =>
        done({
          status: answer.statusCode ?? 0,
          headers: answer.headers,
          body: Buffer.concat(chunks).toString(),
          ms: performance.now() - began,
        }),
      );
    });
    // an answer may come before all was sent, and the connection is closed then
    request.on('error', (error) => {
      if (!answered) fail(new Error(`${method} ${path.slice(0, 80)}: ${error.message}`));
    });
    request.end(body);
  });

/** The work of a list, a few at a time, in order of their beginning. */
export async function several<T>(items: readonly T[], at: number, work: (item: T) => Promise<void>): Promise<void> {
  let next = 0;
  const worker = async () => {
    for (let n = next++; n < items.length; n = next++) await work(items[n] as T);
  };
  await Promise.all(Array.from({ length: at }, worker));
}

/** Numbers from 0 to 1, the same for the same seed (mulberry32). */
export function chance(seed: number): () => number {
  let a = seed >>> 0;
  return () => {
    a = (a + 0x6d2b79f5) >>> 0;
    let t = Math.imul(a ^ (a >>> 15), a | 1);
    t ^= t + Math.imul(t ^ (t >>> 7), t | 61);
    return ((t ^ (t >>> 14)) >>> 0) / 4_294_967_296;
  };
}

/** The seed of this run; EGRET_SEED repeats one. */
export const seed = Number(process.env.EGRET_SEED ?? Math.floor(Math.random() * 1e9));

export function shuffled<T>(items: readonly T[], random: () => number): T[] {
  const all = [...items];
  for (let n = all.length - 1; n > 0; n--) {
    const other = Math.floor(random() * (n + 1));
    [all[n], all[other]] = [all[other] as T, all[n] as T];
  }
  return all;
}
