import { type Code, catalogue } from '../errors.ts';
import { buttonLink, buttons } from './form.view.ts';
import { type Html, html, type Outage, type PageContext, shown, type View } from './html.ts';
import { page, places } from './layout.view.ts';
import { badge, type Department, table, ways } from './parts.view.ts';
import { departments, sampleTime } from './samples.ts';
import { errorWords } from './words/errors.ts';
import { comingTime, dateTime, inTone } from './words.ts';

/** What happened, what is safe, three ways on, and what to quote. Send it with the status of the catalogue. */
export interface ErrorPage {
  readonly code: Code;
  /** `7K4M-20Q9`, this case; without it only the code is shown. */
  readonly caseNumber?: string;
  /** Epoch milliseconds. */
  readonly at: number;
  /** What is safe, where that is known to be true. */
  readonly safe?: 'not-submitted' | 'not-counted' | 'unaffected';
  /** GET: the step to try again. */
  readonly retry?: string;
  /** Epoch milliseconds: not before. */
  readonly retryAt?: number;
  readonly department?: Department;
  /** GET: the department's own page to begin again at. */
  readonly back?: string;
}

/** The interaction is over, or belongs to another browser. */
export interface ExpiredPage {
  readonly department?: Department;
  /** GET: where the same journey begins again. */
  readonly restart?: string;
}

export interface OutagePage {
  /** Absent: the province answers. */
  readonly outage?: Outage;
  /** Of our own stores: only who is signed in goes on (EG-1702), or nobody does (EG-1703). */
  readonly away?: 'EG-1702' | 'EG-1703';
  readonly signIn: string;
}

/** 错误代码 and 查询号, to be read out over the telephone. */
export function caseBox(
  context: PageContext,
  about: { readonly code: Code; readonly caseNumber?: string; readonly at: number },
): Html {
  const words = errorWords(context);
  const at = dateTime(about.at);
  return html`<div class="case"><p>${about.caseNumber === undefined ? words.quoteOne : words.quote}</p>
<dl><div><dt>${words.code}</dt><dd>${about.code}</dd></div>${about.caseNumber !== undefined && html`<div><dt>${words.number}</dt><dd>${about.caseNumber}</dd></div>`}</dl>
<p>${about.caseNumber === undefined ? words.codeTime(at) : words.noData(at)}</p></div>`;
}

export const errorPageView: View<ErrorPage> = (model, context) => {
  const words = errorWords(context);
  const { title, lead } = told(context, model.code);
  const safe = {
    'not-submitted': words.notSubmitted,
    'not-counted': words.notCounted,
    unaffected: words.unaffected,
  };
  const gap = context.lang === 'en' ? ' ' : '';
  return page(context, {
    title,
    lead: model.safe ? `${lead}${gap}${safe[model.safe]}` : lead,
    failed: true,
    body: [
      ways(context, words.ways, [
        model.retry !== undefined && {
          icon: 'again',
          title: words.again,
          hint: model.retryAt === undefined ? words.againHint : words.againAfter(comingTime(model.retryAt, context)),
          href: model.retry,
        },
        model.back !== undefined && model.department
          ? {
              icon: { seal: model.department.seal },
              title: words.back(model.department.short[context.lang]),
              hint: words.backHint,
              href: model.back,
            }
          : { icon: 'clock', title: words.home, hint: words.homeHint, href: places.home },
        { icon: 'counter', title: words.counter, hint: words.counterHint, href: `${places.faq}#counter` },
        model.retry === undefined && { icon: 'call', title: words.call, hint: words.callHint, href: places.call },
      ]),
      caseBox(context, model),
    ],
  });
};

/** A page of its own words for what is no mishap of a step; the catalogue says the rest. */
function told(context: PageContext, code: Code): { title: string; lead: string } {
  const words = errorWords(context);
  if (code === 'EG-1002') return { title: words.notFoundTitle, lead: words.notFoundLead };
  return { title: words.title, lead: inTone(catalogue[code][context.lang === 'en' ? 'en' : 'zh'], context) };
}

export const expiredView: View<ExpiredPage> = (model, context) => {
  const words = errorWords(context);
  const { department, restart } = model;
  const text =
    restart === undefined ? words.goHome : department ? words.restartTo(department.short[context.lang]) : words.restart;
  return page(context, {
    title: words.expiredTitle,
    lead: words.expiredLead,
    failed: true,
    body: [
      buttons(buttonLink({ text, href: restart ?? places.home })),
      caseBox(context, { code: 'EG-1004', at: context.now }),
    ],
  });
};

export const outageView: View<OutagePage> = (model, context) => {
  const words = errorWords(context);
  const away = model.outage !== undefined;
  const works = badge('done', words.works);
  const over = badge('over', words.paused);
  const paused = away || model.away ? over : works;
  const [signIn, roam] = [model.away ? over : works, model.away === 'EG-1703' ? over : works];
  const told = model.away && catalogue[model.away][context.lang === 'en' ? 'en' : 'zh'];
  return page(model.outage ? { ...context, banner: model.outage } : context, {
    title: words.outageTitle,
    lead: told ? inTone(told, context) : away ? words.outageLead : words.allWell,
    shape: 'reading',
    body: [
      table({
        id: 'works',
        caption: words.outageTitle,
        captionHidden: true,
        heads: [words.matter, words.now, words.explain],
        rows: [
          [words.row1, signIn, told ? '' : words.usual],
          [words.row2, roam, away ? words.row2Text : told ? '' : words.usual],
          [words.row3, roam, told ? '' : words.usual],
          [words.row4, paused, told ? '' : away ? words.row4Text : words.usual],
          [words.row5, paused, told ? '' : away ? words.row5Text : words.usual],
          [words.row6, paused, told ? '' : away ? words.row6Text : words.usual],
        ],
      }),
      !model.away && buttons(buttonLink({ text: words.outageSignIn, href: model.signIn })),
      (model.away || away) && html`<p class="quiet">${words.outageFoot(model.away ?? 'EG-1306')}</p>`,
    ],
  });
};

export const views = {
  error: shown(errorPageView, {
    province: {
      code: 'EG-1306',
      caseNumber: '7K4M-20Q9',
      at: sampleTime('09:16'),
      safe: 'not-counted',
      retry: '/signin/q7Xc/real-name',
      department: departments.renshe,
      back: 'https://portal.invalid/',
    },
    fault: { code: 'EG-1700', caseNumber: '7K4M-20Q9', at: sampleTime('09:16') },
    busy: {
      code: 'EG-1701',
      at: sampleTime('09:16'),
      retry: '/signin/q7Xc',
      retryAt: sampleTime('09:17'),
      safe: 'unaffected',
    },
    'not found': { code: 'EG-1002', at: sampleTime('09:16') },
  }),
  expired: shown(expiredView, {
    department: { department: departments.renshe, restart: 'https://portal.invalid/' },
    plain: {},
  }),
  outage: shown(outageView, {
    away: { outage: { since: sampleTime('09:02'), nextUpdate: sampleTime('09:45') }, signIn: '/account' },
    well: { signIn: '/account' },
    records: { away: 'EG-1702', signIn: '/account' },
    everything: { away: 'EG-1703', signIn: '/account' },
  }),
};
