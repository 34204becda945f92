import { icon } from '../web/assets/icons.ts';
import { button, buttonLink, form, quietPost } from '../web/form.view.ts';
import { fill, type Html, html, type PageContext, shown, type View } from '../web/html.ts';
import { page, places } from '../web/layout.view.ts';
import { badge, type Department } from '../web/parts.view.ts';
import { departments, sampleTime } from '../web/samples.ts';
import { accountWords } from '../web/words/account.ts';
import { deviceIcon, deviceWord } from '../web/words/device.ts';
import { listOf, type Way, waysWord } from '../web/words/items.ts';
import { signOutWords } from '../web/words/sign-out.ts';
import { comingTime, nearTime } from '../web/words.ts';
import { done, menu } from './menu.view.ts';

export interface AccountSession {
  /** What the button posts as `session`. */
  readonly id: string;
  /** As deviceOf() made it: `android Chrome`. */
  readonly device: string;
  /** Epoch milliseconds. */
  readonly startedAt: number;
  /** Epoch milliseconds: the last visit anywhere. */
  readonly seen: number;
  readonly ways: readonly Way[];
  /** Epoch milliseconds: since when, where that is known. */
  readonly departments: readonly {
    readonly department: Department;
    readonly at?: number | undefined;
    /** What its button posts as `visit`. */
    readonly visit: string;
  }[];
  /** The one of this browser. */
  readonly current: boolean;
}

export interface AccountSessions {
  /** This one first. */
  readonly sessions: readonly AccountSession[];
  /** POST session: ends that one. */
  readonly end: string;
  /** POST visit: ends the stay at that one department. */
  readonly leave: string;
  /** POST without fields: ends all but this one. */
  readonly endOthers: string;
  /** What was just done. */
  readonly done?: 'one' | 'others' | { readonly left: Left };
}

/** How leaving one department stands. Times are epoch milliseconds. */
export interface Left {
  readonly department: Department;
  /** As on the page of a sign-out: only an answer of the department's makes it `out`. */
  readonly state: 'out' | 'silent' | 'no-notice' | 'waiting';
  /** Of a `silent` one: nobody tells it any more. */
  readonly givenUp?: boolean;
  /** When it answered. */
  readonly at?: number;
  /** The latest end of its own session. */
  readonly latestEnd?: number;
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
    above: model.done && said(context, model.done),
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

function said(context: PageContext, what: NonNullable<AccountSessions['done']>): Html {
  const words = accountWords(context);
  if (typeof what === 'object') return leftNotice(context, what.left);
  return done(what === 'one' ? words.endedOne : words.endedOthers, words.ended);
}

/** Our side has ended; of the department's own side nothing is said that it did not say. */
function leftNotice(context: PageContext, { department, state, givenUp, at, latestEnd }: Left): Html {
  const words = signOutWords(context);
  const { leftText } = accountWords(context);
  const short = department.short[context.lang];
  if (state === 'out') {
    const answered = badge('done', at === undefined ? words.out : words.outAt(comingTime(at, context)));
    return done(words.doneOne(short), html`${answered} ${leftText}`);
  }
  const said = {
    silent: badge('open', words.silent),
    waiting: badge('waiting', words.asking),
    'no-notice': badge('open', words.untold),
  }[state];
  const time = latestEnd !== undefined && html`<strong>${comingTime(latestEnd, context)}</strong>`;
  const end =
    latestEnd !== undefined && latestEnd <= context.now
      ? fill(words.passed, { time })
      : html`${state === 'no-notice' || givenUp ? words.untoldText : words.silentText}${time && fill(words.latest, { time })}`;
  return html`<div class="notice limited" role="status"><p class="notice-title">${words.openOne(short)}</p><p>${said} ${end}${leftText}</p></div>`;
}

function row(context: PageContext, model: AccountSessions, session: AccountSession): Html {
  const words = accountWords(context);
  const device = deviceWord(context, session.device);
  const inside = session.departments.map(({ department: { short }, at }) =>
    at === undefined ? short[context.lang] : words.sinceAt(short[context.lang], comingTime(at, context)),
  );
  const ways = waysWord(context, session.ways);
  const started = nearTime(session.startedAt, context);
  // what is updated every few minutes says nothing new of a session that has just begun
  const seen = session.seen - session.startedAt > 60_000 ? comingTime(session.seen, context) : undefined;
  const when =
    seen === undefined
      ? words.started(started, ways)
      : session.current
        ? words.stillUsed(started, seen, ways)
        : words.lastUsed(started, seen, ways);
  return html`<li class="row">${icon(deviceIcon(session.device))}
<div class="row-text"><p><strong>${device}</strong> ${session.current && badge('done', words.here)}</p>
<p class="quiet">${when}</p>
<p class="small">${inside.length > 0 ? words.inside(listOf(context, inside)) : words.insideNone}</p>
${
  session.departments.length > 0 &&
  html`<div class="with-button">${session.departments.map(({ department: { short }, visit }) =>
    quietPost(context, {
      action: model.leave,
      fields: { visit },
      text: html`${words.leaveOne(short[context.lang])}<span class="hidden"> ${device}</span>`,
    }),
  )}</div>`
}</div>
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
  seen: sampleTime('09:20'),
  ways: ['pwd', 'sms'],
  departments: [
    { department: renshe, at: sampleTime('08:52'), visit: 'a1.renshe' },
    { department: gongjijin, at: sampleTime('09:05'), visit: 'a1.gongjijin' },
  ],
  current: true,
};
const addresses = {
  end: '/account/sessions/end',
  leave: '/account/sessions/leave',
  endOthers: '/account/sessions/end-others',
};

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
          seen: sampleTime('17:40', '2026-03-17'),
          ways: ['tkt'],
          departments: [{ department: yibao, visit: 'b2.yibao' }],
          current: false,
        },
        {
          id: 'c3',
          device: '',
          startedAt: sampleTime('22:13', '2026-03-17'),
          seen: sampleTime('22:13', '2026-03-17'),
          ways: ['pwd'],
          departments: [],
          current: false,
        },
      ],
    },
    'only this': { ...addresses, sessions: [here], done: 'others' },
    'one ended': { ...addresses, sessions: [here], done: 'one' },
    'one department left': {
      ...addresses,
      sessions: [here],
      done: { left: { department: yibao, state: 'out', at: sampleTime('09:16'), latestEnd: sampleTime('09:46') } },
    },
    'one department silent': {
      ...addresses,
      sessions: [here],
      done: { left: { department: yibao, state: 'silent', latestEnd: sampleTime('09:46') } },
    },
    'one department untold': {
      ...addresses,
      sessions: [here],
      done: { left: { department: yibao, state: 'no-notice', latestEnd: sampleTime('09:46') } },
    },
  }),
};
