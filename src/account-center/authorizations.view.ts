import { button, buttonLink, buttons, form, quietPost } from '../web/form.view.ts';
import { type Html, html, type PageContext, shown, type View } from '../web/html.ts';
import { page } from '../web/layout.view.ts';
import { type Department, keyValues, points, seal } from '../web/parts.view.ts';
import { departments, sampleTime } from '../web/samples.ts';
import { accountWords } from '../web/words/account.ts';
import { capital, type Scope, scopeList } from '../web/words/items.ts';
import { dateOf, nearDay } from '../web/words.ts';
import { accountPlaces, done, menu } from './menu.view.ts';

export interface Authorization {
  readonly department: Department;
  /** What it may use, by law and by consent; both empty where only the notice on the way was switched off. */
  readonly told: readonly Scope[];
  readonly agreed: readonly Scope[];
  /** Epoch milliseconds. */
  readonly since: number;
  /** Epoch milliseconds: the day it ends by itself. */
  readonly until?: number;
  /** It was given to other words than the department's present ones: until it is given anew, nothing is received. */
  readonly reworded?: boolean;
  /** GET: the page that asks once more. */
  readonly withdraw?: string;
  /** Whether the roaming notice is off, and where it is switched: POST notice=on|off. */
  readonly notice: { readonly action: string; readonly off: boolean };
}

export interface Authorizations {
  readonly rows: readonly Authorization[];
  /** What was just done. */
  readonly done?: { readonly what: 'withdrawn' | 'notice-on' | 'notice-off'; readonly department: Department };
}

/** POST without fields. */
export interface WithdrawStep {
  readonly action: string;
  readonly department: Department;
  readonly told: readonly Scope[];
  readonly agreed: readonly Scope[];
  /** Epoch milliseconds. */
  readonly since: number;
  /** Epoch milliseconds: the day it ends by itself. */
  readonly until: number;
}

export const authorizationsView: View<Authorizations> = (model, context) => {
  const words = accountWords(context);
  const short = model.done?.department.short[context.lang] ?? '';
  return page(context, {
    title: words.authorizations,
    lead: words.authorizationsLead,
    shape: 'wide',
    menu: menu(context, 'authorizations'),
    above:
      model.done &&
      {
        withdrawn: () => done(words.withdrawnTitle(short), words.withdrawn),
        'notice-on': () => done(words.noticeDone(short), words.noticeDoneText),
        'notice-off': () => done(words.noticeOffDone(short), words.noticeOffDoneText),
      }[model.done.what](),
    body:
      model.rows.length === 0
        ? [html`<p>${words.none}</p>`, buttons(buttonLink({ text: words.noneGo, href: accountPlaces.home }))]
        : [
            html`<ul class="rows">${model.rows.map((row) => authorization(context, row))}</ul>`,
            html`<p class="quiet">${words.withdrawLater}</p>`,
          ],
  });
};

function authorization(context: PageContext, row: Authorization): Html {
  const words = accountWords(context);
  const short = row.department.short[context.lang];
  const day = nearDay(row.since, context);
  const since = row.agreed.length > 0 ? words.agreedOn(day) : words.toldOn(day);
  return html`<li class="row">${seal(row.department.seal)}
<div class="row-text tall"><p><strong>${short}</strong></p>
${
  row.agreed.length + row.told.length > 0 &&
  html`${row.agreed.length > 0 && html`<p class="small">${words.byConsent(scopeList(context, row.agreed))}</p>`}
${row.told.length > 0 && html`<p class="small">${words.byLaw(scopeList(context, row.told))}</p>`}
<p class="quiet">${row.until === undefined ? since : words.until(since, dateOf(row.until))}</p>`
}
${row.reworded && html`<p class="small">${words.reworded(short)}</p>`}
${row.notice.off && html`<p class="quiet">${words.noticeOff}</p>`}
${quietPost(context, {
  action: row.notice.action,
  fields: { notice: row.notice.off ? 'on' : 'off' },
  text: html`${row.notice.off ? words.noticeOn : words.noticeSwitchOff}<span class="hidden"> ${short}</span>`,
})}</div>
${
  row.withdraw !== undefined &&
  html`<div class="row-button">${buttonLink({ text: html`${words.withdraw}<span class="hidden"> ${short}</span>`, href: row.withdraw, kind: 'outline', minor: true })}</div>`
}</li>`;
}

export const withdrawView: View<WithdrawStep> = (model, context) => {
  const words = accountWords(context);
  const short = model.department.short[context.lang];
  return page(context, {
    title: words.withdrawTitle(short),
    shape: 'wide',
    menu: menu(context),
    body: [
      keyValues([
        model.agreed.length > 0 && [words.itemsAgreed, capital(scopeList(context, model.agreed))],
        model.told.length > 0 && [words.itemsTold, capital(scopeList(context, model.told))],
        [words.since, nearDay(model.since, context)],
        [words.ends, dateOf(model.until)],
      ]),
      html`<section class="section"><h2 class="minor-heading">${words.after}</h2>${points([
        { icon: 'cross', text: words.after1(short) },
        { icon: 'check', text: words.after2 },
        { icon: 'check', text: words.after3 },
      ])}</section>`,
      form(context, {
        action: model.action,
        body: buttons(
          button({ text: words.withdrawGo, kind: 'danger' }),
          buttonLink({ text: words.withdrawBack, href: accountPlaces.authorizations, kind: 'outline' }),
        ),
      }),
    ],
  });
};

const { renshe, gongjijin, jianguan } = departments;

export const views = {
  authorizations: shown(authorizationsView, {
    several: {
      rows: [
        {
          department: renshe,
          told: ['realname', 'openid'],
          agreed: ['identity', 'phone'],
          since: sampleTime('09:06'),
          until: sampleTime('00:00', '2026-09-18'),
          withdraw: '/account/authorizations/renshe',
          notice: { action: '/account/authorizations/renshe/notice', off: false },
        },
        {
          department: gongjijin,
          told: ['realname'],
          agreed: [],
          since: sampleTime('10:00', '2026-02-02'),
          until: sampleTime('00:00', '2026-08-04'),
          reworded: true,
          withdraw: '/account/authorizations/gongjijin',
          notice: { action: '/account/authorizations/gongjijin/notice', off: true },
        },
        {
          department: jianguan,
          told: [],
          agreed: [],
          since: sampleTime('10:00', '2026-02-02'),
          notice: { action: '/account/authorizations/jianguan/notice', off: true },
        },
      ],
      done: { what: 'notice-on', department: renshe },
    },
    none: { rows: [], done: { what: 'withdrawn', department: renshe } },
  }),
  withdraw: shown(withdrawView, {
    only: {
      action: '/account/authorizations/renshe',
      department: renshe,
      told: ['realname'],
      agreed: ['identity', 'phone'],
      since: sampleTime('09:06'),
      until: sampleTime('09:06', '2026-09-17'),
    },
  }),
};
