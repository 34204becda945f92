import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ClientRecord, departmentOf } from '../clients/clients.ts';
import { acrOf } from '../policy/policy.ts';
import { accountCenterClient, type BrowserSession, type Interaction, missing, wanted } from '../provider/provider.ts';
import type { PageContext } from '../web/html.ts';
import type { Department } from '../web/parts.view.ts';
import { preferencesOf } from '../web/preferences.ts';
import { strayed } from './attempts.ts';
import { expiredPage, rememberTarget } from './expired.ts';
import type { SigninNeeds } from './needs.ts';
import { type Flow, longestWait, type Missing, type NotDone, type Step, stepOf } from './steps.ts';

/** One request of a journey: the interaction of this browser, and what it has come to. */
export interface Journey {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly interaction: Interaction;
  /** Who is signed in at this browser now; of an interaction that began with a session, that one. */
  readonly session: BrowserSession | undefined;
  readonly flow: Flow;
  /** What the province answered to the question before, shown until the next form is sent. */
  readonly notDone?: NotDone;
  readonly version: number;
  readonly at: string;
  readonly client: ClientRecord | undefined;
  readonly department: Department | undefined;
  readonly browser: string;
  readonly missing: Missing | undefined;
  readonly step: Step;
  /** The way a sign-in opens on: SMS in the large edition, which asks to remember nothing. */
  readonly first: 'password' | 'sms';
}

/** Opens the journey at this address, or answers the page of an expired one. */
export async function openJourney(
  needs: SigninNeeds,
  request: FastifyRequest,
  reply: FastifyReply,
): Promise<Journey | undefined> {
  const { desk, interactions, clients, browserSessions } = needs;
  const uid = (request.params as { uid: string }).uid;
  const interaction = await interactions.open(request.raw, reply.raw);
  const session = interaction && (await browserSessions.read(request.cookies[desk.cookieName]));
  // a page left open by a person who has signed out since is nobody's: the next person must not answer it for them
  const another = interaction?.session !== undefined && interaction.session.uid !== session?.uid;
  const browser = desk.browser(request, reply);
  // what one browser has come to is no other's, also where somebody planted the cookies of this journey in both
  const held = interaction?.uid === uid && !another ? await interactions.loadFlow(uid, browser) : undefined;
  if (!interaction || !held) {
    strayed(needs, request, interaction, session, another);
    const known = interaction && clients.snapshot().clients.get(interaction.clientId);
    desk.html(reply, expiredPage(needs, request, known), 410);
    return undefined;
  }
  rememberTarget(needs, request, reply, interaction.clientId);
  const { version, flow } = held;
  return journeyOf(needs, { request, reply, interaction, session, browser, version, flow: (flow ?? {}) as Flow });
}

async function journeyOf(
  needs: SigninNeeds,
  known: Pick<Journey, 'request' | 'reply' | 'interaction' | 'session' | 'browser' | 'version' | 'flow'>,
): Promise<Journey> {
  const { interaction, request } = known;
  const { notDone, waiting, ...stored } = known.flow;
  let flow: Flow = stored;
  if (waiting && needs.desk.clock.now() < waiting + longestWait) flow = { ...flow, waiting };
  // a step-up is a journey of the person who is signed in, unless they chose to sign in as another
  if (interaction.prompt === 'step_up' && !flow.signIn && !flow.way && interaction.session) {
    const factors = (interaction.session.amr ?? []).flatMap((name) => factorOf[name] ?? []);
    const assessed = await needs.accounts.assess(interaction.session.accountId, factors);
    if (assessed.ok) flow = { ...flow, signIn: assessed.signIn };
  }
  const client = needs.clients.snapshot().clients.get(interaction.clientId);
  const asked = wanted(interaction.params);
  const short = flow.signIn && missing(acrOf({ realName: flow.signIn.level, strength: flow.signIn.strength }), asked);
  const first = preferencesOf(request).mode === 'large' ? 'sms' : 'password';
  return {
    ...known,
    flow,
    ...(notDone ? { notDone } : {}),
    at: `/signin/${interaction.uid}`,
    client,
    department: client && interaction.clientId !== accountCenterClient ? departmentOf(client) : undefined,
    missing: short,
    step: stepOf(interaction.prompt, flow, short, first),
    first,
  };
}

const factorOf: Record<string, 'password' | 'sms' | 'ticket'> = { pwd: 'password', sms: 'sms', tkt: 'ticket' };

/** What binds a code or a proof to this journey and this browser. */
export const attemptOf = ({ interaction, browser }: Journey): { flow: string; browser: string } => ({
  flow: interaction.uid,
  browser,
});

/** Steps that the province takes part in, or offers another way in: their pages say when it does not answer. */
const touched: readonly Step[] = [
  'password',
  'paused',
  'sms',
  'identity',
  'register-mobile',
  'register-real-name',
  'real-name',
  'recover-identity',
];

export const contextOf = (
  needs: SigninNeeds,
  { request, interaction, step }: Journey,
  person?: { maskedName: string },
): PageContext => ({
  ...needs.desk.context(request, {
    uiLocales: interaction.params.ui_locales,
    touched: touched.includes(step),
    ...(person ? { person } : {}),
  }),
  path: `/signin/${interaction.uid}`,
});

/** Writes what the journey has come to and shows the next step; a faster request of the same browser wins. */
export async function goOn(needs: SigninNeeds, journey: Journey, flow: Flow): Promise<FastifyReply> {
  await needs.interactions.saveFlow(journey.interaction, journey.version, flow, journey.browser);
  return journey.reply.redirect(journey.at, 303);
}
