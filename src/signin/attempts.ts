import type { FastifyRequest } from 'fastify';
import type { Refusal } from '../accounts/accounts.ts';
import type { Interaction } from '../provider/provider.ts';
import type { SigninNeeds } from './needs.ts';

interface Asked {
  readonly request: FastifyRequest;
  readonly interaction: Interaction;
}

/** What the trail is told of a sign-in beside its answers: refusals that no transaction carries. */

/** Another browser's interaction, or an interaction of another person's session. An expired one is nobody's attempt. */
export function strayed(
  needs: SigninNeeds,
  request: FastifyRequest,
  interaction: Interaction | undefined,
  present: { readonly accountId: string } | undefined,
  /** The journey began with a session that is not the one of now. */
  another: boolean,
): void {
  const { uid } = request.params as { uid: string };
  const note = (reason: string): void => refusedRequest(needs, request, reason, 'EG-1004');
  if (interaction?.uid !== uid || !another) needs.stranger(uid, () => note('interaction'));
  // one's own session that began anew is no attempt, nor a page that was left open by somebody who signed out
  else if (present && present.accountId !== interaction.session?.accountId) note('session');
}

export function refusedRequest(
  { attempts }: SigninNeeds,
  { ip: address, routeOptions }: FastifyRequest,
  reason: string,
  code: 'EG-1003' | 'EG-1004',
): void {
  const detail = { reason, ...(routeOptions.url ? { route: routeOptions.url } : {}) };
  attempts.note({ type: 'request.refused', address, code, detail });
}

/** The last wrong password before a pause: whose it was stands in the event of that try. */
export function paused({ attempts }: SigninNeeds, { request, interaction }: Asked, refusal: Refusal): void {
  const { reason, until, triesLeft, code } = refusal;
  if (reason !== 'password-paused' || triesLeft !== 0) return;
  attempts.note({
    type: 'sign-in.paused',
    address: request.ip,
    client: interaction.clientId,
    code,
    detail: { way: 'password', ...(until === undefined ? {} : { until }) },
  });
}

/** @param scopes what was asked for and not given; the department goes on without, or not at all */
export function consentDeclined(
  needs: SigninNeeds,
  { interaction }: Pick<Asked, 'interaction'>,
  scopes: string[],
  reason: 'all' | 'some',
) {
  const accountId = interaction.session?.accountId;
  if (!accountId) return;
  needs.attempts.note({
    type: 'consent.declined',
    subject: needs.reference(accountId),
    client: interaction.clientId,
    detail: { reason, scopes },
  });
}
