import { type Content, fill, type Html, html, type PageContext } from '../../web/html.ts';
import { contextLine, type Department, notice, type Way } from '../../web/parts.view.ts';
import { signInWords } from '../../web/words/sign-in.ts';

/** What the pages of signing in have in common: where it leads, the other ways in, and help. */

/** Addresses of the other ways; one that is not open now is left out. */
export interface SignInLinks {
  readonly password?: string;
  readonly sms?: string;
  readonly province?: string;
  readonly register: string;
  readonly recover: string;
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
export function help(context: PageContext): Html | undefined {
  if (context.mode === 'standard') return undefined;
  const words = signInWords(context);
  return notice('tip', words.helpTitle, fill(words.help, { never: html`<strong>${words.never}</strong>` }));
}

export function otherWays(
  context: PageContext,
  links: SignInLinks,
  but?: 'password' | 'sms',
): readonly (Way | undefined)[] {
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

export const entrances = (context: PageContext, links: SignInLinks, recover: boolean): Html => {
  const words = signInWords(context);
  return html`<p class="links">${recover && html`<a href="${links.recover}">${words.forgotten}</a>`}<a href="${links.register}">${words.register}</a></p>`;
};

/** For the samples of those pages. */
export const sampleLinks: SignInLinks = {
  password: '/signin/q7Xc/password',
  sms: '/signin/q7Xc/sms',
  province: '/signin/q7Xc/province',
  register: '/signin/q7Xc/register',
  recover: '/signin/q7Xc/recover',
};
