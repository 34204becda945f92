import type { Attack } from './attacks.ts';
import type { Answer } from './send.ts';

/** Why an answer that refuses nothing is right: what the endpoint defines for what it does not read. */
interface Harmless {
  readonly route: RegExp;
  readonly method: 'GET' | 'POST';
  readonly answer: (answer: Answer) => boolean;
  readonly why: string;
}

const shows = ({ status }: Answer): boolean => status === 200;
const leads = (pattern: RegExp) => (answer: Answer) =>
  answer.status === 303 && pattern.test(answer.headers.location ?? '');

export const harmless: readonly Harmless[] = [
  { route: /^\/signin\/:uid$/, method: 'GET', answer: shows, why: 'the step this journey is at' },
  {
    route: /^\/signin\/:uid\/province$/,
    method: 'GET',
    answer: leads(/^\/signin\/[\w-]{43}$/),
    why: 'back to a step from which nothing leads to the province',
  },
  {
    route: /^\/(?:accessibility|privacy|terms|faq|outage|sign-out|account.*)$/,
    method: 'GET',
    answer: shows,
    why: 'a page ignores what it does not know in its query',
  },
  {
    route: /^\/(?:assets\/.*|favicon\.ico|jwks|\.well-known\/.*)$/,
    method: 'GET',
    answer: shows,
    why: 'a document is the same whatever stands in its query',
  },
  {
    route: /^\/(?:healthz|readyz|metrics|bridge\/public-keys)$/,
    method: 'GET',
    answer: shows,
    why: 'a document is the same whatever stands in its query',
  },
  { route: /^\/$/, method: 'GET', answer: leads(/^\/account$/), why: 'the home leads to the account centre' },
  {
    route: /^\/account$/,
    method: 'GET',
    answer: leads(/^\/account$/),
    why: 'what a sign-in came back with leaves the address',
  },
  {
    route: /^\/account/,
    method: 'GET',
    answer: leads(/^\/authorize\?client_id=egret-account&/),
    why: 'who is not signed in is sent to sign in',
  },
  {
    route: /^\/account\/authorizations\/:client$/,
    method: 'GET',
    answer: leads(/^\/account\/authorizations$/),
    why: 'a department that was given nothing: the list',
  },
  {
    route: /^\/preferences$/,
    method: 'GET',
    answer: leads(/^\/(?!\/)[!-~]*$/),
    why: 'unknown words are no choice, and the way back is a path of ours',
  },
  {
    route: /^\/authorize$/,
    method: 'GET',
    answer: leads(/^\/signin\/[\w-]{43}$/),
    why: 'optional, or unknown (RFC 6749, 3.1: must be ignored): a sign-in begins',
  },
  {
    route: /^\/authorize$/,
    method: 'GET',
    answer: leads(/^http:\/\/127\.0\.0\.1:9\/callback\?(?:.*&)?error=[a-z_]+&/),
    why: 'an error at the registered address (RFC 6749, 4.1.2.1)',
  },
  { route: /^\/authorize$/, method: 'POST', answer: leads(/^\/authorize\?/), why: 'goes on as a GET, which is judged' },
  {
    route: /^\/session\/end$/,
    method: 'GET',
    answer: leads(/^http:\/\/127\.0\.0\.1:9\/out(?:\?state=|$)/),
    why: 'nobody is signed in: on to the registered address (RP-Initiated Logout 1.0, 3), the state as it came',
  },
  {
    route: /^\/session\/end$/,
    method: 'GET',
    answer: leads(/^\/sign-out\?request=[\w-]+$/),
    why: 'the person is asked; unknown parameters are ignored (RP-Initiated Logout 1.0, 2)',
  },
  {
    route: /^\/session\/end$/,
    method: 'POST',
    answer: leads(/^\/sign-out\?request=[\w-]+$/),
    why: 'the person is asked; unknown parameters are ignored (RP-Initiated Logout 1.0, 2)',
  },
  {
    route: /^\/introspect$/,
    method: 'POST',
    answer: ({ status, body }) => status === 200 && body === '{"active":false}',
    why: 'a token that is none (RFC 7662, 2.2)',
  },
  {
    route: /^\/revoke$/,
    method: 'POST',
    answer: ({ status, body }) => status === 200 && body === '',
    why: 'a token that is none was revoked (RFC 7009, 2.2)',
  },
  {
    route: /^\/account\/sessions\/(?:end|leave)$/,
    method: 'POST',
    answer: leads(/^\/account\/sessions$/),
    why: 'no session of that name: the list as it was',
  },
];

const errors =
  /^(?:invalid_(?:request|client|grant|token|scope)|unsupported_(?:grant_type|token_type|response_type)|unauthorized_client|misdirected|not_found|bad_request)$/;

/** The rows that allow this answer; a HEAD is a GET without its page (RFC 9110, 9.3.2). */
export const allowed = ({ door: { route } }: Attack, answer: Answer): readonly Harmless[] =>
  harmless.filter(
    (each) =>
      (route.method === 'HEAD' ? 'GET' : route.method) === each.method &&
      each.route.test(route.url) &&
      each.answer(answer),
  );

/** What is wrong with this answer, or undefined. Of a refusal: a code of the catalogue, or the error of the standard. */
export function wrong(attack: Attack, answer: Answer): string | undefined {
  const { door, must } = attack;
  const { status, body } = answer;
  const { method } = door.route;
  if (/node_modules|\bat [\w.<>]+ \(|\.(?:ts|js):\d+|\/src\/|FST_ERR/.test(body))
    return `a stack or a path: ${body.slice(0, 200)}`;
  if (
    /<script>alert|^set-cookie: a=b/m.test(body) ||
    answer.headers['set-cookie']?.some((each) => each.startsWith('a=b'))
  )
    return 'what was sent came back alive';
  if (status >= 500 || status < 200) return `status ${status}`;
  if (status >= 400) {
    if (method === 'HEAD') return undefined;
    if (/\bEG-(?:\d{4}|P\d+)\b/.test(body)) return undefined;
    // the form again, with the catalogue's words beside the field; its code is for the help desk's pages
    if (status === 422 && /role="alert"/.test(body)) return undefined;
    try {
      const { error } = JSON.parse(body) as { error?: string };
      if (errors.test(error ?? '')) return undefined;
    } catch {}
    return `${status} without a code: ${body.slice(0, 200)}`;
  }
  if (must) return `taken: ${status} ${answer.headers.location ?? ''}`;
  const known = allowed(attack, answer).length > 0;
  return known
    ? undefined
    : `no success that this endpoint defines: ${status} ${answer.headers.location ?? body.slice(0, 200)}`;
}
