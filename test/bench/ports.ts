import net from 'node:net';

/** Ports that are free on both loopback addresses, below those that outgoing connections are given. */
export async function freePorts(count: number): Promise<number[]> {
  const found = new Set<number>();
  while (found.size < count) {
    const port = 10_000 + Math.floor(Math.random() * 20_000);
    if ((await free(port, '127.0.0.1')) && (await free(port, '::1'))) found.add(port);
  }
  return [...found];
}

const free = (port: number, host: string): Promise<boolean> =>
  new Promise((done) => {
    const probe = net.createServer();
    probe.once('error', () => done(false)).once('listening', () => probe.close(() => done(true)));
    probe.listen(port, host);
  });
