import { randomBytes } from 'node:crypto';
import { accountPlaces } from './menu.view.ts';

/**
 * Which page of the account centre somebody wanted who had to sign in first. Its name travels as the `state` of the
 * sign-in; only names of our own pages lead anywhere, so that a state somebody made up goes nowhere else.
 */
const client = '[a-z][a-z0-9-]{1,62}';
const shape = new RegExp(`^[\\w-]{22}\\.(sessions|authorizations)(?:\\.(${client}))?$`);

/** A fresh state that remembers the page a request was for; a form's request, the page that holds the form. */
export function stateFor(url: string): string {
  const path = url.split('?')[0] ?? '';
  const name = new RegExp(`^${accountPlaces.authorizations}/(${client})(?:/|$)`).exec(path)?.[1];
  const page = (['sessions', 'authorizations'] as const).find(
    (each) => path === accountPlaces[each] || path.startsWith(`${accountPlaces[each]}/`),
  );
  const wanted = [page, page === 'authorizations' ? name : undefined].filter((part) => part !== undefined);
  return [randomBytes(16).toString('base64url'), ...wanted].join('.');
}

/** The address of the page that a state remembers, or undefined: the home. */
export function pageOf(state: unknown): string | undefined {
  const found = typeof state === 'string' ? shape.exec(state) : null;
  if (!found) return undefined;
  const [, page, name] = found as unknown as [string, 'sessions' | 'authorizations', string | undefined];
  if (name === undefined) return accountPlaces[page];
  return page === 'authorizations' ? `${accountPlaces.authorizations}/${name}` : undefined;
}
