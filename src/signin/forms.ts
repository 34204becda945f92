import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { parseLoginId, parseMobile, type Refusal } from '../accounts/accounts.ts';
import { type Code, catalogue, EgretError } from '../errors.ts';
import type { CapName } from '../web/caps.ts';
import { field } from '../web/desk.ts';
import { draw } from './draw.ts';
import { contextOf, goOn, type Journey, openJourney } from './journey.ts';
import type { SigninNeeds } from './needs.ts';
import { conflictView } from './real-name/province.view.ts';
import { type RealNameStop, realNameStopView } from './real-name/real-name-result.view.ts';
import { alreadyRegisteredView } from './registration/register.view.ts';
import type { Flow, NotDone, Step, Typed } from './steps.ts';

export type Act = (journey: Journey) => Promise<FastifyReply>;

/** What a question to the province came to. */
export type Came = { readonly flow: Flow } | NotDone;

export interface Forms {
  /**
   * A form of these steps; from any other step the journey is shown as it stands, and nothing changes. It counts on a cap
   * of the address, unless one of `fields` is no such thing: its step refuses that, and it was no try.
   */
  post(action: string, steps: readonly Step[], act: Act, limit?: CapName, fields?: readonly string[]): void;
  /** The same step again with what has to be mended; or the page of a refusal that no other try would change. */
  refused(journey: Journey, name: string, refusal: Refusal, typed?: Typed): Promise<FastifyReply>;
  /** The page of what was answered while the person waited. */
  answered(journey: Journey, notDone: NotDone): Promise<FastifyReply>;
  /** For work that may ask the province: longer than two seconds, and a page says so while it goes on. */
  patiently(journey: Journey, work: Promise<Came>): Promise<FastifyReply>;
}

const patience = 2_000;

export function createForms(server: FastifyInstance, needs: SigninNeeds): Forms {
  const { desk, interactions } = needs;
  const forms: Forms = {
    post(action, steps, act, limit, fields = []) {
      server.post(`/signin/:uid/${action}`, async (request: FastifyRequest, reply: FastifyReply) => {
        if (!(await desk.allowed(request, reply))) return reply;
        const tried = fields.every((name) => isTyped(request, name, desk.clock.now()));
        if (limit && tried && !(await desk.withinLimit(request, reply, limit))) return reply;
        const journey = await openJourney(needs, request, reply);
        if (!journey) return reply;
        return steps.includes(journey.step) ? act(journey) : reply.redirect(journey.at, 303);
      });
    },
    async refused(journey, name, refusal, typed = {}) {
      const { code, triesLeft, until, reason } = refusal;
      const page = stopped(needs, journey, refusal);
      if (page) {
        const { status } = catalogue[code];
        if (status === 429 && until !== undefined)
          journey.reply.header('retry-after', Math.max(1, Math.ceil((until - desk.clock.now()) / 1000)));
        return desk.html(journey.reply, page, status);
      }
      if (reason === 'province-unreachable' || reason === 'province-later')
        return unfinished(needs, journey, code, { safe: 'not-counted', until });
      const more = { ...(triesLeft === undefined ? {} : { triesLeft }), ...(until === undefined ? {} : { until }) };
      return draw(needs, journey, [{ field: name, code, ...more }], typed);
    },
    async answered(journey, notDone) {
      if ('code' in notDone) return unfinished(needs, journey, notDone.code);
      return forms.refused(journey, notDone.name, notDone.refusal, notDone.typed);
    },
    async patiently(journey, work) {
      const { interaction, browser, version, flow, request, reply } = journey;
      const came = await soon(work);
      if (came) return 'flow' in came ? goOn(needs, journey, came.flow) : forms.answered(journey, came);
      const waiting = { ...flow, waiting: desk.clock.now() };
      const held = await interactions.saveFlow(interaction, version, waiting, browser);
      const failed = (error: unknown): NotDone => {
        request.log.error(
          { err: { message: (error as Error).message } },
          'a question to the province was not finished',
        );
        return { code: error instanceof EgretError ? error.code : 'EG-1700' };
      };
      // a person who went another way meanwhile has made a newer version of the flow: then nothing is written
      const later = work.catch(failed).then((what) => {
        const next = 'flow' in what ? what.flow : { ...flow, notDone: what };
        return held && interactions.saveFlow(interaction, version + 1, next, browser);
      });
      later.catch(failed);
      return reply.redirect(journey.at, 303);
    },
  };
  return forms;
}

/** Whether there is something to try in this field, by the rule that its step refuses it by before anything else. */
function isTyped(request: FastifyRequest, name: string, now: number): boolean {
  const value = field(request, name, 1024);
  if (value !== undefined && name === 'login_id') return parseLoginId(value, now) !== undefined;
  return value !== undefined && (name !== 'mobile' || parseMobile(value) !== undefined);
}

/** What work comes to within the patience of a page, or undefined. */
async function soon<T>(work: Promise<T>): Promise<T | undefined> {
  let timer: NodeJS.Timeout | undefined;
  const slow = new Promise<undefined>((resolve) => {
    timer = setTimeout(() => resolve(undefined), patience);
  });
  return Promise.race([work, slow]).finally(() => clearTimeout(timer));
}

/** The error page of a step: what is safe, and the way back to it. */
function unfinished(
  { desk }: SigninNeeds,
  journey: Journey,
  code: Code,
  more: { safe?: 'not-counted'; until?: number | undefined } = {},
): FastifyReply {
  const { request, reply, at, department, client } = journey;
  return desk.refuse(request, reply, code, {
    retry: `${at}?again=yes`,
    ...(more.safe ? { safe: more.safe } : code.startsWith('EG-P9') ? { safe: 'unaffected' } : {}),
    ...(more.until === undefined ? {} : { until: more.until }),
    ...(department && client ? { department, back: client.home } : {}),
  });
}

/** Refusals that end a step: another way, a counter, a guardian, or the account that is there already. */
function stopped(needs: SigninNeeds, journey: Journey, refusal: Refusal): string | undefined {
  const { at, department, flow } = journey;
  const context = contextOf(needs, journey);
  const { reason, code, until, case: number } = refusal;
  const why = {
    minor: 'minor',
    counter: 'counter',
    'checks-used-up': 'used-up',
    'other-way': 'other-way',
    blocked: 'blocked',
    // of a registration the step before comes again; who is signed in has the password already
    ...(journey.step === 'real-name' ? { 'password-own': 'password' } : {}),
  } as const;
  if (reason in why) {
    const later =
      flow.draft && !flow.another
        ? { action: `${at}/later` }
        : journey.step === 'real-name'
          ? { action: `${at}/decline` }
          : undefined;
    return realNameStopView(
      {
        why: why[reason as keyof typeof why] as RealNameStop['why'],
        code,
        until,
        department,
        later,
        ...(reason === 'other-way' ? { again: `${at}?again=yes` } : {}),
        ...(reason === 'password-own' ? { recover: `${at}?way=recover` } : {}),
      },
      context,
    );
  }
  if (reason === 'identity-in-use') {
    return alreadyRegisteredView(
      {
        signIn: `${at}?way=${journey.first}`,
        recover: `${at}?way=recover`,
        ...(flow.joining ? { mobileMasked: flow.joining.mobileMasked } : {}),
        ...(number ? { caseNumber: number } : {}),
      },
      context,
    );
  }
  if (reason === 'province-conflict') {
    return conflictView({ caseNumber: number ?? '', at: context.now, signIn: `${at}?way=password` }, context);
  }
  return undefined;
}
