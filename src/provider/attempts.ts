import type { KoaContextWithOIDC, Provider } from 'oidc-provider';
import type { Attempt, Attempts } from '../audit/audit.ts';
import { keyOf, type ProtocolState } from './state/state.ts';

/**
 * Which refusals of the protocol are attempts, and what the trail is told of them: words of ours, never what was sent.
 * A typo (a missing parameter, a scope that nobody knows) is answered and logged; it is no attempt.
 */
export interface AttemptNeeds {
  readonly state: Pick<ProtocolState, 'load'>;
  /** Absent: nobody is told. */
  readonly attempts?: Pick<Attempts, 'note'>;
  /** Of a client in the records; undefined: there is none of that name. */
  readonly clientState?: (clientId: string) => 'active' | 'stopped' | undefined;
}

interface Failure {
  readonly error: string;
  readonly error_description?: string;
  readonly error_detail?: string;
  /** Of a refusal by the store (unit.ts). */
  readonly why?: string;
}
type Words = readonly (readonly [said: RegExp, reason: string])[];

const assertionWords: Words = [
  [/not found/, 'unknown'],
  [/invalid secret/, 'secret'],
  [/used once/, 'replayed'],
  [/mechanism/, 'method'],
  [/\baud|\biss\b/, 'other-audience'],
  [/alg mismatch|typ of/, 'other-kind'],
  [/\bexp/, 'expired'],
];
const tokenWords: Words = [
  [/code_verifier/, 'pkce'],
  [/already (?:consumed|used)/, 'spent'],
  [/client ?(?:Id )?mismatch/i, 'other-client'],
  [/redirect_uri/, 'redirect-uri'],
  [/expired/, 'expired'],
  [/not found/, 'unknown'],
  [/audience/, 'other-audience'],
];
const requestWords: Words = [
  [/redirect_uri/, 'redirect-uri'],
  [/code_challenge|PKCE/, 'pkce'],
  [/id_token_hint/, 'hint'],
  [/not allowed/, 'not-allowed'],
];
const word = (text: string, words: Words): string | undefined => words.find(([said]) => said.test(text))?.[1];

/** What the standard lets a department ask and a person answer: no attempt. */
const ordinary = new Set([
  'access_denied',
  'login_required',
  'interaction_required',
  'consent_required',
  'account_selection_required',
  'temporarily_unavailable',
]);
const byError: Readonly<Record<string, string>> = {
  invalid_redirect_uri: 'redirect-uri',
  invalid_scope: 'scope',
  unauthorized_client: 'not-allowed',
  unsupported_response_type: 'response',
  unsupported_response_mode: 'response',
  request_not_supported: 'request-object',
  request_uri_not_supported: 'request-object',
  registration_not_supported: 'registration',
};

export function attempts(provider: Provider, needs: AttemptNeeds): void {
  const { attempts: trail } = needs;
  if (!trail) return;
  const note = (ctx: KoaContextWithOIDC, attempt: Attempt, clientId = claimed(ctx)): void => {
    const client = clientId !== undefined && needs.clientState?.(clientId) ? { client: clientId } : {};
    trail.note({ ...attempt, ...client, address: addressOf(ctx) });
  };
  /** Repeated parameters and bodies without an end are sent by nobody who means well. */
  const malformed = (ctx: KoaContextWithOIDC, { error_description: said = '', error_detail: why = '' }: Failure) => {
    const reason = /twice/.test(said) ? 'duplicate' : /too large/.test(why) ? 'oversize' : undefined;
    if (!reason) return false;
    note(ctx, { type: 'request.refused', code: 'EG-1001', detail: { reason, route: ctx.oidc.route } });
    return true;
  };
  const client = (ctx: KoaContextWithOIDC, { error, error_description: said = '', error_detail: why }: Failure) => {
    const other = /client_id mismatch/.test(said);
    if (error !== 'invalid_client' && !other) return false;
    const stopped = needs.clientState?.(claimed(ctx) ?? '') === 'stopped';
    const reason = other ? 'other-client' : stopped ? 'stopped' : (word(why ?? '', assertionWords) ?? 'signature');
    const detail = { error, at: ctx.oidc.route, reason, method: methodOf(ctx) };
    note(ctx, { type: 'client.refused', detail });
    return true;
  };
  const token = (ctx: KoaContextWithOIDC, failure: Failure): void => {
    const { error, error_description: said = '', error_detail: why = said } = failure;
    if (malformed(ctx, failure) || client(ctx, failure)) return;
    // a session or consent that ended while the request ran, and what was spent by a faster one
    const reason = failure.why ?? word(why, tokenWords) ?? byError[error];
    const wrong = ['invalid_grant', 'invalid_token', 'unsupported_token_type'].includes(error);
    if (!wrong && !byError[error]) return;
    note(ctx, { type: 'token.refused', detail: { error, at: ctx.oidc.route, reason: reason ?? 'other' } });
  };
  on(provider, 'grant.error', token);
  on(provider, 'userinfo.error', token);
  on(provider, 'revocation.error', token);
  on(provider, 'introspection.error', (ctx, failure) => {
    const { error } = failure;
    if (malformed(ctx, failure) || client(ctx, failure) || error !== 'unsupported_token_type') return;
    note(ctx, { type: 'introspection.refused', detail: { error, reason: 'structured' } });
  });
  // spent or ended between the read and the write (overrides.ts)
  provider.on('egret.refused' as never, (ctx: KoaContextWithOIDC, why: string) => {
    if (why !== 'spent' && why !== 'gone') return;
    note(ctx, { type: 'token.refused', detail: { error: 'invalid_grant', at: ctx.oidc.route, reason: why } });
  });
  on(provider, 'authorization.error', (ctx, failure) => {
    const { error, error_description: said = '' } = failure;
    if (ordinary.has(error) || failure.why || malformed(ctx, failure)) return;
    if ((failure as object).constructor.name === 'SessionNotFound') {
      const uid = ctx.path.slice(ctx.path.lastIndexOf('/') + 1);
      const attempt = { type: 'request.refused', code: 'EG-1004', detail: { reason: 'interaction', route: 'resume' } };
      noteStranger(needs.state, uid, () => note(ctx, attempt as Attempt));
      return;
    }
    const stopped = needs.clientState?.(claimed(ctx) ?? '') === 'stopped';
    const reason =
      error === 'invalid_client' ? (stopped ? 'stopped' : 'unknown') : (byError[error] ?? word(said, requestWords));
    if (reason) note(ctx, { type: 'authorization.refused', code: 'EG-1602', detail: { error, reason } });
  });
}

/** A client sees its own tokens only; whoever asks about another's is told what it is told of a token that is none. */
export function ownTokens(needs: AttemptNeeds, endpoint: 'introspection' | 'revocation') {
  return (ctx: KoaContextWithOIDC, client: { clientId: string; clientAuthMethod?: string }, token: object): boolean => {
    // a public client's name is anybody's: introspection wants a proof (RFC 7662, 2.1)
    const anybody = endpoint === 'introspection' && client.clientAuthMethod === 'none';
    if (!anybody && (token as { clientId?: string }).clientId === client.clientId) return true;
    const reason = anybody ? 'public-client' : 'other-client';
    const who = { client: client.clientId, address: addressOf(ctx) };
    needs.attempts?.note(
      endpoint === 'introspection'
        ? { type: 'introspection.refused', ...who, detail: { reason } }
        : { type: 'token.refused', ...who, detail: { at: endpoint, reason } },
    );
    return false;
  };
}

/** Calls `told` when an interaction of this uid waits for its own browser: then the one that came is another. */
export function noteStranger(state: Pick<ProtocolState, 'load'>, uid: string, told: () => void): void {
  if (!/^[\w-]{20,64}$/.test(uid)) return;
  state.load(keyOf('Interaction', uid)).then(
    (loaded) => loaded?.entry.consumedAt === 0 && told(),
    () => {}, // a store that is away tells nobody
  );
}

const on = (provider: Provider, event: string, listen: (ctx: KoaContextWithOIDC, failure: Failure) => void): void => {
  provider.on(event as 'grant.error', (ctx, error) => {
    try {
      listen(ctx, error as never as Failure);
    } catch (fault) {
      // a fault of ours in here must not change the answer
      provider.emit('server_error', ctx, fault as Error);
    }
  });
};

/** As mount.ts settled it. */
export const addressOf = (ctx: KoaContextWithOIDC): string => String(ctx.req.headers['x-forwarded-for']);

/** The client that a request says it comes from; nothing is proved by it. */
function claimed({ oidc, query, headers }: KoaContextWithOIDC): string | undefined {
  if (oidc.client) return oidc.client.clientId;
  const given = oidc.params?.client_id ?? oidc.body?.client_id ?? query.client_id;
  if (typeof given === 'string') return given;
  try {
    const [, basic] = /^basic (\S+)$/i.exec(headers.authorization ?? '') ?? [];
    if (basic) return decodeURIComponent(Buffer.from(basic, 'base64').toString().split(':')[0] ?? '');
    const [, claims = ''] = String(oidc.body?.client_assertion ?? '').split('.');
    return String(JSON.parse(Buffer.from(claims, 'base64url').toString()).sub);
  } catch {
    return undefined;
  }
}

const methodOf = ({ oidc, headers }: KoaContextWithOIDC): string =>
  headers.authorization === undefined ? (oidc.body?.client_assertion ? 'assertion' : 'none') : 'basic';
