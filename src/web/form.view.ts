import { type IconName, icon } from './assets/icons.ts';
import { attributes, type Content, type Html, html, type PageContext } from './html.ts';
import { hiddenFields, type Problem, problemOf, problemText } from './parts.view.ts';
import { pageWords } from './words/page.ts';

/**
 * Forms and their controls. A label is always visible, a hint stands under it, an error between them and the control,
 * in the words of the summary. Nothing cuts what is pasted; the server folds and checks.
 */
export interface Form {
  readonly action: string;
  readonly body: Content;
  /** Hidden fields besides the form token. */
  readonly fields?: Readonly<Record<string, string>>;
  readonly class?: string;
  /** The login name, unseen and unsent: with it a password manager knows what the password of this form belongs to. */
  readonly username?: string;
}

/** Posts to `action`, with the form token; `#err` brings a browser without script to the summary. */
export const form = (context: PageContext, about: Form): Html =>
  html`<form method="post" action="${about.action}#err" novalidate${attributes({ class: about.class })}>${hiddenFields(context, about.fields)}${about.username !== undefined && html`<input type="text" autocomplete="username" value="${about.username}" readonly hidden>`}${about.body}</form>`;

export interface Field {
  /** Name and id. */
  readonly name: string;
  readonly label: Content;
  readonly hint?: Content;
  readonly value?: string;
  readonly type?: 'text' | 'tel' | 'password';
  readonly autocomplete: string;
  readonly inputmode?: 'numeric' | 'text';
  /** `off` for names and numbers of people, which no browser should mend. */
  readonly spelling?: 'off';
  readonly wide?: 'code';
  readonly problems?: readonly Problem[];
  readonly lang?: string;
}

/** Label, hint, error and control in one block, tied together for voices. */
function block(
  context: PageContext,
  about: { name: string; label: Content; hint?: Content; problem?: Problem },
  control: (told: { 'aria-describedby'?: string; 'aria-invalid'?: string }) => Html,
): Html {
  const { name, problem } = about;
  const told = [about.hint && `${name}-hint`, problem && `${name}-error`].filter(Boolean).join(' ');
  return html`<div class="field${problem && ' wrong'}">
<label for="${name}">${about.label}</label>
${about.hint && html`<p class="hint" id="${name}-hint">${about.hint}</p>`}
${problem && inlineError(context, name, problem)}
${control({ 'aria-describedby': told || undefined, 'aria-invalid': problem ? 'true' : undefined })}
</div>`;
}

const inlineError = (context: PageContext, name: string, problem: Problem): Html =>
  html`<p class="error" id="${name}-error">${icon('warning')}<span><span class="hidden">${pageWords(context).errorMark}</span>${problemText(context, problem)}</span></p>`;

/** One line of text. A password gets 显示 where there is a script. */
export function field(context: PageContext, about: Field): Html {
  const { name, type = 'text' } = about;
  const words = pageWords(context);
  const secret = type === 'password';
  return block(context, { ...about, problem: problemOf(about.problems, name) }, (told) => {
    const input = html`<input${attributes({
      id: name,
      name,
      type,
      class: about.wide,
      autocomplete: about.autocomplete,
      inputmode: about.inputmode,
      autocapitalize: secret || about.spelling ? 'none' : undefined,
      spellcheck: secret || about.spelling ? 'false' : undefined,
      // A password, or a code, is never sent back to the page.
      value: secret || about.wide === 'code' ? undefined : about.value,
      lang: about.lang,
      ...told,
    })}>`;
    return secret
      ? html`<div class="secret" data-reveal="${words.show}" data-hide="${words.hide}" data-reveal-long="${words.showPassword}" data-hide-long="${words.hidePassword}">${input}</div>`
      : input;
  });
}

export interface Select {
  readonly name: string;
  readonly label: Content;
  readonly hint?: Content;
  readonly options: readonly { readonly value: string; readonly text: string }[];
  readonly value?: string;
  readonly problems?: readonly Problem[];
}

export const select = (context: PageContext, about: Select): Html =>
  block(
    context,
    { ...about, problem: problemOf(about.problems, about.name) },
    (told) =>
      html`<div class="choose"><select${attributes({ id: about.name, name: about.name, ...told })}>${about.options.map(
        (option) =>
          html`<option${attributes({ value: option.value, selected: option.value === about.value })}>${option.text}</option>`,
      )}</select></div>`,
  );

export interface Checkbox {
  readonly name: string;
  /** `on` unless said; several boxes of one name need ids of their own. */
  readonly value?: string;
  readonly id?: string;
  readonly label: Content;
  readonly hint?: Content;
  readonly checked?: boolean;
  readonly problems?: readonly Problem[];
}

export function checkbox(context: PageContext, about: Checkbox): Html {
  const { name, id = name } = about;
  const problem = problemOf(about.problems, id);
  const told = [about.hint && `${id}-hint`, problem && `${id}-error`].filter(Boolean).join(' ');
  return html`<div class="tick${problem && ' wrong'}">${problem && inlineError(context, id, problem)}
<div class="tick-row"><input${attributes({
    type: 'checkbox',
    id,
    name,
    value: about.value ?? 'on',
    checked: about.checked ?? false,
    'aria-describedby': told || undefined,
    'aria-invalid': problem ? 'true' : undefined,
  })}>
<label for="${id}">${about.label}</label></div>
${about.hint && html`<p class="hint" id="${id}-hint">${about.hint}</p>`}</div>`;
}

export interface Button {
  readonly text: Content;
  /** Solid is the one next step; outline another way; danger what cannot be undone. */
  readonly kind?: 'solid' | 'outline' | 'danger';
  readonly icon?: IconName;
  readonly id?: string;
  readonly name?: string;
  readonly value?: string;
  readonly minor?: boolean;
}

const looks = (about: Button): string => `button ${about.kind ?? 'solid'}${about.minor ? ' minor' : ''}`;

export const button = (about: Button): Html =>
  html`<button${attributes({ id: about.id, class: looks(about), type: 'submit', name: about.name, value: about.value })}>${about.icon && icon(about.icon)}<span>${about.text}</span></button>`;

/** A link that looks like a button: it only goes somewhere. */
export const buttonLink = (about: Button & { readonly href: string }): Html =>
  html`<a${attributes({ class: looks(about), href: about.href })}>${about.icon && icon(about.icon)}<span>${about.text}</span></a>`;

/** A form of one button that looks like a link: it changes something. */
export const quietPost = (
  context: PageContext,
  about: { readonly action: string; readonly text: Content; readonly fields?: Readonly<Record<string, string>> },
): Html =>
  form(context, {
    action: about.action,
    class: 'quiet-post',
    ...(about.fields && { fields: about.fields }),
    body: html`<button class="as-link" type="submit">${about.text}</button>`,
  });

/** Buttons beside each other on a desktop, under each other on a phone. */
export const buttons = (...all: Content[]): Html => html`<div class="buttons">${all}</div>`;
