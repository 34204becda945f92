import { button, field, form, quietPost } from '../web/form.view.ts';
import { fill, type Html, html, type PageContext, shown, type View } from '../web/html.ts';
import { page } from '../web/layout.view.ts';
import { contextLine, type Department, masked, notice, type Problem, stepper, ways } from '../web/parts.view.ts';
import { departments, sampleTime } from '../web/samples.ts';
import { comingTime } from '../web/words.ts';
import { codeWords } from '../web/words-sign-in.ts';

/** Voluntary checks can be declined: back to the department with the level reached. POST without fields. */
export interface Decline {
  readonly action: string;
}

/** POST otp. One page for sign-in, registration, recovery and the second factor. */
export interface CodeStep {
  readonly action: string;
  readonly purpose: 'sign-in' | 'register' | 'recover' | 'second-factor';
  readonly department?: Department;
  readonly mobileMasked: string;
  /** Epoch milliseconds. */
  readonly expiresAt: number;
  /** POST without fields; `at`: epoch milliseconds from which on, when that is still to come. */
  readonly resend: { readonly action: string; readonly at?: number };
  /** The step before. Absent where the mobile is given (second factor). */
  readonly change?: string;
  /** Of a sign-in: others have this mobile too. Where to say so, or that it was said: the ID number comes next. */
  readonly shared?: { readonly href: string } | 'said';
  readonly decline?: Decline;
  readonly problems?: readonly Problem[];
}

/** POST without fields: sends the code of the second factor. A page that is only opened sends nothing. */
export interface SecondFactorStep {
  readonly action: string;
  readonly department?: Department;
  readonly mobileMasked: string;
  readonly decline?: Decline;
  /** Of the field `send`, the button. */
  readonly problems?: readonly Problem[];
}

/** POST password, after a code by SMS. */
export interface SecondPasswordStep {
  readonly action: string;
  /** The login name, for password managers. */
  readonly username?: string;
  readonly department?: Department;
  readonly decline?: Decline;
  readonly recover: string;
  readonly problems?: readonly Problem[];
}

/** 先不办，回到{部门} */
function declining(
  context: PageContext,
  decline: Decline | undefined,
  department: Department | undefined,
): Html | undefined {
  if (!decline) return undefined;
  const words = codeWords(context);
  const text = department ? words.notNow(department.short[context.lang]) : words.notNowPlain;
  return quietPost(context, { action: decline.action, text });
}

export const codeView: View<CodeStep> = (model, context) => {
  const words = codeWords(context);
  const { problems = [], department, purpose } = model;
  const second = purpose === 'second-factor';
  // Of sign-in and recovery nobody may learn here whether a mobile is registered.
  const sentence = purpose === 'sign-in' || purpose === 'recover' ? words.maybeSent : words.sent;
  const sent = fill(sentence, {
    mobile: html`<strong>${masked(context, 'number', model.mobileMasked)}</strong>`,
    until: comingTime(model.expiresAt, context),
  });
  const why = fill(words.secondLead, { department: department?.short[context.lang] ?? words.anyDepartment });
  const soon = model.resend.at !== undefined && model.resend.at > context.now;
  return page(context, {
    title: second ? words.secondTitle : words.title,
    lead: second ? html`${why}${context.lang === 'en' && ' '}${sent}` : sent,
    above:
      purpose === 'register' ? stepper(context, 2, 4) : context.mode === 'standard' && contextLine(context, department),
    shape: 'panel',
    problems,
    body: [
      form(context, {
        action: model.action,
        body: [
          field(context, {
            name: 'otp',
            label: words.otp,
            inputmode: 'numeric',
            autocomplete: 'one-time-code',
            wide: 'code',
            problems,
          }),
          button({ text: words.goOn }),
        ],
      }),
      html`<p class="warning-line">${words.fraud}</p>`,
      model.shared === 'said' && notice('tip', words.sharedTitle, words.sharedSaid),
      ways(context, words.notHere, [
        {
          icon: 'clock',
          title: words.resend,
          hint: soon ? words.resendAt(comingTime(model.resend.at ?? 0, context)) : words.resendNow,
          post: { action: model.resend.action },
        },
        model.change !== undefined && {
          icon: 'phone',
          title: words.change,
          hint: words.changeHint,
          href: model.change,
        },
      ]),
      typeof model.shared === 'object' &&
        html`<p class="lone-link"><a href="${model.shared.href}">${words.shared}</a></p>`,
      declining(context, model.decline, department),
    ],
  });
};

export const secondFactorView: View<SecondFactorStep> = (model, context) => {
  const words = codeWords(context);
  const { problems = [], department } = model;
  return page(context, {
    title: words.secondTitle,
    lead: [
      fill(words.secondLead, { department: department?.short[context.lang] ?? words.anyDepartment }),
      context.lang === 'en' && ' ',
      fill(words.secondTo, { mobile: html`<strong>${masked(context, 'number', model.mobileMasked)}</strong>` }),
    ],
    above: context.mode === 'standard' && contextLine(context, department),
    shape: 'panel',
    problems,
    body: [
      form(context, { action: model.action, body: button({ text: words.secondSend, icon: 'phone', id: 'send' }) }),
      declining(context, model.decline, department),
    ],
  });
};

export const secondPasswordView: View<SecondPasswordStep> = (model, context) => {
  const words = codeWords(context);
  const { problems = [], department } = model;
  return page(context, {
    title: words.secondPasswordTitle,
    lead: fill(words.secondPasswordLead, { department: department?.short[context.lang] ?? words.anyDepartment }),
    above: context.mode === 'standard' && contextLine(context, department),
    shape: 'panel',
    problems,
    body: [
      form(context, {
        action: model.action,
        username: model.username,
        body: [
          field(context, {
            name: 'password',
            label: words.password,
            type: 'password',
            autocomplete: 'current-password',
            problems,
          }),
          button({ text: words.goOn }),
        ],
      }),
      html`<p class="lone-link"><a href="${model.recover}">${words.forgotten}</a></p>`,
      declining(context, model.decline, department),
    ],
  });
};

const at = '/signin/q7Xc';
const code = {
  mobileMasked: '154****0117',
  expiresAt: sampleTime('09:26'),
  resend: { action: `${at}/sms/resend`, at: sampleTime('09:17') },
};
const department = departments.gongjijin;

export const views = {
  code: shown(codeView, {
    'sign-in': {
      ...code,
      action: `${at}/code`,
      purpose: 'sign-in',
      department,
      change: `${at}/sms`,
      shared: { href: `${at}?shared=yes` },
    },
    shared: { ...code, action: `${at}/code`, purpose: 'sign-in', change: `${at}/sms`, shared: 'said' },
    wrong: {
      ...code,
      action: `${at}/code`,
      purpose: 'sign-in',
      department,
      change: `${at}/sms`,
      resend: { action: `${at}/sms/resend` },
      problems: [{ field: 'otp', code: 'EG-1201', triesLeft: 4 }],
    },
    expired: {
      ...code,
      action: `${at}/code`,
      purpose: 'recover',
      change: `${at}/sms`,
      resend: { action: `${at}/sms/resend` },
      problems: [{ field: 'otp', code: 'EG-1202' }],
    },
    register: { ...code, action: `${at}/register/code`, purpose: 'register', change: `${at}/register` },
    'second factor': {
      ...code,
      action: `${at}/second`,
      purpose: 'second-factor',
      department,
      decline: { action: `${at}/decline` },
    },
  }),
  'second factor': shown(secondFactorView, {
    first: { action: `${at}/resend`, department, mobileMasked: '154****0117', decline: { action: `${at}/decline` } },
    'too soon': {
      action: `${at}/resend`,
      mobileMasked: '154****0117',
      problems: [{ field: 'send', code: 'EG-1203', until: sampleTime('09:17') }],
    },
  }),
  'second password': shown(secondPasswordView, {
    first: { action: `${at}/second`, department, decline: { action: `${at}/decline` }, recover: `${at}/recover` },
    wrong: {
      action: `${at}/second`,
      recover: `${at}/recover`,
      problems: [{ field: 'password', code: 'EG-1101', triesLeft: 1 }],
    },
  }),
};
