/**
 * The pages that belong to nobody's journey: the footer's four articles and what works while the province does not
 * answer. It owns their routes; the texts are in web. Routes: GET /accessibility, /privacy, /terms, /faq, /outage.
 */
import type { FastifyInstance } from 'fastify';
import type { Bridge } from '../bridge/bridge.ts';
import { type Standing, standings } from '../observe/health.ts';
import type { Desk } from '../web/desk.ts';
import { outageView } from '../web/error-page.view.ts';
import type { View } from '../web/html.ts';
import { places } from '../web/layout.view.ts';
import { accessibilityView } from './accessibility.view.ts';
import { faqView } from './faq.view.ts';
import { privacyView } from './privacy.view.ts';
import { termsView } from './terms.view.ts';

export interface PagesNeeds {
  readonly desk: Desk;
  readonly bridge: Pick<Bridge, 'status'>;
  /** How this process stands with its stores. */
  readonly standing: () => Standing;
}

export async function pages(scope: FastifyInstance, { desk, bridge, standing }: PagesNeeds): Promise<void> {
  const articles: Readonly<Record<string, View<Record<string, never>>>> = {
    [places.accessibility]: accessibilityView,
    [places.privacy]: privacyView,
    [places.terms]: termsView,
    [places.faq]: faqView,
  };
  for (const [path, view] of Object.entries(articles))
    scope.get(path, async (request, reply) => desk.html(reply, view({}, desk.context(request))));
  scope.get(places.outage, async (request, reply) => {
    const { up, since, nextTry } = bridge.status();
    const outage = up || since === undefined ? {} : { outage: { since, ...(nextTry ? { nextUpdate: nextTry } : {}) } };
    const { code } = standings[standing()];
    const away = code === undefined ? {} : { away: code };
    return desk.html(reply, outageView({ signIn: places.account, ...outage, ...away }, desk.context(request)));
  });
}
