import { setTimeout as wait } from 'node:timers/promises';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Clock } from '../clock.ts';
import { isReservedNumber } from '../people/guard.ts';
import { normaliseNumber } from '../people/identifiers.ts';
import type { People, Person } from '../people/people.ts';
import type { Tickets } from '../services/tickets.ts';
import type { Faults } from '../sim/faults.ts';
import { type Entry, named } from '../sim/ledger.ts';
import { instead } from '../sim/spoil.ts';
import type { State } from '../state.ts';
import { allowedReturn, isCurrent } from '../wire/callers.ts';
import { headerFault, send } from '../wire/gateway.ts';
import { type LoginPage, loginPage, strangerPage } from './login.view.ts';

const path = '/dataset/UnifiedController/login.do';

/**
 * 统一登录: `GET` and `POST /dataset/UnifiedController/login.do`. The browser leaves with a trust ticket in the return
 * address; the dialect has no state and no nonce, so whatever binds the ticket to this browser is the caller's own.
 */
export function login(
  app: FastifyInstance,
  options: {
    clock: Clock;
    state: State;
    people: People;
    tickets: Tickets;
    faults: Faults;
    entryOf: (request: FastifyRequest) => Entry;
    ending: AbortSignal;
  },
): void {
  const { clock, state, people, tickets, faults, entryOf, ending } = options;

  /** Plays what the login page can play. True when there is nothing left to answer. */
  async function plays(request: FastifyRequest, reply: FastifyReply, caller?: string): Promise<boolean> {
    const header = headerFault(request);
    const fault = faults.pick(
      { header: header === 'unknown' ? undefined : header, caller, service: 'login' },
      (one) => one.kind === 'latency' || one.kind === 'hang' || instead(one) !== undefined,
    );
    entryOf(request).fault = fault?.kind;
    if (!fault) return false;
    if (fault.kind === 'latency') await wait(fault.ms ?? 5_000, undefined, { signal: ending }).catch(() => {});
    const answer = instead(fault);
    if (fault.kind === 'hang') reply.hijack();
    else if (answer) send(reply, answer);
    return fault.kind !== 'latency';
  }

  function show(reply: FastifyReply, view: LoginPage) {
    // No form-action: browsers hold every redirect after a form to it, and where the caller sends the person from its
    // return address is not known here.
    return reply
      .code(view.refused ? 422 : 200)
      .type('text/html; charset=utf-8')
      .header(
        'content-security-policy',
        `default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; frame-ancestors 'none'`,
      )
      .send(loginPage(view));
  }

  async function handle(request: FastifyRequest, reply: FastifyReply) {
    const given = Object.entries((request.method === 'GET' ? request.query : request.body) ?? {});
    const field = (name: string) => {
      const value = given.find(([one]) => one === name)?.[1];
      return typeof value === 'string' ? value : '';
    };
    const caller = state.caller(field('callerCode'));
    entryOf(request).caller = caller?.callerCode;
    entryOf(request).service = 'login';
    if (await plays(request, reply, caller?.callerCode)) return reply;

    const returnUrl = field('returnurl');
    const back = caller && isCurrent(caller, clock.now()) ? allowedReturn(caller, returnUrl) : undefined;
    if (!caller || !back) return reply.code(400).type('text/html; charset=utf-8').send(strangerPage());
    const view = { callerCode: caller.callerCode, returnUrl, people: people.all() };
    if (request.method === 'GET') return show(reply, view);

    const chosen = field('person') ? choose(people.byKey(field('person'))) : byNumber(field('number'));
    if (typeof chosen === 'string') return show(reply, { ...view, refused: chosen });
    if (Array.isArray(chosen)) return show(reply, { ...view, people: chosen, refused: 'two accounts' });
    entryOf(request).person = named(chosen.key);
    const ticket = tickets.issue({ caller: caller.callerCode, returnUrl, person: chosen.key });
    return reply.redirect(`${back.href}${back.href.includes('?') ? '&' : '?'}trustticket=${ticket}`, 303);
  }

  const choose = (person: Person | undefined) => person ?? ('nobody' as const);

  function byNumber(typed: string): Person | Person[] | 'outside' | 'nobody' {
    const number = normaliseNumber(typed);
    if (!isReservedNumber(number)) return 'outside';
    const found = people.byNumber(number);
    return found.length > 1 ? [...found] : choose(found[0]);
  }

  app.get(path, handle);
  app.post(path, handle);
}
