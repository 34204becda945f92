import { button, field, form } from '../../web/form.view.ts';
import { shown, type View } from '../../web/html.ts';
import { page } from '../../web/layout.view.ts';
import { type Department, type Problem, ways } from '../../web/parts.view.ts';
import { departments, sampleTime } from '../../web/samples.ts';
import { signInWords } from '../../web/words/sign-in.ts';
import { destination, entrances, help, otherWays, type SignInLinks, sampleLinks } from './ways-in.ts';

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
const links = sampleLinks;
const department = departments.renshe;

export const views = {
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
