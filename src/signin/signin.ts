/**
 * The sign-in journey: who is it, which level, may this be given. Each request reads the interaction of this browser
 * and what it has come to; one dispatcher (steps.ts) chooses the step; a form changes the stored state and goes back to
 * the one address. It owns no rule about people (accounts), consent (consents) or protocol (provider).
 * Routes: GET /signin/:uid (`way` chooses another way in), /signin/:uid/{province, ticket}; POST /signin/:uid/{password,
 * mobile, register, recover, code, resend, identity, another, method, real-name, later, decline, second-password,
 * recover-identity, new-password, roaming, consent}.
 */
import type { FastifyInstance } from 'fastify';
import { answerSteps } from './consent/answers.ts';
import { draw } from './draw.ts';
import { createForms } from './forms.ts';
import { goOn, openJourney } from './journey.ts';
import type { SigninNeeds } from './needs.ts';
import { provincialSteps } from './real-name/provincial.ts';
import { provingSteps } from './real-name/proving.ts';
import { recoverySteps } from './recovery/recovery.ts';
import { registrationSteps } from './registration/registration.ts';
import { codeSteps } from './ways/codes.ts';

export { expiredPage } from './expired.ts';
export type { SigninNeeds } from './needs.ts';

export async function signin(server: FastifyInstance, needs: SigninNeeds): Promise<void> {
  const forms = createForms(server, needs);
  server.get('/signin/:uid', { exposeHeadRoute: false }, async (request, reply) => {
    const journey = await openJourney(needs, request, reply);
    if (!journey) return reply;
    const { way, seen, shared, again } = request.query as Record<string, unknown>;
    const { flow, notDone } = journey;
    if (way === 'password' || way === 'sms' || way === 'register' || way === 'recover')
      return goOn(needs, journey, { way, joining: flow.joining });
    if (seen === 'result') return goOn(needs, journey, { ...flow, proved: false, recovered: false });
    if (shared === 'yes' && journey.step === 'code') return goOn(needs, journey, { ...flow, shared: true });
    if (again === 'yes') return goOn(needs, journey, flow);
    return notDone ? forms.answered(journey, notDone) : draw(needs, journey);
  });

  provingSteps(forms, needs);
  codeSteps(forms, needs);
  registrationSteps(forms, needs);
  recoverySteps(forms, needs);
  provincialSteps(server, forms, needs);
  answerSteps(forms, needs);
}
