import type { FastifyReply } from 'fastify';
import type { InteractionResults } from 'oidc-provider';
import type { Item } from '../../clients/clients.ts';
import { choice, field, fields } from '../../web/desk.ts';
import { consentDeclined } from '../attempts.ts';
import { leave } from '../finish.ts';
import type { Forms } from '../forms.ts';
import type { Journey } from '../journey.ts';
import type { SigninNeeds } from '../needs.ts';
import { answerable } from './consent.ts';

const scopes = (items: readonly Item[]) => items.map(({ scope }) => scope);

/** Answers of a person who is signed in: go on there as this person, and give what that department asks for. */
export function answerSteps({ post }: Forms, needs: SigninNeeds): void {
  const { desk, interactions, consents, endSession } = needs;
  const answer = async (journey: Journey, result: InteractionResults, forget?: string): Promise<FastifyReply> =>
    leave(
      needs,
      journey,
      await interactions.finish(journey.request.raw, journey.reply.raw, result, forget, journey.browser),
    );

  post('roaming', ['roaming'], async (journey) => {
    const { request, interaction, session, client } = journey;
    const decision = choice(request, 'decision', ['continue', 'switch', 'leave']);
    if (decision === 'continue') {
      if (field(request, 'skip_notice', 8) && client && session)
        await consents.setNotice(session.accountId, client.clientId, true, client.itemsVersion);
      return answer(journey, { roaming_notice: {} });
    }
    if (session) await endSession(session, 'person');
    if (decision === 'switch') return answer(journey, {}, interaction.uid);
    return answer(journey, { error: 'access_denied', error_description: 'the person signed out' }, interaction.uid);
  });
  post('consent', ['consent'], async (journey) => {
    const { request, interaction, client } = journey;
    const decision = choice(request, 'decision', ['agree', 'decline']);
    // what was agreed to is what was shown: the department may have changed its wording since
    if (decision === 'agree' && client && field(request, 'items', 64) !== client.itemsVersion)
      return journey.reply.redirect(journey.at, 303);
    const items = answerable(journey);
    if (decision === 'decline') {
      consentDeclined(needs, journey, scopes(items), 'all');
      return answer(journey, { error: 'access_denied', error_description: 'the person did not agree' });
    }
    const ticked = fields(request, 'grant', 32);
    const given = (item: (typeof items)[number]): boolean =>
      item.group === 'told' || ticked.includes(item.group === 'asked' ? 'asked' : item.scope);
    const accountId = interaction.session?.accountId;
    if (!accountId || !client) return journey.reply.redirect(journey.at, 303);
    const declined = scopes(items.filter((item) => !given(item)));
    await consents.give({
      accountId,
      clientId: client.clientId,
      granted: scopes(items.filter(given)),
      declined,
      itemsVersion: client.itemsVersion,
      language: desk.context(request, { uiLocales: interaction.params.ui_locales }).lang,
    });
    if (declined.length > 0) consentDeclined(needs, journey, declined, 'some');
    return answer(journey, { consent: {} });
  });
}
