import { type Code, catalogue } from '../../errors.ts';
import { tide } from '../../web/assets/icons.ts';
import { buttonLink } from '../../web/form.view.ts';
import { fill, type Html, html, type PageContext, shown, type View } from '../../web/html.ts';
import { page, places } from '../../web/layout.view.ts';
import { contextLine, type Department, keyValues, levelWord, masked, points, ways } from '../../web/parts.view.ts';
import { departments, sampleTime } from '../../web/samples.ts';
import { realNameWords } from '../../web/words/real-name.ts';
import { comingTime, dateTime, inTone } from '../../web/words.ts';

/** What a real-name check came to: it passed, or it does not go on here. */

export interface RealNameResult {
  /** 1 */
  readonly level: number;
  /** Epoch milliseconds. */
  readonly checkedAt: number;
  readonly nameMasked: string;
  readonly idMasked: string;
  readonly mobileMasked?: string;
  readonly department?: Department;
  /** GET: where the sign-in goes on. */
  readonly onward: string;
}

/**
 * The check cannot go on here. `counter` for every 220x alike: which one it was is never said. `other-way` and `blocked`
 * say what the catalogue says of their code. `password`: the password in force is the ID number.
 */
export interface RealNameStop {
  readonly why: 'minor' | 'counter' | 'used-up' | 'other-way' | 'blocked' | 'password';
  readonly code: Code;
  /** Epoch milliseconds, for `used-up`. */
  readonly until?: number;
  readonly department?: Department;
  /** POST without fields: on without a real name. */
  readonly later?: { readonly action: string };
  /** GET: the same step once more. */
  readonly again?: string;
  /** GET: to another password. */
  readonly recover?: string;
}

export const realNameResultView: View<RealNameResult> = (model, context) => {
  const words = realNameWords(context);
  const level = levelWord(context, model.level);
  return page(context, {
    title: words.doneTitle(level),
    lead: words.doneLead(dateTime(model.checkedAt)),
    above: html`<p class="big">${tide(model.level)}</p>`,
    body: [
      keyValues([
        [words.name, masked(context, 'name', model.nameMasked)],
        [words.number, masked(context, 'number', model.idMasked)],
        model.mobileMasked !== undefined && [words.mobile, masked(context, 'number', model.mobileMasked)],
      ]),
      html`<section class="section"><h2 class="minor-heading">${words.canTitle}</h2>${points([
        { icon: 'check', text: words.can1 },
        { icon: 'check', text: words.can2 },
        { icon: 'clock', text: fill(words.can3, { level: html`<strong>${levelWord(context, 2)}</strong>` }) },
      ])}</section>`,
      buttonLink({
        text: model.department ? words.goOnTo(model.department.short[context.lang]) : words.goOn,
        href: model.onward,
      }),
    ],
  });
};

export const realNameStopView: View<RealNameStop> = (model, context) => {
  const words = realNameWords(context);
  const said = inTone(catalogue[model.code][context.lang === 'en' ? 'en' : 'zh'], context);
  const told = {
    minor: { title: words.minorTitle, lead: words.minorLead },
    counter: { title: words.counterTitle, lead: words.counterLead },
    'used-up': { title: words.usedUpTitle, lead: words.usedUpLead(comingTime(model.until ?? 0, context)) },
    'other-way': { title: words.otherWayTitle, lead: said },
    blocked: { title: words.blockedTitle, lead: said },
    password: { title: words.passwordTitle, lead: words.passwordLead },
  }[model.why];
  return page(context, {
    ...told,
    failed: true,
    above: contextLine(context, model.department),
    body: [
      ways(context, words.ways, [
        model.recover !== undefined && {
          icon: 'lock',
          title: words.wayPassword,
          hint: words.wayPasswordHint,
          href: model.recover,
        },
        model.again !== undefined && {
          icon: 'again',
          title: words.wayAgain,
          hint: words.wayAgainHint,
          href: model.again,
        },
        { icon: 'counter', title: words.wayCounter, hint: words.wayCounterHint, href: `${places.faq}#counter` },
        model.later && {
          icon: 'again',
          title: words.wayLater,
          hint: words.wayLaterHint,
          post: { action: model.later.action },
        },
        { icon: 'call', title: words.wayCall, hint: words.wayCallHint, href: places.call },
      ]),
      errorCode(context, model.code),
    ],
  });
};

const errorCode = (context: PageContext, code: Code): Html =>
  html`<div class="case"><dl><div><dt>${realNameWords(context).errorCode}</dt><dd>${code}</dd></div></dl></div>`;

const at = '/signin/q7Xc/real-name';
const department = departments.renshe;

export const views = {
  'real name result': shown(realNameResultView, {
    department: {
      level: 1,
      checkedAt: sampleTime('09:16'),
      nameMasked: '测*甲',
      idMasked: '350*************17',
      mobileMasked: '154****0117',
      department,
      onward: '/signin/q7Xc/go',
    },
    plain: {
      level: 1,
      checkedAt: sampleTime('09:16'),
      nameMasked: '张*',
      idMasked: '350*************17',
      onward: '/signin/q7Xc/go',
    },
  }),
  'real name stop': shown(realNameStopView, {
    minor: { why: 'minor', code: 'EG-1304', department, later: { action: `${at}/later` } },
    counter: { why: 'counter', code: 'EG-1305', department, later: { action: `${at}/later` } },
    'other way': {
      why: 'other-way',
      code: 'EG-P2104',
      department,
      later: { action: `${at}/later` },
      again: `${at}?again=yes`,
    },
    blocked: { why: 'blocked', code: 'EG-P2501', department, later: { action: `${at}/later` } },
    password: {
      why: 'password',
      code: 'EG-1107',
      department,
      later: { action: `${at}/later` },
      recover: `${at}?way=recover`,
    },
    'used up': { why: 'used-up', code: 'EG-1302', until: sampleTime('00:00', '2026-03-19') },
  }),
};
