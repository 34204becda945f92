import { button, buttonLink, buttons, checkbox, field, form, quietPost } from '../../web/form.view.ts';
import { fill, html, shown, type View } from '../../web/html.ts';
import { page, places } from '../../web/layout.view.ts';
import { masked, notice, type Problem, stepper } from '../../web/parts.view.ts';
import { registerWords } from '../../web/words/register.ts';

/** Step 1. POST mobile, agree_terms. */
export interface RegisterMobileStep {
  readonly action: string;
  readonly mobile?: string;
  readonly agreed?: boolean;
  readonly problems?: readonly Problem[];
  readonly links: { readonly signIn: string; readonly province?: string };
}

/** Step 3. POST method=password and new_password, or method=skip. */
export interface RegisterMethodStep {
  readonly action: string;
  /** The login name, for password managers. */
  readonly username?: string;
  readonly problems?: readonly Problem[];
}

/** After step 2, when the mobile is somebody's login name. */
export interface MobileInUseStep {
  readonly mobileMasked: string;
  readonly signIn: string;
  /** POST without fields: another person goes on, and will sign in by ID number. */
  readonly another: { readonly action: string };
}

/** After step 4, when this person has an account. */
export interface AlreadyRegisteredStep {
  readonly signIn: string;
  readonly recover: string;
  /** The mobile that was proved, and joins after sign-in. */
  readonly mobileMasked?: string;
  /** `7K4M-20Q9` */
  readonly caseNumber?: string;
}

export const registerMobileView: View<RegisterMobileStep> = (model, context) => {
  const words = registerWords(context);
  const { problems = [], links } = model;
  return page(context, {
    title: words.mobileTitle,
    lead: words.mobileLead,
    above: stepper(context, 1, 4),
    shape: 'panel',
    problems,
    body: [
      form(context, {
        action: model.action,
        body: [
          field(context, {
            name: 'mobile',
            label: words.mobile,
            hint: words.mobileHint,
            type: 'tel',
            inputmode: 'numeric',
            autocomplete: 'tel-national',
            value: model.mobile,
            problems,
          }),
          checkbox(context, {
            name: 'agree_terms',
            checked: model.agreed,
            label: fill(words.agree, {
              terms: html`<a href="${places.terms}">${words.terms}</a>`,
              privacy: html`<a href="${places.privacy}">${words.privacy}</a>`,
            }),
            problems,
          }),
          button({ text: words.send }),
        ],
      }),
      html`<ul class="link-list">${links.province !== undefined && html`<li><a href="${links.province}">${words.haveProvince}</a></li>`}<li><a href="${links.signIn}">${words.haveAccount}</a></li></ul>`,
    ],
  });
};

export const registerMethodView: View<RegisterMethodStep> = (model, context) => {
  const words = registerWords(context);
  const { problems = [] } = model;
  return page(context, {
    title: words.methodTitle,
    lead: words.methodLead,
    above: stepper(context, 3, 4),
    shape: 'panel',
    problems,
    body: [
      form(context, {
        action: model.action,
        fields: { method: 'password' },
        username: model.username,
        body: [
          field(context, {
            name: 'new_password',
            label: words.newPassword,
            hint: words.newPasswordHint,
            type: 'password',
            autocomplete: 'new-password',
            problems,
          }),
          button({ text: words.goOn }),
        ],
      }),
      quietPost(context, { action: model.action, fields: { method: 'skip' }, text: words.skip }),
    ],
  });
};

export const mobileInUseView: View<MobileInUseStep> = (model, context) => {
  const words = registerWords(context);
  const mobile = html`<strong>${masked(context, 'number', model.mobileMasked)}</strong>`;
  return page(context, {
    title: words.inUseTitle,
    lead: fill(words.inUseLead, { mobile }),
    shape: 'panel',
    body: [
      buttonLink({ text: words.signIn, href: model.signIn }),
      html`<p class="lead">${words.anotherHint}</p>`,
      form(context, { action: model.another.action, body: button({ text: words.another, kind: 'outline' }) }),
    ],
  });
};

export const alreadyRegisteredView: View<AlreadyRegisteredStep> = (model, context) => {
  const words = registerWords(context);
  return page(context, {
    title: words.knownTitle,
    lead: words.knownLead,
    shape: 'panel',
    body: [
      model.mobileMasked !== undefined &&
        html`<p>${fill(words.knownMobile, { mobile: html`<strong>${masked(context, 'number', model.mobileMasked)}</strong>` })}</p>`,
      buttons(
        buttonLink({ text: words.signIn, href: model.signIn }),
        buttonLink({ text: words.recover, href: model.recover, kind: 'outline' }),
      ),
      model.caseNumber !== undefined &&
        notice(
          'tip',
          words.notYouTitle,
          fill(words.notYou, { number: html`<strong class="number">${model.caseNumber}</strong>` }),
        ),
    ],
  });
};

const at = '/signin/q7Xc/register';
const links = { signIn: '/signin/q7Xc', province: '/signin/q7Xc/province' };

export const views = {
  'register mobile': shown(registerMobileView, {
    first: { action: at, links },
    'not agreed': {
      action: at,
      mobile: '154 0000 0117',
      problems: [{ field: 'agree_terms', code: 'EG-1008' }],
      links,
    },
    both: {
      action: at,
      mobile: '154',
      problems: [
        { field: 'mobile', code: 'EG-1206' },
        { field: 'agree_terms', code: 'EG-1008' },
      ],
      links: { signIn: links.signIn },
    },
  }),
  'register method': shown(registerMethodView, {
    first: { action: `${at}/method`, username: '15400000117' },
    common: { action: `${at}/method`, problems: [{ field: 'new_password', code: 'EG-1106' }] },
  }),
  'mobile in use': shown(mobileInUseView, {
    only: { mobileMasked: '154****0117', signIn: '/signin/q7Xc/sms', another: { action: `${at}/another` } },
  }),
  'already registered': shown(alreadyRegisteredView, {
    all: {
      signIn: '/signin/q7Xc',
      recover: '/signin/q7Xc/recover',
      mobileMasked: '154****0221',
      caseNumber: '7K4M-20Q9',
    },
    plain: { signIn: '/signin/q7Xc', recover: '/signin/q7Xc/recover' },
  }),
};
