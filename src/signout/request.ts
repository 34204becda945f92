/** What a department may ask for at its sign-out address, checked one by one before anything is shown or sent on. */

/** A request that holds: nothing in it was taken from the department unchecked. */
export interface SignOutRequest {
  /** Named by its hint or its client id; absent: only "all" can be offered. */
  readonly clientId?: string;
  /** A registered address of that client, with its state. */
  readonly target?: string;
  readonly uiLocales?: string;
}

export type Checked =
  | { readonly ok: true; readonly request: SignOutRequest }
  | { readonly ok: false; readonly reason: 'parameter' | 'hint' | 'client' | 'target' };

export interface RequestChecks {
  /** The client a hint was issued to, when its signature, issuer and audience hold; an expired one does too. */
  readonly verifyHint: (hint: string) => Promise<string | undefined>;
  /** Registered post-logout addresses of a client that stands, or undefined. */
  readonly addresses: (clientId: string) => readonly string[] | undefined;
}

const limits = {
  id_token_hint: 8192,
  client_id: 100,
  post_logout_redirect_uri: 500,
  state: 2000,
  ui_locales: 200,
} as const;
type Name = keyof typeof limits;

/**
 * OpenID Connect RP-Initiated Logout 1.0, section 2: the hint, the client id it must agree with, and an address that is
 * exactly a registered one. Unknown parameters are ignored, as the standard says; a repeated one is not.
 */
export async function checkRequest(given: unknown, checks: RequestChecks): Promise<Checked> {
  const read = parameters(given);
  if (!read) return { ok: false, reason: 'parameter' };
  const { id_token_hint: hint, client_id: named, post_logout_redirect_uri: address, state, ui_locales } = read;
  const hinted = hint === undefined ? undefined : await checks.verifyHint(hint);
  if (hint !== undefined && hinted === undefined) return { ok: false, reason: 'hint' };
  if (hinted !== undefined && named !== undefined && hinted !== named) return { ok: false, reason: 'client' };
  const clientId = hinted ?? named;
  const registered = clientId === undefined ? undefined : checks.addresses(clientId);
  if (clientId !== undefined && !registered) return { ok: false, reason: 'client' };
  if (address !== undefined && !registered?.includes(address)) return { ok: false, reason: 'target' };
  return {
    ok: true,
    request: {
      ...(clientId !== undefined ? { clientId } : {}),
      ...(address !== undefined ? { target: withState(address, state) } : {}),
      ...(ui_locales !== undefined ? { uiLocales: ui_locales } : {}),
    },
  };
}

/** Single texts within their limits, or undefined when one is repeated, too long or holds a NUL. */
function parameters(given: unknown): Partial<Record<Name, string>> | undefined {
  const read: Partial<Record<Name, string>> = {};
  for (const name of Object.keys(limits) as Name[]) {
    const value = (given as Record<string, unknown> | null | undefined)?.[name];
    if (value === undefined || value === '') continue;
    if (typeof value !== 'string' || value.length > limits[name] || value.includes('\0')) return undefined;
    read[name] = value;
  }
  return read;
}

function withState(address: string, state: string | undefined): string {
  if (state === undefined) return address;
  const url = new URL(address);
  url.searchParams.set('state', state);
  return url.href;
}

/** The client id a token says it was issued to. Nothing is verified: it only tells whose settings verify it. */
export function audienceOf(token: string): string | undefined {
  try {
    const { aud } = JSON.parse(Buffer.from(token.split('.')[1] ?? '', 'base64url').toString('utf8')) as {
      aud?: unknown;
    };
    return typeof aud === 'string' ? aud : undefined;
  } catch {
    return undefined;
  }
}
