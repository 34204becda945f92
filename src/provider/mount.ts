import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { EgretError } from '../errors.ts';
import type { Vault } from '../keys/keys.ts';
import { paths } from './discovery.ts';
import type { Epochs, Prebuilt } from './signing/epochs.ts';

const requests = new WeakMap<IncomingMessage, FastifyRequest>();
/** The Fastify request behind a request of the library, for pages that the library asks for. */
export const requestOf = (raw: IncomingMessage): FastifyRequest | undefined => requests.get(raw);

/** Milliseconds: how long a posted request may take to come back as the GET it is answered with. */
const postedLife = 5 * 60_000;

/**
 * A posted request on its way back to us, sealed: a department posts it to keep what it says of a person out of
 * addresses (`login_hint`, `id_token_hint`). `open` answers the query; EG-1602 for what was changed or is too old.
 */
function createPosted({ vault, clock }: { readonly vault: Vault; readonly clock: Pick<Clock, 'now'> }) {
  const context = 'posted authorization request';
  return {
    seal: (query: string): string =>
      vault.seal(JSON.stringify({ query, until: clock.now() + postedLife }), context).toString('base64url'),
    open(sealed: unknown): string {
      try {
        const { query, until } = JSON.parse(vault.open(Buffer.from(sealed as string, 'base64url'), context));
        if (clock.now() < until) return query;
      } catch {}
      throw new EgretError('EG-1602', { log: 'a posted authorization request does not open' });
    },
  };
}

/**
 * Mounts the provider's endpoints. The library reads host and scheme from headers: they are pinned to the issuer
 * whatever was sent, so that no request can make an answer speak of another host; Fastify's trusted-proxy list alone
 * decides the client's address.
 * @param needs `jwksMaxAge`: seconds the key set may be cached; a new key is published at least that long before it signs
 */
export async function mountProvider(
  server: FastifyInstance,
  epochs: Epochs,
  needs: { readonly issuer: string; readonly jwksMaxAge: number; readonly vault: Vault; readonly clock: Clock },
): Promise<void> {
  const { issuer, jwksMaxAge } = needs;
  const { host, protocol } = new URL(issuer);
  const posted = createPosted(needs);
  const prebuilt = (path: string, pick: () => Prebuilt, maxAge: number): void => {
    server.get(path, (request, reply) => {
      const { body, etag } = pick();
      reply
        .header('cache-control', `public, max-age=${maxAge}`)
        .header('etag', etag)
        .header('access-control-allow-origin', '*');
      if (known(request.headers['if-none-match'], etag)) return reply.code(304).send();
      return reply.type('application/json; charset=utf-8').send(body);
    });
  };
  for (const name of ['openid-configuration', 'oauth-authorization-server']) {
    prebuilt(`/.well-known/${name}`, () => epochs.current().discovery, 3600);
  }
  prebuilt(paths.jwks, () => epochs.current().jwks, jwksMaxAge);

  // A form of another site brings no session cookie (SameSite=Lax): the same request goes on as the GET that does, and a
  // person who is signed in is not asked again (OpenID Connect Core 1.0, 3.1.2.1 wants both methods).
  await server.register(async (scope) => {
    scope.removeAllContentTypeParsers();
    // sealed it is a third longer, and a proxy takes a request line of 8 kB
    const options = { parseAs: 'string', bodyLimit: 5_600 } as const;
    scope.addContentTypeParser('application/x-www-form-urlencoded', options, (_request, body, done) =>
      done(null, body),
    );
    scope.post(paths.authorization, (request, reply) => {
      const query = new URLSearchParams((request.body as string | undefined) ?? '');
      return reply.redirect(`${paths.authorization}?posted=${posted.seal(String(query))}`, 303);
    });
  });

  await server.register(async (scope) => {
    // the library reads the body itself
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const handle = (request: FastifyRequest, reply: FastifyReply, raw = request.raw): Promise<void> | undefined => {
      // what asks for nothing the library answers, it answers with an empty page (Fetch, 4.8)
      if (request.method === 'OPTIONS' && !request.headers['access-control-request-method'])
        return void reply.callNotFound();
      reply.hijack();
      requests.set(raw, request);
      raw.headers.host = host;
      raw.headers['x-forwarded-host'] = host;
      raw.headers['x-forwarded-proto'] = protocol.slice(0, -1);
      raw.headers['x-forwarded-for'] = request.ip;
      return epochs.current().handle(raw, reply.raw);
    };
    const authorize = (request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined => {
      const { posted: sealed } = request.query as { posted?: unknown };
      if (sealed === undefined) return handle(request, reply);
      // opened for the library alone: the address of this request stands in the links of a page it asks us for
      const url = `${paths.authorization}?${posted.open(sealed)}`;
      return handle(request, reply, Object.create(request.raw, { url: { value: url, writable: true } }));
    };
    // the library answers HEAD as GET: a code would be issued, an interaction spent, for nobody (RFC 9110, 9.2.1)
    const writing = { method: ['GET'], exposeHeadRoute: false };
    scope.route({ ...writing, url: paths.authorization, handler: authorize });
    scope.route({ ...writing, url: `${paths.authorization}/:uid`, handler: handle });
    scope.route({ method: ['GET', 'POST', 'OPTIONS'], url: paths.userinfo, handler: handle });
    for (const url of [paths.token, paths.introspection, paths.revocation]) {
      scope.route({ method: ['POST', 'OPTIONS'], url, handler: handle });
    }
  });
}

/** Whether a client holds this already (RFC 9110, 13.1.2): a list, compared weakly, since proxies weaken what they compress. */
const known = (header: string | undefined, etag: string): boolean =>
  header?.split(',').some((each) => ['*', etag].includes(each.trim().replace(/^W\//, ''))) === true;
