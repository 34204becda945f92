import { button, field, form, quietPost, select } from '../../web/form.view.ts';
import { fill, html, shown, type View } from '../../web/html.ts';
import { page } from '../../web/layout.view.ts';
import { contextLine, type Department, masked, notice, type Problem, stepper } from '../../web/parts.view.ts';
import { departments } from '../../web/samples.ts';
import { realNameWords } from '../../web/words/real-name.ts';

const cardTypes = ['111', '516', '511', '553'] as const;

/** POST card_type, full_name, id_number. Step 4 of a registration, or asked by a department's level. */
export interface RealNameStep {
  readonly action: string;
  /** Why it is asked: `registration`; `department` wants it; `another`: the mobile is another person's login name. */
  readonly reason: 'registration' | 'department' | 'another';
  readonly department?: Department;
  /** POST without fields: 以后再实名, or 先不办 where a department asks. Absent where it must be. */
  readonly later?: { readonly action: string };
  readonly mobileMasked?: string;
  readonly cardType?: string;
  readonly fullName?: string;
  readonly idNumber?: string;
  readonly problems?: readonly Problem[];
}

export const realNameView: View<RealNameStep> = (model, context) => {
  const words = realNameWords(context);
  const { problems = [], department, reason } = model;
  const short = department?.short[context.lang];
  const asked = reason === 'department' && short !== undefined;
  return page(context, {
    title: words.title,
    lead: reason === 'another' ? words.leadAnother : asked ? words.leadAsked(short) : words.lead,
    above: reason === 'department' ? contextLine(context, department) : stepper(context, 4, 4),
    shape: context.person ? 'form' : 'panel',
    problems,
    body: [
      form(context, {
        action: model.action,
        body: [
          select(context, {
            name: 'card_type',
            label: words.cardType,
            value: model.cardType ?? '111',
            options: cardTypes.map((value) => ({ value, text: words[`card${value}`] })),
            problems,
          }),
          field(context, {
            name: 'full_name',
            label: words.fullName,
            hint: words.fullNameHint,
            autocomplete: 'name',
            spelling: 'off',
            value: model.fullName,
            problems,
          }),
          field(context, {
            name: 'id_number',
            label: words.idNumber,
            hint: words.idNumberHint,
            inputmode: 'text',
            autocomplete: 'off',
            spelling: 'off',
            value: model.idNumber,
            problems,
          }),
          model.mobileMasked !== undefined &&
            html`<p class="hint">${fill(words.mobileUsed, { mobile: masked(context, 'number', model.mobileMasked) })}</p>`,
          notice('tip', words.onlyTitle, words.only),
          button({ text: words.submit }),
        ],
      }),
      model.later &&
        quietPost(context, {
          action: model.later.action,
          text: asked ? words.notNow(short) : reason === 'department' ? words.notNowPlain : words.later,
        }),
    ],
  });
};

const at = '/signin/q7Xc/real-name';
const department = departments.renshe;
const typed = { cardType: '111', fullName: '测试甲', idNumber: '350299199001010117' };

export const views = {
  'real name': shown(realNameView, {
    registration: {
      action: at,
      reason: 'registration',
      later: { action: `${at}/later` },
      mobileMasked: '154****0117',
    },
    department: { action: at, reason: 'department', department, later: { action: `${at}/later` } },
    another: {
      action: at,
      reason: 'another',
      mobileMasked: '154****0117',
      ...typed,
      problems: [{ field: 'full_name', code: 'EG-1301', triesLeft: 2 }],
    },
    'not a number': {
      action: at,
      reason: 'department',
      department,
      later: { action: `${at}/later` },
      cardType: '553',
      problems: [
        { field: 'full_name', code: 'EG-1308' },
        { field: 'id_number', code: 'EG-1307' },
      ],
    },
  }),
};
