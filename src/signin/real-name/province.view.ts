import { caseBox } from '../../web/error-page.view.ts';
import { buttonLink } from '../../web/form.view.ts';
import { shown, type View } from '../../web/html.ts';
import { page, places } from '../../web/layout.view.ts';
import { ways } from '../../web/parts.view.ts';
import { sampleTime } from '../../web/samples.ts';
import { errorWords } from '../../web/words/errors.ts';

/** The province is slow: what was typed is in, and nothing asks again by itself. */
export interface WaitingStep {
  /** GET: the same question, answered as things stand. */
  readonly latest: string;
}

/** This real name is linked to another provincial account: nothing was changed, and a case is open. */
export interface ConflictStep {
  readonly caseNumber: string;
  /** Epoch milliseconds. */
  readonly at: number;
  readonly signIn: string;
}

export const waitingView: View<WaitingStep> = (model, context) => {
  const words = errorWords(context);
  return page(context, {
    title: words.waitTitle,
    lead: words.waitLead,
    shape: context.person ? 'form' : 'panel',
    body: buttonLink({ text: words.latest, href: model.latest }),
  });
};

export const conflictView: View<ConflictStep> = (model, context) => {
  const words = errorWords(context);
  return page(context, {
    title: words.conflictTitle,
    lead: words.conflictLead,
    failed: true,
    body: [
      ways(context, words.ways, [
        { icon: 'counter', title: words.counter, hint: words.counterHint, href: `${places.faq}#counter` },
        { icon: 'lock', title: words.otherWay, hint: words.otherWayHint, href: model.signIn },
        { icon: 'call', title: words.call, hint: words.callHint, href: places.call },
      ]),
      caseBox(context, { code: 'EG-1309', caseNumber: model.caseNumber, at: model.at }),
    ],
  });
};

export const views = {
  waiting: shown(waitingView, { only: { latest: '/signin/q7Xc/province/result' } }),
  conflict: shown(conflictView, {
    only: { caseNumber: '7K4M-20Q9', at: sampleTime('09:16'), signIn: '/signin/q7Xc' },
  }),
};
