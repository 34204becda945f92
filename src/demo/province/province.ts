/**
 * The province's platform, played: 社会用户统一登录、实名认证和授权平台 as PROVINCE.md describes it. It owns the test
 * people, the login page with its trust tickets, the strict wire (SM2/SM3/SM4), the services 103, 062, X020, X090 and
 * X091, the SMS inbox, and all that can go wrong with them. It does not own anything of the gateway, shares no code with
 * it, and serves neither organisations nor the classic dialect yet.
 *
 * Routes: `/gateway/v2/invoke`, `/sms/send`, `/dataset/UnifiedController/login.do`, and everything under `/__sim/`.
 */
import { readFileSync } from 'node:fs';
import fastify, { type FastifyError, type FastifyRequest } from 'fastify';
import { type Clock, settableClock, systemClock } from './clock.ts';
import { login } from './login/login.ts';
import { page } from './page.view.ts';
import { createPeople } from './people/people.ts';
import { createRates } from './services/rates.ts';
import { createServices } from './services/services.ts';
import { createTickets, createTokens } from './services/tickets.ts';
import { control } from './sim/control.ts';
import { createFaults } from './sim/faults.ts';
import { createLedger, type Entry } from './sim/ledger.ts';
import { createInbox } from './sms/inbox.ts';
import { openState } from './state.ts';
import { gateway } from './wire/gateway.ts';

export interface ProvinceOptions {
  /** 0 takes a free one. */
  readonly port: number;
  /** Folder for keys, registered callers and settings; made when it is not there. */
  readonly data: string;
  readonly clock?: Clock;
}

export interface Province {
  readonly url: string;
  close(): Promise<void>;
}

const bodyLimit = 256 * 1024;
const css = readFileSync(new URL('province.css', import.meta.url));

/** Ready when it resolves. @throws Error with one sentence when the port is taken or the folder cannot be used. */
export async function startProvince(options: ProvinceOptions): Promise<Province> {
  const clock = settableClock(options.clock ?? systemClock);
  const state = openState(options.data, clock);
  const people = createPeople();
  const tokens = createTokens(clock);
  const tickets = createTickets(clock, tokens);
  const rates = createRates(clock, () => state.settings);
  const inbox = createInbox(clock);
  const faults = createFaults(clock);
  const ledger = createLedger(clock);
  const platform = { clock, people, tickets, tokens, rates, inbox, state };
  const ending = new AbortController();

  // No log at all: there is nothing here that must not be in one, and nobody to read it.
  const app = fastify({
    logger: false,
    bodyLimit,
    forceCloseConnections: true,
    routerOptions: { maxParamLength: 100 },
  });
  const entries = new WeakMap<FastifyRequest, Entry>();
  const entryOf = (request: FastifyRequest) => entries.get(request) as Entry;

  app.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, Object.fromEntries(new URLSearchParams(String(body)))),
  );
  app.addHook('onRequest', async (request, reply) => {
    // A name that somebody pointed at this machine is no way in, nor is a form on somebody's page.
    if (!['127.0.0.1', 'localhost'].includes(request.hostname))
      return reply.code(421).send({ error: 'Not this host.' });
    const site = request.headers['sec-fetch-site'] ?? 'same-origin';
    if (request.method !== 'GET' && !['same-origin', 'none'].includes(String(site)))
      return reply.code(403).send({ error: 'Not from another site.' });
    if (!request.url.startsWith('/__sim/')) entries.set(request, ledger.begin(request.method, request.url));
    reply
      .header('cache-control', 'no-store')
      .header('x-content-type-options', 'nosniff')
      .header('referrer-policy', 'no-referrer')
      .header(
        'content-security-policy',
        "default-src 'none'; style-src 'self'; img-src data:; form-action 'self'; base-uri 'none'; frame-ancestors 'none'",
      );
  });
  app.setErrorHandler((error: FastifyError, _request, reply) => {
    const status = error.statusCode ?? 500;
    return reply.code(status).send({ error: status < 500 ? error.message : 'The simulator failed.' });
  });
  app.setNotFoundHandler((_request, reply) =>
    reply.code(404).type('text/html; charset=utf-8').send(page('没有这一页', '<p>下面有能看的。</p>')),
  );

  app.get('/', (_request, reply) => reply.redirect('/__sim/inbox', 303));
  app.get('/province.css', (_request, reply) => reply.type('text/css; charset=utf-8').send(css));
  const shared = { faults, entryOf, ending: ending.signal };
  const wire = gateway(app, { ...shared, platform, services: createServices(platform) });
  login(app, { ...shared, clock, state, people, tickets });
  control(app, { platform, faults, ledger, resetWire: wire.reset });

  const url = await app.listen({ host: '127.0.0.1', port: options.port }).catch((error: NodeJS.ErrnoException) => {
    if (error.code === 'EADDRINUSE')
      throw new Error(`Port ${options.port} is taken: stop the program that has it, or choose another with --port.`);
    if (error.code === 'EACCES') throw new Error(`Port ${options.port} may not be used: choose another with --port.`);
    throw error;
  });
  return {
    url,
    close() {
      ending.abort();
      return app.close();
    },
  };
}
