import { button, field, form, quietPost } from '../../web/form.view.ts';
import { fill, type Html, html, type PageContext, shown, type View } from '../../web/html.ts';
import { page } from '../../web/layout.view.ts';
import { contextLine, type Department, masked, type Problem } from '../../web/parts.view.ts';
import { departments, sampleTime } from '../../web/samples.ts';
import { codeWords } from '../../web/words/sign-in.ts';

/** The second factor: a code by SMS after the password (its code is on code.view.ts), the password after a code. */

/** Voluntary checks can be declined: back to the department with the level reached. POST without fields. */
export interface Decline {
  readonly action: string;
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
export function declining(
  context: PageContext,
  decline: Decline | undefined,
  department: Department | undefined,
): Html | undefined {
  if (!decline) return undefined;
  const words = codeWords(context);
  const text = department ? words.notNow(department.short[context.lang]) : words.notNowPlain;
  return quietPost(context, { action: decline.action, text });
}

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
const department = departments.gongjijin;

export const views = {
  'second factor': shown(secondFactorView, {
    first: { action: `${at}/resend`, department, mobileMasked: '154****0117', decline: { action: `${at}/decline` } },
    'too soon': {
      action: `${at}/resend`,
      mobileMasked: '154****0117',
      problems: [{ field: 'send', code: 'EG-1203', until: sampleTime('09:17') }],
    },
  }),
  'second password': shown(secondPasswordView, {
    first: {
      action: `${at}/second`,
      username: '15400000117',
      department,
      decline: { action: `${at}/decline` },
      recover: `${at}/recover`,
    },
    wrong: {
      action: `${at}/second`,
      recover: `${at}/recover`,
      problems: [{ field: 'password', code: 'EG-1101', triesLeft: 1 }],
    },
  }),
};
