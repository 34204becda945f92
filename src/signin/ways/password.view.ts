import { button, field, form } from '../../web/form.view.ts';
import { fill, html, shown, type View } from '../../web/html.ts';
import { page } from '../../web/layout.view.ts';
import { type Department, notice, type Problem, ways } from '../../web/parts.view.ts';
import { departments, sampleTime } from '../../web/samples.ts';
import { signInWords } from '../../web/words/sign-in.ts';
import { comingTime } from '../../web/words.ts';
import { destination, entrances, help, otherWays, type SignInLinks, sampleLinks } from './ways-in.ts';

/** POST login_id, password. */
export interface PasswordStep {
  readonly action: string;
  /** Where the person goes after sign-in; absent when it is the account centre. */
  readonly department?: Department;
  readonly loginId?: string;
  readonly problems?: readonly Problem[];
  readonly links: SignInLinks;
}

/** The password way pauses. The same for accounts that do not exist. */
export interface PausedStep {
  /** Epoch milliseconds. */
  readonly until: number;
  readonly department?: Department;
  readonly links: SignInLinks;
}

export const passwordView: View<PasswordStep> = (model, context) => {
  const words = signInWords(context);
  const { problems = [], links } = model;
  const left = problems.find((problem) => problem.triesLeft !== undefined)?.triesLeft;
  return page(context, {
    title: words.title,
    ...destination(context, model.department),
    shape: 'panel',
    problems,
    body: [
      form(context, {
        action: model.action,
        body: [
          field(context, {
            name: 'login_id',
            label: words.loginId,
            value: model.loginId,
            autocomplete: 'username',
            spelling: 'off',
            problems,
          }),
          field(context, {
            name: 'password',
            label: words.password,
            type: 'password',
            autocomplete: 'current-password',
            problems,
          }),
          button({ text: words.signIn }),
        ],
      }),
      left !== undefined &&
        links.sms !== undefined &&
        notice(
          'tip',
          words.rememberTitle,
          fill(words.remember(left), { sms: html`<a href="${links.sms}">${words.rememberSms}</a>` }),
        ),
      entrances(context, links, true),
      ways(context, words.otherWays, otherWays(context, links, 'password')),
      help(context),
    ],
  });
};

export const pausedView: View<PausedStep> = (model, context) => {
  const words = signInWords(context);
  return page(context, {
    title: words.pausedTitle(comingTime(model.until, context)),
    lead: words.paused,
    shape: 'panel',
    failed: true,
    body: [
      ways(context, words.nowWays, otherWays(context, model.links, 'password')),
      html`<p class="lone-link"><a href="${model.links.recover}">${words.reset}</a></p>`,
      notice('tip', words.notYouTitle, words.notYou),
    ],
  });
};

const links = sampleLinks;
const department = departments.renshe;

export const views = {
  password: shown(passwordView, {
    first: { action: links.password as string, department, links },
    'account centre': { action: links.password as string, links },
    'nothing typed': {
      action: links.password as string,
      department,
      problems: [
        { field: 'login_id', code: 'EG-1103' },
        { field: 'password', code: 'EG-1113' },
      ],
      links,
    },
    wrong: {
      action: links.password as string,
      department,
      loginId: '154 0000 0117',
      problems: [{ field: 'password', code: 'EG-1101', triesLeft: 3 }],
      links,
    },
    'province away': { action: links.password as string, department, links: { ...links, province: undefined } },
  }),
  paused: shown(pausedView, {
    today: { until: sampleTime('09:26'), department, links },
    tomorrow: { until: sampleTime('02:10', '2026-03-19'), department, links },
  }),
};
