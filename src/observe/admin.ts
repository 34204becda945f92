import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { type Code, catalogue } from '../errors.ts';
import { answerAll, brokenRequest, isNamed, pathOf } from './broken-request.ts';
import type { Metrics, Read } from './metrics.ts';

/** What the operators' listener tells. Bound to loopback; its Host is checked, so that no page can reach it by a name of its own. */
export interface AdminNeeds {
  readonly hosts: readonly string[];
  /** Whether this process may be sent requests, why not, and each store as it is asked now. */
  readonly checks: () => Promise<Readonly<Record<string, unknown>> & { readonly ok: boolean }>;
  /** What a scrape tells beside what was counted. */
  readonly reads: readonly Read[];
  readonly metrics: Metrics;
  /** Public keys of ours that the province is given on paper. */
  readonly bridgeKeys: () => readonly object[];
  readonly log: (details: object, text: string) => void;
}

/** Routes: GET /healthz, /readyz, /metrics, /bridge/public-keys. */
export function adminListener(needs: AdminNeeds): FastifyInstance {
  const refused = (code: Code, error: string) => ({ error, code, message: catalogue[code].integrator });
  const broken = brokenRequest({
    log: needs.log,
    draw: (code) => ({
      headers: { 'content-type': 'application/json; charset=utf-8' },
      body: JSON.stringify(refused(code, 'bad_request')),
    }),
  });
  const server = fastify({
    logger: false,
    requestTimeout: 10_000,
    http: { requireHostHeader: false },
    clientErrorHandler: broken,
    rewriteUrl: pathOf,
    frameworkErrors: (_error, _request, reply: FastifyReply) => reply.code(400).send(refused('EG-1001', 'bad_request')),
  });
  answerAll(server.server, broken);
  // nothing here reads a body
  server.removeAllContentTypeParsers();
  server.addContentTypeParser('*', (_request, _payload, done) => done(null));
  server.setNotFoundHandler((_request, reply) => reply.code(404).send(refused('EG-1002', 'not_found')));
  server.setErrorHandler((error, _request, reply) => {
    needs.log({ code: 'EG-1700', reason: (error as Error).message }, catalogue['EG-1700'].log);
    return reply.code(500).send(refused('EG-1700', 'server_error'));
  });
  server.addHook('onRequest', async (request, reply) => {
    if (!isNamed(request.raw) || !needs.hosts.includes(request.headers.host ?? ''))
      return reply.code(421).send(refused('EG-1001', 'misdirected'));
  });
  server.get('/healthz', () => ({ ok: true }));
  server.get('/readyz', async (_request, reply) => {
    const checks = await needs.checks();
    return reply.code(checks.ok ? 200 : 503).send(checks);
  });
  server.get('/metrics', async (_request, reply) => {
    const { type, body } = await needs.metrics.scrape(needs.reads);
    return reply.type(type).send(body);
  });
  server.get('/bridge/public-keys', () => ({ keys: needs.bridgeKeys() }));
  return server;
}
