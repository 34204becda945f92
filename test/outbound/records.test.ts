import http from 'node:http';
import type { AddressInfo } from 'node:net';
import t from 'tap';
import { deliverLogout } from '../../src/provider/provider.ts';
import { createOutbound } from '../../src/web/outbound/outbound.ts';
import { pkce } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { assertion, assertionType, authorizeUrl, jwks, post } from '../support/department.ts';
import { accountId, client, op } from '../support/op.ts';

t.setTimeout(60_000);

/** What a department's record and a request can name, at a whole provider. */
t.test('addresses of clients', async (t) => {
  const hits: string[] = [];
  let connections = 0;
  let answer: http.RequestListener = (_, reply) => void reply.end(JSON.stringify(jwks));
  const server = http.createServer((request, reply) => {
    hits.push(`${request.method} ${request.url}`);
    answer(request, reply);
  });
  server.on('connection', () => {
    connections += 1;
  });
  await new Promise<void>((done) => server.listen(0, '127.0.0.1', done));
  t.teardown(() => {
    server.closeAllConnections();
    server.close();
  });
  const { port } = server.address() as AddressInfo;
  const service = { auth: 'private_key_jwt', kind: 'service', grants: ['client_credentials'], redirect_uris: [] };
  const clients = ['http://127.0.0.1', 'https://keys.department.example', 'https://[::ffff:7f00:1]'].map((origin, n) =>
    client(['near', 'named', 'written'][n] ?? '', {
      ...{ ...service, scopes: [] },
      jwks_uri: `${origin}:${port}/jwks`,
      backchannel_logout_uri: `${origin}:${port}/out`,
    }),
  );
  const ask = (own: { issuer: string; secret: string }, id: string) =>
    post(own, '/token', id, { grant_type: 'client_credentials' });
  const tell = (own: Awaited<ReturnType<typeof op>>, to: string) =>
    deliverLogout(own.epochs, own.clients)(
      { id: '1', to, body: { accountId, sid: 'x' }, attempt: 1 },
      new AbortController().signal,
    );

  await t.test('not in development', async (t) => {
    const resolve = async () => [{ address: '127.0.0.1', family: 4 }];
    const fetch = createOutbound({ development: false, resolve });
    const own = await op(t, await database(t), undefined, jwks, { clients, fetch });
    for (const id of ['near', 'named', 'written']) {
      const { status, json } = await ask(own, id);
      t.equal(status, 401, `${id}: the keys`);
      t.notMatch(JSON.stringify(json), /127\.0|7f00|forbidden|address/, 'who asks learns nothing of where it led');
      t.strictSame(await tell(own, id), { retry: 'forbidden-address' }, `${id}: a notice`);
    }
    t.equal(connections, 0);
  });

  await t.test('in development', async (t) => {
    const own = await op(t, await database(t), undefined, jwks, { clients });
    t.match(await ask(own, 'near'), { status: 200, json: { access_token: String } });
    t.equal(await tell(own, 'near'), 'delivered');
    t.strictSame(hits.splice(0), ['GET /jwks', 'POST /out']);
    answer = (_, reply) => void reply.writeHead(307, { location: `http://127.0.0.1:${port}/elsewhere` }).end();
    t.strictSame(await tell(own, 'near'), { retry: 'http-307' });
    t.strictSame(hits.splice(0), ['POST /out'], 'a redirect is not followed');

    const here = `http://127.0.0.1:${port}`;
    connections = 0;
    for (const more of [
      { client_id: `${here}/client` },
      ...['request_uri', 'sector_identifier_uri', 'jwks_uri', 'logo_uri', 'redirect_uri', 'resource'].map((name) => ({
        [name]: `${here}/${name}`,
      })),
      { registration: JSON.stringify({ jwks_uri: `${here}/registration` }) },
      { id_token_hint: Buffer.from(JSON.stringify({ jku: `${here}/jku` })).toString('base64url') },
    ] as Record<string, string>[]) {
      const asked = await fetch(authorizeUrl(own, 'public', pkce().challenge, more), { redirect: 'manual' });
      await asked.text();
    }
    const { issuer } = own;
    const bent = { jku: `${here}/jku`, x5u: `${here}/x5u` };
    for (const [name, value] of Object.entries(bent)) {
      const body = new URLSearchParams({
        grant_type: 'client_credentials',
        client_id: 'signed',
        client_assertion: await assertion({ issuer }, {}, { [name]: value }),
        client_assertion_type: assertionType,
      });
      await (await fetch(`${issuer}/token`, { method: 'POST', body })).text();
    }
    t.equal(connections, 0, 'nothing that a request names is called');
  });
});
