import type { FastifyReply } from 'fastify';
import { acrOf } from '../policy/policy.ts';
import { deviceOf } from '../web/words/device.ts';
import { expiredPage } from './expired.ts';
import { goOn, type Journey } from './journey.ts';
import type { SigninNeeds } from './needs.ts';

/** Finishes a sign-in: the record of the session and its event in one transaction, then the provider goes on. */
export async function finish(needs: SigninNeeds, journey: Journey): Promise<FastifyReply> {
  const { request, reply, interaction, session, flow } = journey;
  const { interactions, sessions, database, audit, consents, accounts, desk } = needs;
  const { signIn } = flow;
  if (!signIn) return reply.redirect(journey.at, 303);
  const acr = acrOf({ realName: signIn.level, strength: signIn.strength });
  const same = session?.accountId === signIn.accountId;
  if (session && !same) await needs.endSession(session, 'person');
  const uid = same ? session.uid : (flow.sessionUid ?? interactions.newSessionUid());
  // the page asked for twice at once begins one session: the other request comes back and finds its uid
  const drawn = same || flow.sessionUid !== undefined;
  const held = { ...flow, sessionUid: uid };
  if (!drawn && !(await interactions.saveFlow(interaction, journey.version, held, journey.browser)))
    return reply.redirect(journey.at, 303);
  const begun = await database.begin(async (tx) => {
    // between the password and this page the account may have been disabled, or its password reset by its owner
    if (sessions.ended('account', signIn.accountId, signIn.at) || !(await accounts.signInStands(tx, signIn)))
      return false;
    const expiresAt = desk.clock.now() + needs.lifetimes.sessionAbsolute * 1000;
    const fresh = await sessions.begin(tx, {
      uid,
      accountId: signIn.accountId,
      device: deviceOf(request.headers['user-agent']),
      methods: signIn.amr.filter((name) => name !== 'mfa'),
      expiresAt,
    });
    const of = { subject: needs.reference(signIn.accountId), client: interaction.clientId } as const;
    if (same && interaction.prompt === 'step_up')
      await audit.record(tx, {
        type: 'sign-in.step-up',
        ...of,
        outcome: flow.declined ? 'refused' : 'success',
        detail: { from: session.acr, to: acr, ...(flow.declined ? { reason: 'declined' } : {}) },
      });
    else if (fresh || same)
      await audit.record(tx, {
        type: 'session.started',
        ...of,
        outcome: 'success',
        detail: { strength: signIn.strength, level: signIn.level },
      });
    return true;
  });
  if (!begun) return goOn(needs, journey, {});
  const claims = await accounts.accountForClaims(signIn.accountId);
  // the mobile of a registration that ended at this account: only if it is the account of that person
  if (flow.joining && flow.joining.idNumber === claims?.idNumber)
    await accounts.joinMobile({ flow: interaction.uid, proof: flow.joining.proof, accountId: signIn.accountId });
  const to = await interactions.finish(
    request.raw,
    reply.raw,
    {
      login: {
        accountId: signIn.accountId,
        acr,
        amr: [...signIn.amr],
        remember: true,
      },
      step_up: {},
      egret: {
        uid,
        at: desk.clock.now(),
        consents: await consents.standing(signIn.accountId),
        person: { maskedName: claims?.nameMasked ?? claims?.mobileMasked ?? '' },
      },
    },
    interaction.session && !same ? interaction.uid : undefined,
    journey.browser,
  );
  return leave(needs, journey, to);
}

/** The provider's address to go on at: from a GET directly, after a form through a page of ours. */
export function leave(needs: SigninNeeds, { request, reply, client }: Journey, to: string | undefined): FastifyReply {
  if (!to) return needs.desk.html(reply, expiredPage(needs, request, client), 410);
  return needs.desk.onward(request, reply, to);
}
