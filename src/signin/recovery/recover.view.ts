import { button, buttonLink, field, form } from '../../web/form.view.ts';
import { html, shown, type View } from '../../web/html.ts';
import { page } from '../../web/layout.view.ts';
import { notice, type Problem } from '../../web/parts.view.ts';
import { realNameWords } from '../../web/words/real-name.ts';
import { recoverWords } from '../../web/words/register.ts';

/** A forgotten password: mobile → code (code.view.ts) → name and number of a real-named account → new password → done. */

/** POST mobile. */
export interface RecoverMobileStep {
  readonly action: string;
  readonly mobile?: string;
  readonly signIn: string;
  readonly problems?: readonly Problem[];
}

/** POST full_name, id_number. */
export interface RecoverIdentityStep {
  readonly action: string;
  readonly fullName?: string;
  readonly idNumber?: string;
  readonly problems?: readonly Problem[];
}

/** POST new_password. */
export interface NewPasswordStep {
  readonly action: string;
  /** The login name, for password managers. */
  readonly username?: string;
  readonly problems?: readonly Problem[];
}

export interface RecoveredStep {
  /** Where the sign-in goes on. */
  readonly onward: string;
}

export const recoverMobileView: View<RecoverMobileStep> = (model, context) => {
  const words = recoverWords(context);
  const { problems = [] } = model;
  return page(context, {
    title: words.title,
    lead: words.lead,
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
          button({ text: words.send }),
        ],
      }),
      html`<p class="lone-link"><a href="${model.signIn}">${words.backToSignIn}</a></p>`,
      notice('tip', words.lostMobile, words.lostMobileHint),
    ],
  });
};

export const recoverIdentityView: View<RecoverIdentityStep> = (model, context) => {
  const words = recoverWords(context);
  const names = realNameWords(context);
  const { problems = [] } = model;
  return page(context, {
    title: words.identityTitle,
    lead: words.identityLead,
    shape: 'panel',
    problems,
    body: form(context, {
      action: model.action,
      body: [
        field(context, {
          name: 'full_name',
          label: names.fullName,
          hint: names.fullNameHint,
          value: model.fullName,
          autocomplete: 'name',
          spelling: 'off',
          problems,
        }),
        field(context, {
          name: 'id_number',
          label: names.idNumber,
          hint: names.idNumberHint,
          value: model.idNumber,
          inputmode: 'text',
          autocomplete: 'off',
          spelling: 'off',
          problems,
        }),
        button({ text: names.goOn }),
      ],
    }),
  });
};

export const newPasswordView: View<NewPasswordStep> = (model, context) => {
  const words = recoverWords(context);
  const { problems = [] } = model;
  return page(context, {
    title: words.passwordTitle,
    lead: words.passwordLead,
    shape: 'panel',
    problems,
    body: form(context, {
      action: model.action,
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
        button({ text: words.save }),
      ],
    }),
  });
};

export const recoveredView: View<RecoveredStep> = (model, context) => {
  const words = recoverWords(context);
  return page(context, {
    title: words.doneTitle,
    lead: words.doneLead,
    shape: 'panel',
    body: buttonLink({ text: words.doneGoOn, href: model.onward }),
  });
};

const at = '/signin/q7Xc/recover';

export const views = {
  'recover mobile': shown(recoverMobileView, {
    first: { action: at, signIn: '/signin/q7Xc' },
    'not a mobile': {
      action: at,
      signIn: '/signin/q7Xc',
      mobile: '15400',
      problems: [{ field: 'mobile', code: 'EG-1206' }],
    },
  }),
  'recover identity': shown(recoverIdentityView, {
    first: { action: `${at}/identity` },
    differs: {
      action: `${at}/identity`,
      fullName: '测试甲',
      idNumber: '350299199001010117',
      problems: [{ field: 'full_name', code: 'EG-1110', triesLeft: 2 }],
    },
  }),
  'new password': shown(newPasswordView, {
    first: { action: `${at}/password`, username: '15400000117' },
    short: { action: `${at}/password`, problems: [{ field: 'new_password', code: 'EG-1104' }] },
  }),
  recovered: shown(recoveredView, { only: { onward: '/signin/q7Xc' } }),
};
