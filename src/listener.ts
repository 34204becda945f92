import { randomBytes } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import cookie from '@fastify/cookie';
import fastify, {
  type FastifyBaseLogger,
  type FastifyInstance,
  type FastifyReply,
  type FastifyRequest,
  LogController,
} from 'fastify';
import { accountCenter } from './account-center/account-center.ts';
import type { Accounts } from './accounts/accounts.ts';
import type { Attempts, AuditTrail } from './audit/audit.ts';
import type { Bridge } from './bridge/bridge.ts';
import type { Clients } from './clients/clients.ts';
import type { Clock } from './clock.ts';
import type { Config } from './config.ts';
import type { Consents } from './consents/consents.ts';
import { type Code, catalogue, EgretError } from './errors.ts';
import type { Vault } from './keys/keys.ts';
import { codeOf, type ErrorPages } from './listener-errors.ts';
import { answerAll, brokenRequest, isNamed, pathOf } from './observe/broken-request.ts';
import type { Health } from './observe/health.ts';
import type { Metrics } from './observe/metrics.ts';
import type { OutboxService } from './outbox/outbox.ts';
import { pages } from './pages/pages.ts';
import {
  type BrowserSessions,
  type Epochs,
  type Interactions,
  mountProvider,
  noteStranger,
  type ProtocolState,
} from './provider/provider.ts';
import type { Sessions } from './sessions/sessions.ts';
import { expiredPage, signin } from './signin/signin.ts';
import { createSignOut } from './signout/signout.ts';
import type { Database } from './store/database.ts';
import { contentSecurityPolicy, serveAssets } from './web/assets.ts';
import type { CountUse } from './web/caps.ts';
import { caseNumber } from './web/case-number.ts';
import { createDesk, type Desk } from './web/desk.ts';
import { errorPageView } from './web/error-page.view.ts';
import { isEmbedded } from './web/fetch-metadata.ts';
import { readForms } from './web/form-body.ts';
import { lastAnswers } from './web/last-answers.ts';
import { servePreferences } from './web/preferences.ts';

export interface CitizenNeeds {
  readonly config: Config;
  readonly log: FastifyBaseLogger;
  readonly clock: Clock;
  readonly vault: Vault;
  readonly database: Database;
  readonly audit: AuditTrail;
  readonly attempts: Attempts;
  readonly outbox: OutboxService;
  readonly clients: Clients;
  readonly sessions: Sessions;
  readonly consents: Consents;
  readonly accounts: Accounts;
  readonly bridge: Bridge;
  readonly state: ProtocolState;
  readonly epochs: Epochs;
  readonly interactions: Interactions;
  readonly browserSessions: BrowserSessions;
  readonly metrics: Metrics;
  readonly health: Health;
  readonly pages: ErrorPages;
  readonly caps: CountUse;
  readonly reference: (accountId: string) => Buffer;
}

/** Where operators' routes are, on a listener of their own. */
const operators = /^\/(?:admin|metrics|healthz|readyz|bridge)(?:[/?]|$)/;

/** The listener that citizens and departments reach. */
export async function citizenListener(
  needs: CitizenNeeds,
): Promise<{ listen(host: string, port: number): Promise<void>; close(grace: number): Promise<void> }> {
  const { config, clock, vault, bridge, epochs, metrics, attempts } = needs;
  const { issuer } = config;
  const secure = issuer.startsWith('https:');
  const refusedRequest = ({ ip: address, routeOptions }: FastifyRequest, reason: string, code: Code): void => {
    const detail = { reason, ...(routeOptions.url ? { route: routeOptions.url } : {}) };
    attempts.note({ type: 'request.refused', address, code, detail });
  };
  const desk = createDesk({
    clock,
    issuer,
    cookieName: secure ? '__Host-egret' : 'egret',
    demo: config.mode === 'development',
    mac: (value) => vault.mac('browser', value),
    outage: () => {
      const { up, since, nextTry } = bridge.status();
      return up || since === undefined ? undefined : { since, ...(nextTry ? { nextUpdate: nextTry } : {}) };
    },
    count: needs.caps,
    attempted: (request, what) => {
      const { ip: address } = request;
      if ('limit' in what) return attempts.note({ type: 'limit.hit', address, code: 'EG-1009', detail: what });
      refusedRequest(request, what.reason, 'EG-1003');
    },
  });
  needs.pages.use(desk, (request) => expiredPage({ desk, clients: needs.clients }, request));

  const guards: Readonly<Record<string, string>> = {
    ...(secure ? { 'strict-transport-security': 'max-age=31536000; includeSubDomains' } : {}),
    'x-content-type-options': 'nosniff',
    'referrer-policy': 'same-origin',
    'x-frame-options': 'DENY',
  };
  const guardLines = Object.entries(guards);
  const ofPages = {
    'cache-control': 'no-store',
    'content-security-policy': contentSecurityPolicy,
    'content-type': 'text/html; charset=utf-8',
  };
  const broken = brokenRequest({
    log: (details, text) => needs.log.warn(details, text),
    draw: (code) => {
      const nobody = { headers: {}, cookies: {}, method: 'GET', url: '/' } as FastifyRequest;
      const body = errorPageView({ code, caseNumber: caseNumber(randomBytes), at: clock.now() }, desk.context(nobody));
      return { headers: { ...guards, ...ofPages }, body };
    },
  });

  const build = async (): Promise<FastifyInstance> => {
    const server = fastify({
      loggerInstance: needs.log,
      logController: new LogController({ disableRequestLogging: true }),
      trustProxy: config.trustedProxies.length > 0 ? [...config.trustedProxies] : false,
      bodyLimit: 64 * 1024,
      requestTimeout: 10_000,
      // who sends none is answered by us, not by an empty page of Node's
      http: { requireHostHeader: false },
      clientErrorHandler: broken,
      rewriteUrl: pathOf,
      routerOptions: { maxParamLength: 200 },
      // an address that cannot be read reaches no route and no hook, and the process dies of what is thrown here
      frameworkErrors: (error, request, reply) => {
        const code = codeOf(error);
        const seen = Object.assign(request, { cookies: {} });
        const answer = (reply as FastifyReply).headers({ ...guards, ...ofPages }).code(400);
        request.log.warn({ code }, catalogue[code].log);
        try {
          answer.send(
            errorPageView({ code, caseNumber: caseNumber(randomBytes), at: clock.now() }, desk.context(seen)),
          );
        } catch {
          answer.type('text/plain').send(code);
        }
      },
    });
    answerAll(server.server, broken);
    await server.register(cookie);
    server.addHook('onRequest', (request, reply, done) => {
      // on the answer itself, so that whatever writes it (the library too) has them
      for (const [name, value] of guardLines) reply.raw.setHeader(name, value);
      if (draining) reply.raw.setHeader('connection', 'close');
      if (!isNamed(request.raw)) return desk.refuse(request, reply, 'EG-1001');
      done();
    });
    server.addHook('onResponse', (request, reply, done) => {
      const route = request.routeOptions.url ?? 'unknown';
      metrics.request(route, request.method, reply.statusCode, reply.elapsedTime / 1000);
      request.log.info(
        { route, method: request.method, status: reply.statusCode, ms: Math.round(reply.elapsedTime) },
        'answered',
      );
      done();
    });
    server.setNotFoundHandler((request, reply) => {
      if (operators.test(request.url)) refusedRequest(request, 'admin-path', 'EG-1002');
      return desk.refuse(request, reply, 'EG-1002');
    });
    server.setErrorHandler((error, request, reply) => {
      const code = codeOf(error);
      if (code === 'EG-1700')
        request.log.error(
          { err: { type: (error as Error).name, message: (error as Error).message, stack: (error as Error).stack } },
          'unexpected fault',
        );
      // no page of ours sends these: a field twice, longer than it can be typed, a body without an end
      if (code === 'EG-1005') refusedRequest(request, 'oversize', code);
      if (code === 'EG-1001' && error instanceof EgretError) refusedRequest(request, 'field', code);
      const wait =
        error instanceof EgretError
          ? Number(error.params.retryAfter ?? 0)
          : code === 'EG-1702' || code === 'EG-1703'
            ? 1
            : 0;
      return desk.refuse(request, reply, code, wait ? { until: clock.now() + wait * 1000 } : {});
    });
    await mountProvider(server, epochs, { issuer, jwksMaxAge: config.lifetimes.jwksMaxAge, vault, clock });
    await server.register(serveAssets);
    await server.register(async (scope) => {
      scope.addHook('onRequest', (request, reply, done) => {
        if (!isEmbedded(request)) return done();
        refusedRequest(request, 'origin', 'EG-1003');
        desk.refuse(request, reply, 'EG-1003');
      });
      readForms(scope);
      await scope.register(servePreferences, { secure });
      await mountPages(scope, needs, desk);
    });
    return server;
  };
  const servers: FastifyInstance[] = [];
  let draining = false;
  return {
    async listen(host, port) {
      const server = await build();
      servers.push(server);
      await server.listen({ host, port });
    },
    async close(grace) {
      await sleep(grace);
      draining = true;
      await Promise.all(servers.map(({ server }) => lastAnswers(server, Math.min(grace, 1_000))));
      await Promise.all(servers.map((server) => server.close()));
    },
  };
}

async function mountPages(scope: FastifyInstance, needs: CitizenNeeds, desk: Desk): Promise<void> {
  const { config } = needs;
  const { withoutRecords } = needs.health;
  // Nobody is asked for a password that cannot be checked; who is signed in goes on from the notice of a visit.
  scope.addHook('preHandler', async (request, reply) => {
    const { url = '' } = request.routeOptions;
    if (!withoutRecords() || !/^\/(?:account|signin)\b/.test(url)) return;
    const interaction = url === '/signin/:uid' && (await needs.interactions.open(request.raw, reply.raw));
    // whoever posts to a step is refused by the records that it asks
    if (url.startsWith('/account') || (interaction && interaction.prompt !== 'roaming_notice'))
      throw new EgretError('EG-1702', { params: { retryAfter: 1 } });
  });
  const signOut = createSignOut({ ...needs, desk, lifetimes: config.lifetimes, withoutRecords });
  await signOut.routes(scope);
  await signin(scope, {
    ...needs,
    desk,
    lifetimes: config.lifetimes,
    endSession: (session, by) => signOut.endSession(session, by).then(() => {}),
    kickOutbox: needs.outbox.kick,
    stranger: (uid, told) => noteStranger(needs.state, uid, told),
  });
  await accountCenter(scope, {
    ...needs,
    desk,
    lifetimes: config.lifetimes,
    signOut,
    kickOutbox: needs.outbox.kick,
  });
  await pages(scope, { desk, bridge: needs.bridge, standing: needs.health.standing });
  scope.get('/', (_request, reply) => reply.redirect('/account', 303));
}
