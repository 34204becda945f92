import { icon } from '../web/assets/icons.ts';
import { type Content, type Html, html, type PageContext } from '../web/html.ts';
import { places } from '../web/layout.view.ts';
import { accountWords } from '../web/words/account.ts';

/** The pages of the account centre, and the way between them. */
export const accountPlaces = {
  home: places.account,
  sessions: '/account/sessions',
  authorizations: '/account/authorizations',
} as const;

export type AccountPlace = keyof typeof accountPlaces;

/** `at` is the page that is shown; none on a page below one of them. */
export function menu(context: PageContext, at?: AccountPlace): Html {
  const words = accountWords(context);
  return html`<nav class="menu" aria-label="${words.menu}"><ul>${(Object.keys(accountPlaces) as AccountPlace[]).map(
    (place) =>
      html`<li><a href="${accountPlaces[place]}"${place === at && html` aria-current="page"`}>${words[place]}</a></li>`,
  )}</ul></nav>`;
}

/** What was just done, said once, on the page one comes back to. */
export const done = (title: Content, text: Content): Html =>
  html`<div class="notice tip" role="status"><p class="notice-title">${icon('check')} ${title}</p><p>${text}</p></div>`;
