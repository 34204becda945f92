import { button, field, form } from '../../web/form.view.ts';
import { fill, html, shown, type View } from '../../web/html.ts';
import { page } from '../../web/layout.view.ts';
import { contextLine, type Department, masked, notice, type Problem, stepper, ways } from '../../web/parts.view.ts';
import { departments, sampleTime } from '../../web/samples.ts';
import { codeWords } from '../../web/words/sign-in.ts';
import { comingTime } from '../../web/words.ts';
import { type Decline, declining } from './second-factor.view.ts';

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
};
