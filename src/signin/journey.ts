import type { FastifyReply, FastifyRequest } from 'fastify';
import type { ClientRecord } from '../clients/clients.ts';
import { acrOf } from '../policy/policy.ts';
import { accountCenterClient, type BrowserSession, type Interaction, missing, wanted } from '../provider/provider.ts';
import { expiredView } from '../web/error-page.view.ts';
import type { PageContext } from '../web/html.ts';
import type { Department, Problem } from '../web/parts.view.ts';
import { deviceOf } from '../web/words-device.ts';
import type { SigninNeeds } from './needs.ts';
import { type Flow, type Missing, type Step, stepOf } from './steps.ts';

/** One request of a journey: the interaction of this browser, and what it has come to. */
export interface Journey {
  readonly request: FastifyRequest;
  readonly reply: FastifyReply;
  readonly interaction: Interaction;
  /** Who is signed in at this browser now; of an interaction that began with a session, that one. */
  readonly session: BrowserSession | undefined;
  readonly flow: Flow;
  readonly version: number;
  readonly at: string;
  readonly client: ClientRecord | undefined;
  readonly department: Department | undefined;
  readonly browser: string;
  readonly missing: Missing | undefined;
  readonly step: Step;
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
  if (!interaction || interaction.uid !== uid || another) {
    const known = interaction && clients.snapshot().clients.get(interaction.clientId);
    desk.html(reply, expiredView({ ...(known ? { restart: known.home } : {}) }, desk.context(request)), 410);
    return undefined;
  }
  const { version, flow } = await interactions.loadFlow(uid);
  return journeyOf(needs, { request, reply, interaction, session, version, flow: (flow ?? {}) as Flow });
}

async function journeyOf(
  needs: SigninNeeds,
  known: Pick<Journey, 'request' | 'reply' | 'interaction' | 'session' | 'version' | 'flow'>,
): Promise<Journey> {
  const { interaction, request, reply } = known;
  let { flow } = known;
  // a step-up is a journey of the person who is signed in
  if (interaction.prompt === 'step_up' && !flow.signIn && interaction.session) {
    const factors = (interaction.session.amr ?? []).flatMap((name) => factorOf[name] ?? []);
    const assessed = await needs.accounts.assess(interaction.session.accountId, factors);
    if (assessed.ok) flow = { ...flow, signIn: assessed.signIn };
  }
  const client = needs.clients.snapshot().clients.get(interaction.clientId);
  const asked = wanted(interaction.params);
  const short = flow.signIn && missing(acrOf({ realName: flow.signIn.level, strength: flow.signIn.strength }), asked);
  return {
    ...known,
    flow,
    at: `/signin/${interaction.uid}`,
    client,
    department: interaction.clientId === accountCenterClient ? undefined : departmentOf(client),
    browser: needs.desk.browser(request, reply),
    missing: short,
    step: stepOf(interaction.prompt, flow, short),
  };
}

const factorOf: Record<string, 'password' | 'sms' | 'ticket'> = { pwd: 'password', sms: 'sms', tkt: 'ticket' };

/** What binds a code or a proof to this journey and this browser. */
export const attemptOf = ({ interaction, browser }: Journey): { flow: string; browser: string } => ({
  flow: interaction.uid,
  browser,
});

const text = ({ zh, en }: { zh: string; en: string }) => ({ 'zh-CN': zh, en });

export const departmentOf = (client: ClientRecord | undefined): Department | undefined =>
  client && { seal: client.department.seal, name: text(client.department), short: text(client.name) };

export const contextOf = (
  needs: SigninNeeds,
  { request, interaction }: Journey,
  person?: { maskedName: string },
): PageContext => ({
  ...needs.desk.context(request, { uiLocales: interaction.params.ui_locales, ...(person ? { person } : {}) }),
  path: `/signin/${interaction.uid}`,
});

/** Writes what the journey has come to and shows the next step; a faster request of the same browser wins. */
export async function goOn(needs: SigninNeeds, journey: Journey, flow: Flow): Promise<FastifyReply> {
  await needs.interactions.saveFlow(journey.interaction.uid, journey.version, flow, journey.interaction.exp);
  return journey.reply.redirect(journey.at, 303);
}

/** Finishes a sign-in: the record of the session and its event in one transaction, then the provider goes on. */
export async function finish(needs: SigninNeeds, journey: Journey): Promise<FastifyReply> {
  const { request, reply, interaction, session, flow } = journey;
  const { interactions, sessions, database, audit, consents, accounts, desk } = needs;
  const { signIn } = flow;
  if (!signIn) return reply.redirect(journey.at, 303);
  const same = session?.accountId === signIn.accountId;
  if (session && !same) await needs.endSession(session, 'person');
  const uid = same ? session.uid : (flow.sessionUid ?? interactions.newSessionUid());
  // the page asked for twice at once begins one session: the other request comes back and finds its uid
  const drawn = same || flow.sessionUid !== undefined;
  const held = { ...flow, sessionUid: uid };
  if (!drawn && !(await interactions.saveFlow(interaction.uid, journey.version, held, interaction.exp)))
    return reply.redirect(journey.at, 303);
  const claims = await accounts.accountForClaims(signIn.accountId);
  const begun = await database.begin(async (tx) => {
    // between the password and this page the account may have been disabled, or its password reset by its owner
    if (!(await accounts.signInStands(tx, signIn))) return false;
    const expiresAt = desk.clock.now() + needs.lifetimes.sessionAbsolute * 1000;
    const fresh = await sessions.begin(tx, {
      uid,
      accountId: signIn.accountId,
      device: deviceOf(request.headers['user-agent']),
      methods: signIn.amr.filter((name) => name !== 'mfa'),
      expiresAt,
    });
    if (fresh || same)
      await audit.record(tx, {
        type: 'session.started',
        outcome: 'success',
        subject: needs.reference(signIn.accountId),
        client: interaction.clientId,
        detail: { strength: signIn.strength, level: signIn.level },
      });
    return true;
  });
  if (!begun) return goOn(needs, journey, {});
  const to = await interactions.finish(
    request.raw,
    reply.raw,
    {
      login: {
        accountId: signIn.accountId,
        acr: acrOf({ realName: signIn.level, strength: signIn.strength }),
        amr: [...signIn.amr],
        remember: true,
      },
      step_up: {},
      egret: {
        uid,
        consents: await consents.standing(signIn.accountId),
        person: { maskedName: claims?.nameMasked ?? claims?.mobileMasked ?? '' },
      },
    },
    interaction.session && !same ? interaction.uid : undefined,
  );
  return leave(needs, journey, to);
}

/** The provider's address to go on at: from a GET directly, after a form through a page of ours. */
export function leave(needs: SigninNeeds, { request, reply }: Journey, to: string | undefined): FastifyReply {
  if (!to) return needs.desk.html(reply, expiredView({}, needs.desk.context(request)), 410);
  return needs.desk.onward(request, reply, to);
}

export type { Problem };
