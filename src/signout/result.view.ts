import { buttonLink } from '../web/form.view.ts';
import { type Content, fill, html, type PageContext, shown, type View } from '../web/html.ts';
import { page } from '../web/layout.view.ts';
import { badge, type Department, seal } from '../web/parts.view.ts';
import { departments, sampleTime } from '../web/samples.ts';
import { signOutWords } from '../web/words/sign-out.ts';
import { comingTime } from '../web/words.ts';

/**
 * `out` has answered; `waiting` was told a moment ago; `silent` was told and does not answer (we go on telling it);
 * `no-notice` takes no notices, so that its own session may last until `latestEnd`.
 */
export interface SignOutRow {
  readonly department: Department;
  readonly state: 'out' | 'silent' | 'no-notice' | 'waiting';
  /** Of a `silent` one: nobody tells it as things stand, because it refused, is stopped, or a day went by. */
  readonly givenUp?: boolean;
  /** Epoch milliseconds: when it answered. */
  readonly at?: number;
  /** Epoch milliseconds: the latest end of its own session. */
  readonly latestEnd?: number;
  /** The department's own page to sign out. */
  readonly signOutUrl?: string;
}

export interface SignOutResult {
  /** False: only the department of the one row. */
  readonly everything: boolean;
  readonly rows: readonly SignOutRow[];
  /** The department's registered address. */
  readonly onward?: { readonly href: string; readonly department: Department };
  /** GET: the same page, as things stand then. */
  readonly refresh: string;
  /** GET; absent while somebody is still signed in. */
  readonly signIn?: string;
}

export const signOutResultView: View<SignOutResult> = (model, context) => {
  const words = signOutWords(context);
  const { rows, everything, onward } = model;
  const named = rows[0]?.department.short[context.lang] ?? '';
  // What may have changed by now can be asked for again; who takes no notices never answers.
  const open = rows.some(({ state }) => state === 'silent' || state === 'waiting');
  const title = everything ? words.doneAll : rows[0]?.state === 'out' ? words.doneOne(named) : words.openOne(named);
  const links = [
    open && { text: words.refresh, href: model.refresh },
    onward && { text: words.goOn(onward.department.short[context.lang]), href: onward.href },
    model.signIn !== undefined && { text: words.signIn, href: model.signIn },
  ].filter((link) => link !== false && link !== undefined);
  return page(context, {
    title,
    lead: everything ? counted(context, rows) : words.stillIn,
    body: [
      rows.length > 0 && html`<ul class="rows">${rows.map((row) => resultRow(context, row))}</ul>`,
      html`<div class="stack">${links.map((link, n) => buttonLink({ ...link, kind: n === 0 ? 'solid' : 'outline' }))}</div>`,
    ],
  });
};

/** 3 个部门已确认退出，1 个还没有回应。 Nothing is counted as out that did not say so. */
function counted(context: PageContext, rows: readonly SignOutRow[]): string {
  const words = signOutWords(context);
  const count = (...states: SignOutRow['state'][]): number => rows.filter(({ state }) => states.includes(state)).length;
  const [out, open, untold] = [count('out'), count('silent', 'waiting'), count('no-notice')];
  if (rows.length === 0) return words.none;
  if (out === rows.length) return words.allConfirmed(out);
  const parts = [
    out > 0 && words.confirmed(out),
    open > 0 && words.waiting(open, out === 0),
    untold > 0 && words.noNotice(untold, out + open === 0),
  ];
  return `${parts.filter((part) => part !== false).join(words.comma)}${words.stop.trim()}`;
}

function resultRow(context: PageContext, row: SignOutRow): Content {
  const words = signOutWords(context);
  const { state, department } = row;
  const said = {
    out: badge('done', row.at === undefined ? words.out : words.outAt(comingTime(row.at, context))),
    silent: badge('open', words.silent),
    waiting: badge('waiting', words.asking),
    'no-notice': badge('open', words.untold),
  }[state];
  return html`<li class="row">${seal(department.seal)}<strong class="row-text">${department.short[context.lang]}</strong> <span class="row-end">${said}</span>${state !== 'out' && openText(context, row)}</li>`;
}

function openText(context: PageContext, { department, state, givenUp, latestEnd, signOutUrl }: SignOutRow): Content {
  const words = signOutWords(context);
  const link = signOutUrl && html`<a href="${signOutUrl}">${words.toDepartment(department.short[context.lang])}</a>`;
  const time = latestEnd !== undefined && html`<strong>${comingTime(latestEnd, context)}</strong>`;
  if (latestEnd !== undefined && latestEnd <= context.now)
    return html` <p class="row-note">${fill(words.passed, { time })}</p>`;
  return html` <p class="row-note">${state === 'no-notice' || givenUp ? words.untoldText : words.silentText}${time && fill(words.latest, { time })}${link ? fill(words.safeLink, { link }) : words.safe}</p>`;
}

const { renshe, gongjijin, yibao, jianguan } = departments;
const onward = { href: 'https://portal.invalid/signed-out', department: renshe };
const refresh = '/sign-out/result/q7Xc';

export const views = {
  'sign-out result': shown(signOutResultView, {
    open: {
      everything: true,
      rows: [
        { department: renshe, state: 'out', at: sampleTime('09:16') },
        { department: gongjijin, state: 'waiting', latestEnd: sampleTime('09:46') },
        {
          department: yibao,
          state: 'silent',
          latestEnd: sampleTime('09:46'),
          signOutUrl: 'https://portal.invalid/sign-out',
        },
        { department: jianguan, state: 'no-notice', latestEnd: sampleTime('00:20', '2026-03-19') },
      ],
      onward,
      refresh,
      signIn: '/account',
    },
    'all answered': {
      everything: true,
      rows: [renshe, gongjijin].map((department) => ({ department, state: 'out' as const, at: sampleTime('09:16') })),
      refresh,
      signIn: '/account',
    },
    'one answered': {
      everything: false,
      rows: [{ department: renshe, state: 'out', at: sampleTime('09:16') }],
      onward,
      refresh,
    },
    'one silent': {
      everything: false,
      rows: [{ department: yibao, state: 'silent', latestEnd: sampleTime('09:10') }],
      refresh,
    },
    nowhere: { everything: true, rows: [], refresh, signIn: '/account' },
  }),
};
