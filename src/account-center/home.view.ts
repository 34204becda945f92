import { buttonLink } from '../web/form.view.ts';
import { fill, type Html, html, nothing, type PageContext, shown, type View } from '../web/html.ts';
import { page, places } from '../web/layout.view.ts';
import { type Department, levelBadge, levelWord, type Way as Row, seal, ways } from '../web/parts.view.ts';
import { personName } from '../web/person.view.ts';
import { departments, sampleTime } from '../web/samples.ts';
import { accountWords } from '../web/words/account.ts';
import { deviceWord } from '../web/words/device.ts';
import { capital, type Scope, scopeList, type Way, waysWord } from '../web/words/items.ts';
import { clockTime, dateOf, nearDay, nearTime } from '../web/words.ts';
import { accountPlaces, menu } from './menu.view.ts';

/** Times are epoch milliseconds. `device` as deviceOf() made it. */
export type Recent =
  | { readonly kind: 'sign-in'; readonly at: number; readonly ways: readonly Way[]; readonly device: string }
  | {
      readonly kind: 'visit';
      readonly at: number;
      readonly department: Department;
      readonly received?: readonly Scope[];
    }
  | {
      readonly kind: 'consent';
      readonly at: number;
      readonly department: Department;
      /** By law, and by consent. */
      readonly told: readonly Scope[];
      readonly agreed: readonly Scope[];
    }
  | { readonly kind: 'real-name'; readonly at: number; readonly level: number };

export interface AccountHome {
  /** 张*; the masked mobile of somebody without a verified name. */
  readonly nameMasked: string;
  readonly level: number;
  /** GET: the real-name step. Absent where there is nothing to verify. */
  readonly verify?: string;
  readonly departments: readonly {
    readonly department: Department;
    readonly href: string;
    readonly lastVisit?: number;
  }[];
  /** Newest first; no heading where there is nothing. */
  readonly recent: readonly Recent[];
}

export const accountHomeView: View<AccountHome> = (model, context) => {
  const words = accountWords(context);
  const large = context.mode === 'large';
  const hour = Number(clockTime(context.now).slice(0, 2));
  const greeting = hour < 5 ? words.night : hour < 12 ? words.morning : hour < 18 ? words.afternoon : words.evening;
  return page(context, {
    title: words.home,
    heading: fill(words.greet, { name: personName(context, model.nameMasked), greeting }),
    shape: 'wide',
    menu: large ? nothing : menu(context, 'home'),
    body: [
      html`<p class="level-line">${levelBadge(context, model.level)} <a href="${places.faq}#level">${words.levels}</a></p>`,
      model.verify !== undefined &&
        html`<div class="notice tip with-button"><div><p class="notice-title">${words.verifyTitle}</p><p>${words.verify}</p></div>${buttonLink({ text: words.verifyGo, href: model.verify, kind: 'outline', minor: true })}</div>`,
      large ? largePlaces(context, model) : standardPlaces(context, model),
      large ? lastSignIn(context, model) : recent(context, model),
      large &&
        ways(context, words.manage, [
          {
            icon: 'monitor',
            title: words.sessions,
            hint: words.sessionsHint,
            href: accountPlaces.sessions,
          },
          {
            icon: 'id',
            title: words.authorizations,
            hint: words.authorizationsHint,
            href: accountPlaces.authorizations,
          },
        ]),
    ],
  });
};

function standardPlaces(context: PageContext, model: AccountHome): Html {
  const words = accountWords(context);
  return html`<section class="section"><h2>${words.places}</h2><ul class="places">${model.departments.map(
    ({ department, href, lastVisit }) =>
      html`<li><a href="${href}">${seal(department.seal)}<span><strong>${department.short[context.lang]}</strong>${lastVisit !== undefined && html` <span class="quiet"><span class="hidden">${words.lastVisit}</span>${visit(context, lastVisit)}</span>`}</span></a></li>`,
  )}</ul></section>`;
}

const visit = (context: PageContext, at: number): string =>
  dateOf(at) === dateOf(context.now) ? nearTime(at, context) : nearDay(at, context);

function largePlaces(context: PageContext, model: AccountHome): Html {
  const rows = model.departments.map(
    ({ department, href }): Row => ({
      icon: { seal: department.seal },
      title: department.short[context.lang],
      href,
    }),
  );
  return html`<div class="grand">${ways(context, accountWords(context).places, rows)}</div>`;
}

function recent(context: PageContext, model: AccountHome): Html {
  if (model.recent.length === 0) return nothing;
  return html`<section class="section"><h2>${accountWords(context).recent}</h2><ul class="rows">${model.recent.map(
    (act) => {
      const { title, text } = told(context, act);
      return html`<li class="row"><span class="when quiet">${visit(context, act.at)}</span> <div class="row-text"><strong>${title}</strong> ${text && html`<span class="quiet">${text}</span>`}</div></li>`;
    },
  )}</ul></section>`;
}

function told(context: PageContext, act: Recent): { title: string; text?: string } {
  const words = accountWords(context);
  if (act.kind === 'sign-in')
    return {
      title: words.signedIn,
      text: words.signedInBy(waysWord(context, act.ways), deviceWord(context, act.device)),
    };
  if (act.kind === 'real-name') return { title: words.verified(levelWord(context, act.level)), text: words.verifiedBy };
  const short = act.department.short[context.lang];
  if (act.kind === 'consent')
    return act.agreed.length > 0
      ? { title: words.agreed(short), text: capital(scopeList(context, act.agreed)) }
      : { title: words.told(short), text: capital(scopeList(context, act.told)) };
  return {
    title: words.entered(short),
    ...(act.received && { text: words.given(scopeList(context, act.received)) }),
  };
}

/** The large edition shows the one thing worth looking at: was that me? */
function lastSignIn(context: PageContext, model: AccountHome): Html {
  const last = model.recent.find((act) => act.kind === 'sign-in');
  const words = accountWords(context);
  return html`<section class="section">${
    last &&
    html`<h2>${words.lastSignIn}</h2><p>${nearTime(last.at, context)}</p><p>${words.signedInBy(waysWord(context, last.ways), deviceWord(context, last.device))}</p>`
  }<div class="stack">${last && buttonLink({ text: words.notMe, href: accountPlaces.sessions, kind: 'outline' })}${buttonLink({ text: words.signOut, href: places.signOut, icon: 'leave' })}</div></section>`;
}

const { renshe, gongjijin, yibao, jianguan } = departments;
const href = 'https://portal.invalid/';

export const views = {
  'account home': shown(accountHomeView, {
    morning: {
      nameMasked: '张*',
      level: 1,
      departments: [
        { department: renshe, href, lastVisit: sampleTime('08:52') },
        { department: gongjijin, href, lastVisit: sampleTime('09:05') },
        { department: yibao, href, lastVisit: sampleTime('17:40', '2026-03-17') },
        { department: jianguan, href },
      ],
      recent: [
        { kind: 'visit', at: sampleTime('09:05'), department: gongjijin, received: ['openid', 'realname'] },
        { kind: 'consent', at: sampleTime('09:05'), department: gongjijin, told: ['realname'], agreed: ['phone'] },
        { kind: 'consent', at: sampleTime('08:54'), department: renshe, told: ['realname'], agreed: [] },
        { kind: 'visit', at: sampleTime('08:53'), department: renshe },
        { kind: 'sign-in', at: sampleTime('08:52'), ways: ['sms'], device: 'android Chrome' },
        { kind: 'real-name', at: sampleTime('10:00', '2026-03-11'), level: 1 },
      ],
    },
    'no name yet': {
      nameMasked: '154****0117',
      level: 0,
      verify: '/account/real-name',
      departments: [{ department: renshe, href }],
      recent: [],
    },
  }),
};
