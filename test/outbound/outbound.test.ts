import fs from 'node:fs';
import http from 'node:http';
import net from 'node:net';
import tls, { type ConnectionOptions } from 'node:tls';
import t, { type Test } from 'tap';
import { createOutbound, type OutboundOptions } from '../../src/web/outbound/outbound.ts';
import { isPublic } from '../../src/web/outbound/public-address.ts';
import { balancer } from '../support/balancer.ts';
import { tricks, ways } from './ways.ts';

t.setTimeout(60_000);

/** Listens wherever loopback is: a connection is a hit, whatever comes over it. */
async function listener(t: Test, answer: http.RequestListener = (_, reply) => void reply.end('here')) {
  const hits: string[] = [];
  const server = http.createServer((request, reply) => {
    hits.push(`${request.method} ${request.url}`);
    answer(request, reply);
  });
  const connections = { count: 0 };
  server.on('connection', () => {
    connections.count += 1;
  });
  await new Promise<void>((done) => server.listen(0, '::', done));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  return { port: (server.address() as net.AddressInfo).port, hits, connections };
}

const codeOf = (work: Promise<unknown>): Promise<string | undefined> =>
  work.then(
    () => 'called',
    (error: Error) => (error.cause as { code?: string } | undefined)?.code ?? error.message,
  );

const at = (...addresses: string[]) => addresses.map((address) => ({ address, family: net.isIP(address) }));

/**
 * The door as production has it, before a department with a public name. The last step alone is played: what it would
 * connect to is written down, and the connection goes to a department of the test.
 */
async function production(t: Test, options: Pick<OutboundOptions, 'resolve'>, answer?: http.RequestListener) {
  const behind = await listener(t, answer);
  const front = await balancer(t, { to: [`http://127.0.0.1:${behind.port}`] });
  const dialled: string[] = [];
  const call = createOutbound({
    development: false,
    ...options,
    connect(options: ConnectionOptions) {
      const { lookup } = options;
      const { port } = new URL(front.origin);
      return tls.connect({
        ...options,
        port: Number(port),
        ca: fs.readFileSync(front.authority),
        checkServerIdentity: () => undefined,
        lookup: (name, options, done) =>
          lookup?.(name, options, (error, found) => {
            if (error) return done(error, '');
            dialled.push(...[found].flat().map((one) => (typeof one === 'string' ? one : one.address)));
            done(null, options.all ? at('127.0.0.1') : '127.0.0.1', 4);
          }),
      });
    },
  });
  return { call, dialled, hits: behind.hits };
}

t.test('addresses that are not public', async (t) => {
  const { port, connections } = await listener(t);
  const called = createOutbound({ development: false });
  // whatever a resolver says of names, it says here that they are this machine
  const misled = createOutbound({ development: false, resolve: async () => at('127.0.0.1') });
  t.ok(Object.keys(ways).length >= 20, `${Object.keys(ways).length} ways`);
  for (const [way, { host }] of Object.entries(ways))
    for (const call of [called, misled])
      for (const scheme of ['https', 'http'])
        t.equal(await codeOf(call(`${scheme}://${host}:${port}/`)), 'forbidden-address', `${way}: ${scheme}`);
  for (const [trick, url] of Object.entries(tricks(port)))
    t.not(await codeOf(misled(url, { method: 'POST', body: 'x' })), 'called', trick);
  t.equal(connections.count, 0);

  await t.test('in development they are called, however they are written', async (t) => {
    const { hits, port } = await listener(t);
    const call = createOutbound({ development: true });
    const here = Object.entries(ways).filter(([, { here }]) => here);
    for (const [way, { host }] of here) {
      const answer = await call(`http://${host}:${port}/`);
      t.equal(await answer.text(), 'here', way);
    }
    t.equal(hits.length, here.length);
    const named = createOutbound({ development: true, resolve: async () => at('127.0.0.1') });
    t.equal((await named(`http://department.example:${port}/`)).status, 200);
    for (const trick of ['a public name as the user', 'ftp', 'file', 'data', 'a blob'])
      t.not(await codeOf(named(tricks(port)[trick] ?? '')), 'called', trick);
  });
});

t.test('names that lead to such an address', async (t) => {
  const { port, connections } = await listener(t);
  const answers: Readonly<Record<string, string[]>> = {
    loopback: ['127.0.0.1'],
    'IPv6 loopback': ['::1'],
    'mapped, as a resolver writes it': ['::ffff:127.0.0.1'],
    private: ['10.1.2.3'],
    'a public address first': ['8.8.8.8', '127.0.0.1'],
    'a public address last': ['127.0.0.1', '8.8.8.8'],
    'a public one of each kind, and a private one': ['8.8.8.8', '2400:3200::1', 'fd00::1'],
    'a zone': ['fe80::1%lo'],
    'no address': ['nonsense'],
    nothing: [],
  };
  for (const [what, addresses] of Object.entries(answers)) {
    const call = createOutbound({ development: false, resolve: async () => at(...addresses) });
    for (const host of ['keys.department.example', 'xn--fiqs8s.example', '127.0.0.1.department.example'])
      t.equal(await codeOf(call(`https://${host}:${port}/`)), 'forbidden-address', `${what}: ${host}`);
  }
  const lost = createOutbound({
    development: false,
    resolve: async () => Promise.reject(Object.assign(new Error('no such name'), { code: 'ENOTFOUND' })),
  });
  t.equal(await codeOf(lost('https://keys.department.example/')), 'ENOTFOUND');
  t.equal(connections.count, 0);
});

t.test('a name that leads elsewhere a moment later', async (t) => {
  const told: string[][] = [['8.8.8.8', '2400:3200::1'], ['127.0.0.1'], ['8.8.4.4']];
  const asked: string[] = [];
  const { call, dialled, hits } = await production(
    t,
    {
      resolve: async (name) => {
        asked.push(name);
        return at(...(told[asked.length - 1] ?? []));
      },
    },
    (_, reply) => void reply.writeHead(200, { connection: 'close' }).end('keys'),
  );
  const url = 'https://keys.department.example/jwks';
  t.equal(await (await call(url)).text(), 'keys', 'what is public is called');
  t.same(asked, ['keys.department.example'], 'the resolver was asked once');
  t.same(dialled, ['8.8.8.8', '2400:3200::1'], 'and what it said then is where the connection goes');
  t.equal(await codeOf(call(url)), 'forbidden-address', 'rebound to loopback');
  t.equal(await (await call(url)).text(), 'keys', 'and back');
  t.same(dialled.slice(2), ['8.8.4.4']);
  t.equal(hits.length, 2);
});

t.test('what is kept open stays where it was', async (t) => {
  let asked = 0;
  const { call, hits } = await production(t, { resolve: async () => at(asked++ === 0 ? '8.8.8.8' : '127.0.0.1') });
  for (let n = 0; n < 3; n++) t.equal(await (await call('https://keys.department.example/')).text(), 'here');
  t.equal(asked, 1, 'one connection, looked at once');
  t.equal(await codeOf(call('https://other.department.example/')), 'forbidden-address', 'another name is looked at');
  t.equal(hits.length, 3);
});

t.test('redirects are answers', async (t) => {
  const { port, connections } = await listener(t);
  for (const status of [301, 302, 303, 307, 308]) {
    const leading: http.RequestListener = (_, reply) =>
      void reply.writeHead(status, { location: `http://127.0.0.1:${port}/` }).end();
    const { call } = await production(t, { resolve: async () => at('8.8.8.8') }, leading);
    const here = await listener(t, leading);
    const inDevelopment = createOutbound({ development: true });
    for (const redirect of ['follow', 'manual', 'error', undefined] as const)
      for (const [url, fetch] of [
        ['https://keys.department.example/', call],
        [`http://127.0.0.1:${here.port}/`, inDevelopment],
      ] as const)
        t.equal((await fetch(url, { redirect, method: 'POST', body: 'secret' })).status, status, `${status}`);
  }
  t.equal(connections.count, 0);
});

t.test('a call ends, however long the answer', async (t) => {
  const began = performance.now();
  const endless = await listener(t, (request, reply) => {
    if (request.url === '/silent') return;
    reply.writeHead(200, { 'content-type': 'application/json' }).write('[');
    if (request.url === '/large') {
      const more = () => void reply.write('0,'.repeat(50_000), more);
      return more();
    }
    const drip = setInterval(() => reply.write(' '), 100);
    reply.on('close', () => clearInterval(drip));
  });
  const call = createOutbound({ development: true });
  const read = async (path: string) => (await call(`http://127.0.0.1:${endless.port}${path}`)).text();
  await t.rejects(read('/large'), { code: 'too-large' });
  t.ok(performance.now() - began < 4_000, 'as soon as it is too large');
  await Promise.all([t.rejects(read('/silent')), t.rejects(read('/drip'))]);
  t.ok(performance.now() - began < 15_000, `${Math.round(performance.now() - began)} ms`);

  const stop = new AbortController();
  const waiting = call(`http://127.0.0.1:${endless.port}/silent`, { signal: stop.signal });
  stop.abort();
  await t.rejects(waiting, 'who asked may stop waiting');
  t.equal(await codeOf(call('http://127.0.0.1:1/')), 'ECONNREFUSED');
});

t.test('what is sent, and what is read', async (t) => {
  const seen: { headers: http.IncomingHttpHeaders; body: string }[] = [];
  const { port } = await listener(t, async (request, reply) => {
    let body = '';
    for await (const chunk of request) body += chunk;
    seen.push({ headers: request.headers, body });
    reply.writeHead(request.url === '/empty' ? 204 : 400, { 'content-type': 'text/plain', 'x-a': ['1', '2'] }).end();
  });
  const call = createOutbound({ development: true });
  const body = new URLSearchParams({ logout_token: 'a b' });
  const answer = await call(`http://127.0.0.1:${port}/`, {
    method: 'POST',
    body,
    headers: { 'accept-encoding': 'br' },
  });
  t.match(seen[0], {
    headers: {
      'content-type': /^application\/x-www-form-urlencoded/,
      'content-length': '16',
      'accept-encoding': 'identity',
    },
    body: 'logout_token=a+b',
  });
  t.equal(answer.status, 400);
  t.equal(answer.headers.get('x-a'), '1, 2');
  const empty = await call(new URL(`http://127.0.0.1:${port}/empty`));
  t.equal(empty.status, 204);
  t.equal(empty.body, null);
  t.equal(seen[1]?.body, '');
});

t.test('the borders of what is public', async (t) => {
  const outside = `0.255.255.255 10.255.255.255 100.64.0.0 100.127.255.255 127.0.0.0 169.254.0.0 172.16.0.0
    172.31.255.255 192.0.0.8 192.0.2.1 192.88.99.1 192.168.255.255 198.18.0.0 198.19.255.255 198.51.100.1 203.0.113.255
    224.0.0.0 239.255.255.255 240.0.0.1 255.255.255.255 :: ::1 ::2 ::ffff:8.8.8.8 64:ff9b::808:808 100::1 1fff::1
    2001::1 2001:1ff::1 2001:db8::1 2002:808:808:: 3fff::1 4000::1 5f00::1 fc00::1 fdff::1 fe80::1 febf::1 fec0::1
    ff00::1 ff02::1 127.1 0x7f000001 localhost`.split(/\s+/);
  const inside = `1.0.0.0 9.255.255.255 11.0.0.0 100.63.255.255 100.128.0.0 126.255.255.255 128.0.0.0 169.253.255.255
    169.255.0.0 172.15.255.255 172.32.0.0 191.255.255.255 192.0.1.0 192.167.255.255 192.169.0.0 198.17.255.255 198.20.0.0
    203.0.112.255 203.0.114.0 223.255.255.255 2001:200::1 2001:db7:ffff::1 2001:db9::1 2003::1 2400:3200::1 2606:4700::1
    3ffe:ffff::1`.split(/\s+/);
  t.same(outside.filter(isPublic), []);
  t.same(
    inside.filter((address) => !isPublic(address)),
    [],
  );
});
