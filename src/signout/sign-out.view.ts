import { button, buttonLink, buttons, form } from '../web/form.view.ts';
import { html, shown, type View } from '../web/html.ts';
import { page } from '../web/layout.view.ts';
import { type Department, seal } from '../web/parts.view.ts';
import { departments, sampleTime } from '../web/samples.ts';
import { signOutWords } from '../web/words/sign-out.ts';
import { comingTime } from '../web/words.ts';

/** POST choice=all|one; `one` only where a department is named. */
export interface SignOutQuestion {
  readonly action: string;
  /** Hidden fields of the form. */
  readonly fields?: Readonly<Record<string, string>>;
  /** Epoch milliseconds: when this session first went there, where that is known. */
  readonly departments: readonly { readonly department: Department; readonly at?: number }[];
  /** The department that asked for it, named by its hint or its client id. */
  readonly only?: Department;
  /** GET */
  readonly back: string;
}

export interface NobodySignedIn {
  /** GET */
  readonly signIn: string;
  /** The department's registered address, where one was asked for. */
  readonly onward?: { readonly href: string; readonly department: Department };
}

export const signOutView: View<SignOutQuestion> = (model, context) => {
  const words = signOutWords(context);
  const inside = model.departments;
  return page(context, {
    title: words.title,
    lead: inside.length > 0 ? words.inside(inside.length) : words.insideNone,
    body: [
      inside.length > 0 &&
        html`<ul class="rows">${inside.map(
          ({ department, at }) =>
            html`<li class="row">${seal(department.seal)}<strong class="row-text">${department.short[context.lang]}</strong>${at !== undefined && html` <span class="row-end quiet">${words.since(comingTime(at, context))}</span>`}</li>`,
        )}</ul>`,
      form(context, {
        action: model.action,
        ...(model.fields ? { fields: model.fields } : {}),
        body: [
          html`<div class="stack">${button({ text: words.all, name: 'choice', value: 'all' })}<p class="quiet">${words.allHint}</p></div>`,
          model.only &&
            button({ text: words.one(model.only.short[context.lang]), kind: 'outline', name: 'choice', value: 'one' }),
        ],
      }),
      html`<p class="lone-link"><a href="${model.back}">${words.back}</a></p>`,
    ],
  });
};

export const nobodySignedInView: View<NobodySignedIn> = (model, context) => {
  const words = signOutWords(context);
  return page(context, {
    title: words.nobodyTitle,
    lead: words.nobodyLead,
    body: buttons(
      buttonLink({ text: words.toSignIn, href: model.signIn }),
      model.onward &&
        buttonLink({
          text: words.goOn(model.onward.department.short[context.lang]),
          href: model.onward.href,
          kind: 'outline',
        }),
    ),
  });
};

const { renshe, gongjijin, yibao, jianguan } = departments;
const visits = [
  { department: renshe, at: sampleTime('08:52') },
  { department: gongjijin, at: sampleTime('09:05') },
  { department: yibao, at: sampleTime('09:11') },
  { department: jianguan, at: sampleTime('23:20', '2026-03-17') },
];
const onward = { href: 'https://portal.invalid/signed-out', department: renshe };

export const views = {
  'sign out': shown(signOutView, {
    department: { action: '/sign-out', departments: visits, only: renshe, back: '/account' },
    plain: { action: '/sign-out', departments: visits.slice(0, 1), back: '/account' },
    nowhere: { action: '/sign-out', departments: [], back: '/account' },
  }),
  'nobody signed in': shown(nobodySignedInView, {
    plain: { signIn: '/account' },
    department: { signIn: '/account', onward },
  }),
};
