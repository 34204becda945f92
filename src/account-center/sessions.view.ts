import { icon } from '../web/assets/icons.ts';
import { button, buttonLink, form } from '../web/form.view.ts';
import { type Html, html, type PageContext, shown, type View } from '../web/html.ts';
import { page, places } from '../web/layout.view.ts';
import { badge, type Department } from '../web/parts.view.ts';
import { departments, sampleTime } from '../web/samples.ts';
import { nearTime } from '../web/words.ts';
import { accountWords } from '../web/words-account.ts';
import { deviceIcon, deviceWord } from '../web/words-device.ts';
import { listOf, type Way, waysWord } from '../web/words-items.ts';
import { done, menu } from './menu.view.ts';

export interface AccountSession {
  /** What the button posts as `session`. */
  readonly id: string;
  /** As deviceOf() made it: `android Chrome`. */
  readonly device: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  readonly ways: readonly Way[];
  readonly departments: readonly Department[];
  /** The one of this browser. */
  readonly current: boolean;
}

export interface AccountSessions {
  /** This one first. */
  readonly sessions: readonly AccountSession[];
  /** POST session: ends that one. */
  readonly end: string;
  /** POST without fields: ends all but this one. */
  readonly endOthers: string;
  /** What was just done. */
  readonly done?: 'one' | 'others';
}

export const accountSessionsView: View<AccountSessions> = (model, context) => {
  const words = accountWords(context);
  const { sessions } = model;
  const others = sessions.some(({ current }) => !current);
  return page(context, {
    title: words.sessions,
    lead: others ? words.sessionsLead(sessions.length) : words.sessionsOne,
    shape: 'wide',
    menu: menu(context, 'sessions'),
    above: model.done && done(model.done === 'one' ? words.endedOne : words.endedOthers, words.ended),
    body: [
      html`<ul class="rows">${sessions.map((session) => row(context, model, session))}</ul>`,
      others &&
        form(context, {
          action: model.endOthers,
          body: html`<div class="buttons">${button({ text: words.endOthers })}<p class="quiet">${words.endOthersHint}</p></div>`,
        }),
      others && html`<p class="quiet">${words.unknown}</p>`,
    ],
  });
};

function row(context: PageContext, model: AccountSessions, session: AccountSession): Html {
  const words = accountWords(context);
  const device = deviceWord(context, session.device);
  const inside = session.departments.map(({ short }) => short[context.lang]);
  return html`<li class="row">${icon(deviceIcon(session.device))}
<div class="row-text"><p><strong>${device}</strong> ${session.current && badge('done', words.here)}</p>
<p class="quiet">${words.started(nearTime(session.startedAt, context), waysWord(context, session.ways))}</p>
<p class="small">${inside.length > 0 ? words.inside(listOf(context, inside)) : words.insideNone}</p></div>
<div class="row-button">${
    session.current
      ? buttonLink({ text: words.leave, href: places.signOut, kind: 'outline', minor: true })
      : form(context, {
          action: model.end,
          fields: { session: session.id },
          body: button({
            text: html`${words.end}<span class="hidden"> ${device}</span>`,
            kind: 'outline',
            minor: true,
          }),
        })
  }</div></li>`;
}

const { renshe, gongjijin, yibao } = departments;
const here: AccountSession = {
  id: 'a1',
  device: 'android Chrome',
  startedAt: sampleTime('08:52'),
  ways: ['pwd', 'sms'],
  departments: [renshe, gongjijin],
  current: true,
};
const addresses = { end: '/account/sessions/end', endOthers: '/account/sessions/end-others' };

export const views = {
  'account sessions': shown(accountSessionsView, {
    three: {
      ...addresses,
      sessions: [
        here,
        {
          id: 'b2',
          device: 'windows Edge',
          startedAt: sampleTime('17:40', '2026-03-16'),
          ways: ['tkt'],
          departments: [yibao],
          current: false,
        },
        {
          id: 'c3',
          device: '',
          startedAt: sampleTime('22:13', '2026-03-17'),
          ways: ['pwd'],
          departments: [],
          current: false,
        },
      ],
    },
    'only this': { ...addresses, sessions: [here], done: 'others' },
    'one ended': { ...addresses, sessions: [here], done: 'one' },
  }),
};
