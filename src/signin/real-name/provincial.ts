import { hash, randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import { refusedRequest } from '../attempts.ts';
import type { Came, Forms } from '../forms.ts';
import { openJourney } from '../journey.ts';
import type { SigninNeeds } from '../needs.ts';
import type { Flow, Step } from '../steps.ts';

const open: readonly Step[] = ['password', 'paused', 'sms', 'register-mobile', 'code'];

/**
 * Signing in at the province (闽政通) with a trust ticket. The dialect has no state of its own: ours goes in the return
 * address, and the ticket counts only in the browser that began. The state is spent before the ticket is.
 */
export function provincialSteps(server: FastifyInstance, { patiently }: Forms, needs: SigninNeeds): void {
  const { accounts, bridge, desk, interactions } = needs;
  const returnUrl = (at: string, state: string): string => `${desk.issuer}${at}/ticket?state=${state}`;
  server.get('/signin/:uid/province', { exposeHeadRoute: false }, async (request, reply) => {
    const journey = await openJourney(needs, request, reply);
    if (!journey) return reply;
    // while the province is away its page would lead nowhere: ours says so
    if (!open.includes(journey.step) || !bridge.status().up) return reply.redirect(journey.at, 303);
    const provinceState = randomBytes(24).toString('base64url');
    const { interaction, version, flow } = journey;
    const next = { provinceState, joining: flow.joining };
    if (!(await interactions.saveFlow(interaction, version, next, journey.browser)))
      return reply.redirect(journey.at, 303);
    return reply.redirect(bridge.loginUrl(returnUrl(journey.at, provinceState)), 303);
  });
  server.get('/signin/:uid/ticket', { exposeHeadRoute: false }, async (request, reply) => {
    if (!(await desk.withinLimit(request, reply, 'signInPerAddress'))) return reply;
    const journey = await openJourney(needs, request, reply);
    if (!journey) return reply;
    const { state, trustticket: ticket } = request.query as { state?: unknown; trustticket?: unknown };
    const { interaction, version, flow, at, browser, first } = journey;
    if (typeof state !== 'string' || !same(state, flow.provinceState)) {
      refusedRequest(needs, request, 'state', 'EG-1003');
      return desk.refuse(request, reply, 'EG-1003');
    }
    const next: Flow = { way: first, joining: flow.joining };
    if (!(await interactions.saveFlow(interaction, version, next, browser))) return reply.redirect(at, 303);
    if (typeof ticket !== 'string') return reply.redirect(at, 303);
    const redeem = async (): Promise<Came> => {
      const answer = await bridge.redeemTicket(ticket, returnUrl(at, state));
      if (!answer.ok) return { code: answer.code };
      const done = await accounts.signInFromProvince({ person: answer.person, browser });
      if (!done.ok) return { name: first === 'sms' ? 'mobile' : 'login_id', refusal: done };
      return { flow: { ...next, signIn: done.signIn } };
    };
    return patiently({ ...journey, flow: next, step: first, version: version + 1 }, redeem());
  });
}

const same = (given: string, known: string | undefined): boolean =>
  known !== undefined && timingSafeEqual(digest(given), digest(known));
const digest = (text: string): Buffer => hash('sha256', text, 'buffer');
