import { button, field, form } from '../web/form.view.ts';
import { type Content, fill, type Html, html, type PageContext, shown, type View } from '../web/html.ts';
import { page } from '../web/layout.view.ts';
import { contextLine, type Department, notice, type Problem, type Way, ways } from '../web/parts.view.ts';
import { departments, sampleTime } from '../web/samples.ts';
import { comingTime } from '../web/words.ts';
import { signInWords } from '../web/words-sign-in.ts';

/** Addresses of the other ways; one that is not open now is left out. */
export interface SignInLinks {
  readonly password?: string;
  readonly sms?: string;
  readonly province?: string;
  readonly register: string;
  readonly recover: string;
}

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

/** POST mobile: sends a code. The large edition opens on this step. */
export interface SmsStep {
  readonly action: string;
  readonly department?: Department;
  readonly mobile?: string;
  readonly problems?: readonly Problem[];
  readonly links: SignInLinks;
}

/** POST id_number, after a right code that fits no one account for sure (recycled or shared mobiles). */
export interface IdentityStep {
  readonly action: string;
  readonly department?: Department;
  readonly problems?: readonly Problem[];
  readonly links: { readonly register: string; readonly recover: string };
}

/** The standard edition names the destination above the heading, the large one under it and shortly. */
export function destination(
  context: PageContext,
  department: Department | undefined,
): { readonly above?: Html; readonly lead?: Content } {
  if (!department) return {};
  if (context.mode === 'standard') return { above: contextLine(context, department) };
  const name = html`<strong>${department.short[context.lang]}</strong>`;
  return { lead: fill(signInWords(context).destination, { department: name }) };
}

/** 打 12345, and that nobody asks for a code: on every step of the large edition that signs in. */
function help(context: PageContext): Html | undefined {
  if (context.mode === 'standard') return undefined;
  const words = signInWords(context);
  return notice('tip', words.helpTitle, fill(words.help, { never: html`<strong>${words.never}</strong>` }));
}

function otherWays(context: PageContext, links: SignInLinks, but?: 'password' | 'sms'): readonly (Way | undefined)[] {
  const words = signInWords(context);
  const sms: Way | undefined =
    but !== 'sms' && links.sms !== undefined
      ? { icon: 'phone', title: words.waySms, hint: words.waySmsHint, href: links.sms }
      : undefined;
  const password: Way | undefined =
    but !== 'password' && links.password !== undefined
      ? { icon: 'lock', title: words.wayPassword, hint: words.wayPasswordHint, href: links.password }
      : undefined;
  const province: Way | undefined =
    links.province !== undefined
      ? { icon: { seal: '闽' }, title: words.wayProvince, hint: words.wayProvinceHint, href: links.province }
      : undefined;
  return context.mode === 'large' ? [sms, province, password] : [sms, password, province];
}

const entrances = (context: PageContext, links: SignInLinks, recover: boolean): Html => {
  const words = signInWords(context);
  return html`<p class="links">${recover && html`<a href="${links.recover}">${words.forgotten}</a>`}<a href="${links.register}">${words.register}</a></p>`;
};

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

export const smsView: View<SmsStep> = (model, context) => {
  const words = signInWords(context);
  const { problems = [], links } = model;
  const large = context.mode === 'large';
  return page(context, {
    title: words.smsTitle,
    ...destination(context, model.department),
    shape: 'panel',
    problems,
    body: [
      form(context, {
        action: model.action,
        body: [
          field(context, {
            name: 'mobile',
            label: words.mobile,
            hint: large ? undefined : words.mobileHint,
            type: 'tel',
            inputmode: 'numeric',
            autocomplete: 'tel-national',
            value: model.mobile,
            problems,
          }),
          button({ text: words.sendCode, ...(large && { icon: 'phone' as const }) }),
        ],
      }),
      entrances(context, links, false),
      ways(context, words.alsoWays, otherWays(context, links, 'sms')),
      help(context),
    ],
  });
};

export const identityView: View<IdentityStep> = (model, context) => {
  const words = signInWords(context);
  const { problems = [] } = model;
  return page(context, {
    title: words.identityTitle,
    lead: words.identityLead,
    ...(context.mode === 'standard' && destination(context, model.department)),
    shape: 'panel',
    problems,
    body: [
      form(context, {
        action: model.action,
        body: [
          field(context, {
            name: 'id_number',
            label: words.idNumber,
            hint: words.idNumberHint,
            inputmode: 'text',
            autocomplete: 'off',
            spelling: 'off',
            problems,
          }),
          button({ text: words.goOn }),
        ],
      }),
      ways(context, words.identityOther, [
        { icon: 'id', title: words.identityRegister, href: model.links.register },
        { icon: 'lock', title: words.identityRecover, href: model.links.recover },
      ]),
    ],
  });
};

const at = '/signin/q7Xc';
const links: SignInLinks = {
  password: `${at}/password`,
  sms: `${at}/sms`,
  province: `${at}/province`,
  register: `${at}/register`,
  recover: `${at}/recover`,
};
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
  sms: shown(smsView, {
    first: { action: links.sms as string, department, links },
    'not a mobile': {
      action: links.sms as string,
      department,
      mobile: '154 0000 011',
      problems: [{ field: 'mobile', code: 'EG-1206' }],
      links,
    },
    'too soon': {
      action: links.sms as string,
      mobile: '154 0000 0117',
      problems: [{ field: 'mobile', code: 'EG-1203', until: sampleTime('09:17') }],
      links,
    },
  }),
  identity: shown(identityView, {
    first: { action: `${at}/identity`, department, links },
    'not a number': { action: `${at}/identity`, problems: [{ field: 'id_number', code: 'EG-1307' }], links },
    differs: { action: `${at}/identity`, problems: [{ field: 'id_number', code: 'EG-1110', triesLeft: 2 }], links },
  }),
};
