import fastify, { type FastifyInstance, type FastifyReply } from 'fastify';
import { Counter, collectDefaultMetrics, Gauge, Histogram, Registry } from 'prom-client';
import { type Code, catalogue } from '../errors.ts';
import { answerAll, brokenRequest, isNamed, pathOf } from './broken-request.ts';

/** What the operators' listener tells. Bound to loopback; its Host is checked, so that no page can reach it by a name of its own. */
export interface AdminNeeds {
  readonly hosts: readonly string[];
  /** Each store and its state, asked anew: `{ database: 'ok', state: 'unreachable' }`. */
  readonly checks: () => Promise<Readonly<Record<string, string>>>;
  readonly gauges: Readonly<Record<string, { readonly help: string; readonly read: () => number }>>;
  /** Public keys of ours that the province is given on paper. */
  readonly bridgeKeys: () => readonly object[];
  readonly log: (details: object, text: string) => void;
}

export interface Observed {
  readonly registry: Registry;
  /** Counts a finished request under its route's pattern, never its path: labels stay few. */
  observe(route: string, method: string, status: number, seconds: number): void;
}

/** Whatever else a request calls itself is one word among the labels: Node's parser knows thirty more. */
const methods: readonly string[] = ['GET', 'HEAD', 'POST', 'PUT', 'PATCH', 'DELETE', 'OPTIONS'];

export function createMetrics(): Observed {
  const registry = new Registry();
  collectDefaultMetrics({ register: registry, eventLoopMonitoringPrecision: 25 });
  const labels = ['route', 'method', 'status'] as const;
  const requests = new Counter({
    name: 'egret_requests_total',
    help: 'Requests by route, method and class of status.',
    labelNames: labels,
    registers: [registry],
  });
  const duration = new Histogram({
    name: 'egret_request_seconds',
    help: 'Time to answer, by route.',
    labelNames: ['route'],
    buckets: [0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5],
    registers: [registry],
  });
  // a series is looked up by its labels once: the library joins and checks them anew for each request
  const counters = new Map<string, Counter.Internal>();
  const timers = new Map<string, Histogram.Internal<'route'>>();
  return {
    registry,
    observe(route, method, status, seconds) {
      const known = methods.includes(method) ? method : 'other';
      const kind = `${Math.floor(status / 100)}xx`;
      const name = `${known} ${kind} ${route}`;
      const counter = counters.get(name) ?? requests.labels(route, known, kind);
      counters.set(name, counter);
      counter.inc();
      const timer = timers.get(route) ?? duration.labels(route);
      timers.set(route, timer);
      timer.observe(seconds);
    },
  };
}

/** Routes: GET /healthz, /readyz, /metrics, /bridge/public-keys. */
export function adminListener(needs: AdminNeeds, metrics: Observed): FastifyInstance {
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
  for (const [name, { help, read }] of Object.entries(needs.gauges)) {
    new Gauge({
      name,
      help,
      registers: [metrics.registry],
      collect() {
        this.set(read());
      },
    });
  }
  server.addHook('onRequest', async (request, reply) => {
    if (!isNamed(request.raw) || !needs.hosts.includes(request.headers.host ?? ''))
      return reply.code(421).send(refused('EG-1001', 'misdirected'));
  });
  server.get('/healthz', () => ({ ok: true }));
  server.get('/readyz', async (_request, reply) => {
    const checks = await needs.checks();
    const ok = Object.values(checks).every((state) => state === 'ok');
    return reply.code(ok ? 200 : 503).send({ ok, ...checks });
  });
  server.get('/metrics', async (_request, reply) =>
    reply.type(metrics.registry.contentType).send(await metrics.registry.metrics()),
  );
  server.get('/bridge/public-keys', () => ({ keys: needs.bridgeKeys() }));
  return server;
}
