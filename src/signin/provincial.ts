import { randomBytes, timingSafeEqual } from 'node:crypto';
import type { FastifyInstance } from 'fastify';
import type { Forms } from './forms.ts';
import { goOn, openJourney } from './journey.ts';
import type { SigninNeeds } from './needs.ts';
import type { Step } from './steps.ts';

const open: readonly Step[] = ['password', 'paused', 'sms', 'register-mobile', 'code'];

/**
 * Signing in at the province (闽政通) with a trust ticket. The dialect has no state of its own: ours goes in the return
 * address, and the ticket counts only in the browser that began. The state is spent before the ticket is.
 */
export function provincialSteps(server: FastifyInstance, { refused }: Forms, needs: SigninNeeds): void {
  const { accounts, bridge, desk, interactions } = needs;
  const returnUrl = (at: string, state: string): string => `${desk.issuer}${at}/ticket?state=${state}`;
  server.get('/signin/:uid/province', async (request, reply) => {
    const journey = await openJourney(needs, request, reply);
    if (!journey) return reply;
    if (!open.includes(journey.step)) return reply.redirect(journey.at, 303);
    const state = randomBytes(24).toString('base64url');
    const { interaction, version } = journey;
    if (!(await interactions.saveFlow(interaction.uid, version, { provinceState: state }, interaction.exp))) {
      return reply.redirect(journey.at, 303);
    }
    return reply.redirect(bridge.loginUrl(returnUrl(journey.at, state)), 303);
  });
  server.get('/signin/:uid/ticket', async (request, reply) => {
    if (!(await desk.withinLimit(request, reply, 'signInPerAddress'))) return reply;
    const journey = await openJourney(needs, request, reply);
    if (!journey) return reply;
    const { state, trustticket: ticket } = request.query as { state?: unknown; trustticket?: unknown };
    const { interaction, version, flow, at, browser } = journey;
    if (typeof state !== 'string' || !same(state, flow.provinceState)) return desk.refuse(request, reply, 'EG-1003');
    if (!(await interactions.saveFlow(interaction.uid, version, {}, interaction.exp))) return reply.redirect(at, 303);
    if (typeof ticket !== 'string') return reply.redirect(at, 303);
    const answer = await bridge.redeemTicket(ticket, returnUrl(at, state));
    if (!answer.ok) return desk.refuse(request, reply, answer.code);
    const done = await accounts.signInFromProvince({ person: answer.person, browser });
    if (!done.ok) return refused(journey, 'login_id', done);
    return goOn(needs, { ...journey, version: version + 1 }, { way: 'password', signIn: done.signIn });
  });
}

const same = (given: string, known: string | undefined): boolean =>
  known !== undefined && given.length === known.length && timingSafeEqual(Buffer.from(given), Buffer.from(known));
