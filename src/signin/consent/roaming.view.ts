import { button, checkbox, form } from '../../web/form.view.ts';
import { fill, html, type PageContext, shown, type View } from '../../web/html.ts';
import { page } from '../../web/layout.view.ts';
import { chinese, contextLine, type Department, levelBadge, notice } from '../../web/parts.view.ts';
import { personName } from '../../web/person.view.ts';
import { departments, sampleTime } from '../../web/samples.ts';
import { roamingWords } from '../../web/words/consent.ts';
import { listOf, type Scope, scopeList, type Way, waysWord } from '../../web/words/items.ts';
import { pageWords } from '../../web/words/page.ts';
import { nearTime } from '../../web/words.ts';

/** POST decision=continue|switch|leave; skip_notice where it is ticked. */
export interface RoamingStep {
  readonly action: string;
  readonly department: Department;
  /** 张*; the masked mobile of somebody without a verified name. */
  readonly nameMasked: string;
  readonly level: number;
  /** Epoch milliseconds. */
  readonly signedInAt: number;
  readonly ways: readonly Way[];
  /** What it receives by law and by what was agreed to; never what is only asked for. */
  readonly receives: readonly Scope[];
  /** It asks for more: the consent page comes next. */
  readonly asksNext?: boolean;
}

export const roamingView: View<RoamingStep> = (model, context) => {
  const words = roamingWords(context);
  const { department, nameMasked } = model;
  const short = department.short[context.lang];
  const name = personName(context, nameMasked);
  const signedIn = words.signedIn(nearTime(model.signedInAt, context), waysWord(context, model.ways));
  return page(context, {
    title: words.title,
    above: contextLine(context, department, pageWords(context).onTheWay),
    body: [
      html`<div class="identity"><span class="initial" aria-hidden="true">${chinese(context, /\d/.test(nameMasked) ? '人' : nameMasked.charAt(0))}</span>
<p><strong>${name}</strong> <span class="quiet">${signedIn}</span></p> ${levelBadge(context, model.level)}</div>`,
      form(context, {
        action: model.action,
        body: [
          html`<div class="stack">${button({ text: fill(words.goOn, { name }), name: 'decision', value: 'continue' })}
${button({ text: words.another, kind: 'outline', name: 'decision', value: 'switch' })}</div>`,
          notice('tip', words.receives(short), [
            words.list(scopeList(context, model.receives)),
            missing(context, model.receives, model.asksNext === true),
          ]),
          checkbox(context, { name: 'skip_notice', label: words.skip(short) }),
          html`<p><button class="as-link" type="submit" name="decision" value="leave">${words.leave}</button></p>`,
        ],
      }),
    ],
  });
};

/** What is not among it, said because people fear it: name, number, mobile. */
function missing(context: PageContext, receives: readonly Scope[], asksNext: boolean): string | false {
  const words = roamingWords(context);
  if (asksNext) return words.asksNext;
  const has = (...scopes: Scope[]): boolean => scopes.some((scope) => receives.includes(scope));
  const not = [
    !has('realname', 'identity', 'profile') && words.name,
    !has('realname', 'identity') && words.number,
    !has('phone') && words.mobile,
  ].filter((word) => word !== false);
  return not.length > 0 && words.not(listOf(context, not));
}

const at = '/signin/q7Xc/roaming';

export const views = {
  roaming: shown(roamingView, {
    number: {
      action: at,
      department: departments.renshe,
      nameMasked: '张*',
      level: 1,
      signedInAt: sampleTime('08:52'),
      ways: ['sms'],
      receives: ['openid'],
    },
    everything: {
      action: at,
      department: departments.yibao,
      nameMasked: '欧*娜',
      level: 2,
      signedInAt: sampleTime('23:10', '2026-03-17'),
      ways: ['pwd', 'sms'],
      receives: ['openid', 'realname', 'phone'],
    },
    'no name': {
      action: at,
      department: departments.gongjijin,
      nameMasked: '154****0117',
      level: 0,
      signedInAt: sampleTime('08:52'),
      ways: ['tkt'],
      receives: ['openid', 'phone'],
    },
  }),
};
