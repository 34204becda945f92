import type { IncomingMessage } from 'node:http';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { paths } from './discovery.ts';
import type { Epochs, Prebuilt } from './epochs.ts';

const requests = new WeakMap<IncomingMessage, FastifyRequest>();
/** The Fastify request behind a request of the library, for pages that the library asks for. */
export const requestOf = (raw: IncomingMessage): FastifyRequest | undefined => requests.get(raw);

/**
 * Mounts the provider's endpoints. The library reads host and scheme from headers: they are pinned to the issuer
 * whatever was sent, so that no request can make an answer speak of another host; Fastify's trusted-proxy list alone
 * decides the client's address.
 * @param jwksMaxAge seconds the key set may be cached: a new key is published at least that long before it signs
 */
export async function mountProvider(
  server: FastifyInstance,
  epochs: Epochs,
  issuer: string,
  jwksMaxAge: number,
): Promise<void> {
  const { host, protocol } = new URL(issuer);
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
    const options = { parseAs: 'string', bodyLimit: 8 * 1024 } as const;
    scope.addContentTypeParser('application/x-www-form-urlencoded', options, (_request, body, done) =>
      done(null, body),
    );
    scope.post(paths.authorization, (request, reply) =>
      reply.redirect(`${paths.authorization}?${new URLSearchParams((request.body as string | undefined) ?? '')}`, 303),
    );
  });

  await server.register(async (scope) => {
    // the library reads the body itself
    scope.removeAllContentTypeParsers();
    scope.addContentTypeParser('*', (_request, _payload, done) => done(null));
    const handle = (request: FastifyRequest, reply: FastifyReply): Promise<void> | undefined => {
      // what asks for nothing the library answers, it answers with an empty page (Fetch, 4.8)
      if (request.method === 'OPTIONS' && !request.headers['access-control-request-method'])
        return void reply.callNotFound();
      reply.hijack();
      const { raw } = request;
      requests.set(raw, request);
      raw.headers.host = host;
      raw.headers['x-forwarded-host'] = host;
      raw.headers['x-forwarded-proto'] = protocol.slice(0, -1);
      raw.headers['x-forwarded-for'] = request.ip;
      return epochs.current().handle(raw, reply.raw);
    };
    // the library answers HEAD as GET: a code would be issued, an interaction spent, for nobody (RFC 9110, 9.2.1)
    const writing = { method: ['GET'], exposeHeadRoute: false };
    scope.route({ ...writing, url: paths.authorization, handler: handle });
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
