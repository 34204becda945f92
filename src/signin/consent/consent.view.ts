import { mark, wave } from '../../web/assets/icons.ts';
import { button, form } from '../../web/form.view.ts';
import { fill, type Html, html, type PageContext, shown, type View } from '../../web/html.ts';
import { page } from '../../web/layout.view.ts';
import { contextLine, type Department, keyValues, seal } from '../../web/parts.view.ts';
import { departments, sampleTime } from '../../web/samples.ts';
import { consentWords } from '../../web/words/consent.ts';
import { type Scope, scopeList } from '../../web/words/items.ts';
import { pageWords } from '../../web/words/page.ts';
import { dateOf, inTone, type Text } from '../../web/words.ts';
import { type ConsentGroup, type ConsentItem, itemsGroup } from './consent-items.view.ts';

/**
 * POST decision=agree|decline; grant, once for each ticked box: `asked` for that whole group, else the scope of a
 * sensitive item. Nothing is ticked beforehand, nothing ticked gives only what is told.
 */
export interface ConsentStep {
  readonly action: string;
  /** Which wording of the items this is: it comes back with the answer. */
  readonly version: string;
  readonly department: Department;
  readonly matter?: Text;
  /** Epoch milliseconds: this person answered then, to other words (《个人信息保护法》第十四条). */
  readonly answered?: number;
  /** Agreed to before, in the same wording, and not asked now: it stands on, to the same day. */
  readonly kept?: readonly Scope[];
  /** 依法提供，告知你: no box. */
  readonly told?: ConsentGroup;
  /** 需要你同意: one box. */
  readonly asked?: ConsentGroup;
  /** 敏感信息，逐项问你: a box each. */
  readonly sensitive?: ConsentGroup;
  /** Epoch milliseconds: the day the consent ends by itself. */
  readonly until?: number;
}

export const consentView: View<ConsentStep> = (model, context) => {
  const words = consentWords(context);
  const { department, matter, answered, asked, sensitive } = model;
  const short = department.short[context.lang];
  const choice = [asked, sensitive].some((group) => group?.items.some(({ tooHigh }) => tooHigh === undefined));
  return page(context, {
    title: choice ? words.title(short) : words.titleTold(short),
    lead: matter && fill(words.matter, { matter: html`<strong>${inTone(matter[context.lang], context)}</strong>` }),
    above: [
      context.mode === 'standard' &&
        html`<div class="phone-only">${contextLine(context, department, pageWords(context).from)}</div>`,
      html`<p class="journey desk-only" aria-hidden="true">${mark}${wave}${seal(department.seal)}</p>`,
    ],
    shape: 'wide',
    body: html`<div class="desk-only">${facts(context, model)}</div>`,
    aside: form(context, {
      action: model.action,
      fields: { items: model.version },
      body: [
        answered !== undefined && html`<p>${words.again(dateOf(answered), short)}</p>`,
        itemsGroup(context, 'told', model.told),
        itemsGroup(context, 'asked', asked),
        itemsGroup(context, 'sensitive', sensitive),
        model.kept && model.kept.length > 0 && html`<p class="quiet">${words.kept(scopeList(context, model.kept))}</p>`,
        html`<div class="phone-only">${facts(context, model)}</div>`,
        html`<div class="buttons equal">${button({
          text: choice ? words.agree : words.goOn,
          name: 'decision',
          value: 'agree',
        })}${button({ text: choice ? words.decline : words.goBack, kind: 'outline', name: 'decision', value: 'decline' })}</div>`,
        html`<p class="quiet">${choice ? words.note : words.noteTold}</p>`,
      ],
    }),
  });
};

/** Who, how long, how to withdraw, whom to ask. */
function facts(context: PageContext, model: ConsentStep): Html {
  const words = consentWords(context);
  const { department, until, asked, sensitive } = model;
  return keyValues([
    [words.who, department.name[context.lang]],
    (asked || sensitive) && [words.howLong, until === undefined ? words.noEnd : words.until(dateOf(until))],
    (asked || sensitive) && [words.withdraw, words.withdrawHow],
    [words.questions, words.questionsCall(department.short[context.lang])],
  ]);
}

const at = '/signin/q7Xc/consent';

const level: ConsentItem = {
  scope: 'realname',
  values: [
    { kind: 'level', level: 1 },
    { kind: 'name', masked: '测*甲' },
    { kind: 'number', masked: '350*************17' },
  ],
  purpose: { 'zh-CN': '确认是本人在办。', en: 'To be sure that it is you.' },
  without: { 'zh-CN': '只能到窗口办。', en: 'only at a counter.' },
};
const own: ConsentItem = {
  scope: 'openid',
  values: [{ kind: 'made' }],
  purpose: {
    'zh-CN': '只有市人社局能认出，其他部门对不上。',
    en: 'Known to this department only; no other can match it.',
  },
  without: { 'zh-CN': '办不了。', en: 'not possible.' },
};
const mobile: ConsentItem = {
  scope: 'phone',
  values: [{ kind: 'number', masked: '154****0117' }],
  purpose: { 'zh-CN': '办好了发短信告诉你。', en: 'To tell you by text message when it is done.' },
  without: { 'zh-CN': '请你自己回来看进度。', en: 'come back to see how it goes.' },
};
const number: ConsentItem = {
  scope: 'identity',
  values: [
    { kind: 'name', masked: '测*甲' },
    { kind: 'number', masked: '350*************17' },
  ],
  purpose: { 'zh-CN': '用来查你的参保记录。', en: 'To find your insurance records.' },
  without: { 'zh-CN': '只能到窗口查。', en: 'only at a counter.' },
};
const byLaw: Text = {
  'zh-CN': '《个人信息保护法》第十三条第一款第三项',
  en: 'Personal Information Protection Law, article 13 (1) 3',
};
const byConsent: Text = {
  'zh-CN': '《个人信息保护法》第十三条第一款第一项，你的同意',
  en: 'Personal Information Protection Law, article 13 (1) 1, your consent',
};
const apart: Text = {
  'zh-CN': '《个人信息保护法》第二十九条，单独同意',
  en: 'Personal Information Protection Law, article 29, separate consent',
};
const matter: Text = { 'zh-CN': '社保待遇资格认证', en: 'Benefit eligibility check' };

export const views = {
  consent: shown(consentView, {
    sensitive: {
      action: at,
      version: 'q7Xc',
      department: departments.renshe,
      matter,
      told: { basis: byLaw, items: [level, own] },
      sensitive: { basis: apart, items: [number, mobile] },
      until: sampleTime('00:00', '2026-09-18'),
    },
    'all three': {
      action: at,
      version: 'q7Xc',
      department: departments.yibao,
      answered: sampleTime('09:00', '2026-01-12'),
      told: { basis: byLaw, items: [own] },
      asked: {
        basis: byConsent,
        items: [mobile, { ...own, scope: 'profile', values: [{ kind: 'name', masked: '张*' }] }],
      },
      sensitive: { basis: apart, items: [number] },
    },
    'level too low': {
      action: at,
      version: 'q7Xc',
      department: departments.yibao,
      told: { basis: byLaw, items: [level, own] },
      sensitive: { basis: apart, items: [{ ...number, tooHigh: 1 }, mobile] },
      kept: ['profile'],
      until: sampleTime('00:00', '2026-09-18'),
    },
    'told only': {
      action: at,
      version: 'q7Xc',
      department: departments.gongjijin,
      told: { basis: byLaw, items: [level, own] },
    },
  }),
};
