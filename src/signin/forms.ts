import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { Refusal } from '../accounts/accounts.ts';
import { draw, type Typed } from './draw.ts';
import { contextOf, type Journey, openJourney } from './journey.ts';
import type { SigninNeeds } from './needs.ts';
import { conflictView } from './province.view.ts';
import { realNameStopView } from './real-name.view.ts';
import { alreadyRegisteredView } from './register.view.ts';
import type { Step } from './steps.ts';

export type Act = (journey: Journey) => Promise<FastifyReply>;

export interface Forms {
  /** A form of these steps; from any other step the journey is shown as it stands, and nothing changes. */
  post(action: string, steps: readonly Step[], act: Act, limit?: string): void;
  /** The same step again with what has to be mended; or the page of a refusal that no other try would change. */
  refused(journey: Journey, name: string, refusal: Refusal, typed?: Typed): Promise<FastifyReply>;
}

export function createForms(server: FastifyInstance, needs: SigninNeeds): Forms {
  const { desk } = needs;
  return {
    post(action, steps, act, limit) {
      server.post(`/signin/:uid/${action}`, async (request: FastifyRequest, reply: FastifyReply) => {
        if (!(await desk.allowed(request, reply))) return reply;
        if (limit && !(await desk.withinLimit(request, reply, limit))) return reply;
        const journey = await openJourney(needs, request, reply);
        if (!journey) return reply;
        return steps.includes(journey.step) ? act(journey) : reply.redirect(journey.at, 303);
      });
    },
    async refused(journey, name, refusal, typed = {}) {
      const page = stopped(needs, journey, refusal);
      if (page) return desk.html(journey.reply, page, 403);
      const { code, triesLeft, until, reason } = refusal;
      if (reason === 'province-unreachable') return desk.refuse(journey.request, journey.reply, code);
      const more = { ...(triesLeft === undefined ? {} : { triesLeft }), ...(until === undefined ? {} : { until }) };
      return draw(needs, journey, [{ field: name, code, ...more }], typed);
    },
  };
}

/** Refusals that end a step: another way, a counter, a guardian, or the account that is there already. */
function stopped(needs: SigninNeeds, journey: Journey, refusal: Refusal): string | undefined {
  const { at, department, flow } = journey;
  const context = contextOf(needs, journey);
  const { reason, code, until, case: number } = refusal;
  const why = { minor: 'minor', counter: 'counter', 'checks-used-up': 'used-up' } as const;
  if (reason in why) {
    const later =
      flow.draft && !flow.another
        ? { action: `${at}/later` }
        : journey.step === 'real-name'
          ? { action: `${at}/decline` }
          : undefined;
    return realNameStopView({ why: why[reason as keyof typeof why], code, until, department, later }, context);
  }
  if (reason === 'identity-in-use') {
    return alreadyRegisteredView(
      { signIn: `${at}?way=password`, recover: `${at}?way=recover`, ...(number ? { caseNumber: number } : {}) },
      context,
    );
  }
  if (reason === 'province-conflict') {
    return conflictView({ caseNumber: number ?? '', at: context.now, signIn: `${at}?way=password` }, context);
  }
  return undefined;
}
