/**
 * Every event there is, and the details it may carry. Nothing else is written: a type or a field that is not in this
 * table is refused when it is recorded (EG-1810). People appear only as keyed references (`vault.mac('audit-ref', …)`),
 * so deleting a person leaves the chain valid. Details are words, numbers and times of ours, never what a person typed,
 * never a name, a number, a mobile, an address or a token.
 *
 * An event that belongs to no type here gets a type of its own, in the room's block.
 */
import type { Code } from '../errors.ts';

export const events = {
  // A process, and the trail itself
  'process.started': ['version', 'node', 'role'],
  'process.stopped': ['reason'],
  /** Numbers of a process that were given out for acts that did not happen. */
  'audit.voided': ['numbers', 'why'],
  /** Something without a good MAC was found before it was chained. */
  'audit.rejected': ['count'],
  /** Redis is another than before, or lost its memory: what is single-use and older is void in so many buckets. */
  'store.epoch-begun': ['buckets'],

  // The records as a whole. `made`: the moment of the snapshot (ms); `number`: where its chain ended; `replaced`: how
  // many events the database had that was replaced.
  'records.backed-up': ['made', 'rows', 'number', 'epoch', 'by'],
  'records.restored': ['made', 'rows', 'number', 'replaced', 'sessions', 'by'],

  // Signing in. `browser`: known or new; `left`: tries left; `until`: when the pause ends (ms).
  'sign-in.password': ['browser', 'strength', 'level', 'reason', 'left', 'until', 'session'],
  'sign-in.sms': ['browser', 'strength', 'level', 'reason', 'left', 'until', 'session'],
  'sign-in.second-factor': ['browser', 'strength', 'level', 'reason', 'left', 'until', 'session'],
  'sign-in.province': ['browser', 'strength', 'level', 'reason', 'session', 'province', 'provinceCode'],
  'sign-in.paused': ['way', 'until', 'count'],
  /** More was asked for than the session had; `from` and `to` are acr values. `reason`: declined. */
  'sign-in.step-up': ['from', 'to', 'reason'],
  'session.started': ['session', 'strength', 'level', 'way'],
  /** `by`: person, department, staff, password, account, limit, replay; `scope`: all or client. */
  'session.ended': ['session', 'by', 'scope', 'clients', 'count', 'reason'],
  /** `reason`: parameter, hint, client, target (what a department asked), form, request (what our own form sent). */
  'sign-out.refused': ['reason', 'count'],

  // People
  'account.registered': ['way', 'level', 'reason'],
  'account.disabled': ['by', 'reason', 'sessions'],
  'account.enabled': ['by', 'reason'],
  /** A member of staff saw an account, masked; refused: there was none. `way`: account, mobile, id-number or case. */
  'account.looked-up': ['by', 'way'],
  'account.mobile-added': ['way', 'reason'],
  'account.recovered': ['way', 'reason'],
  'password.set': ['reason'],
  'password.reset': ['reason', 'sessions', 'identityAsked'],
  'password.rehashed': ['parameters'],
  'real-name.checked': ['way', 'level', 'result', 'reason', 'provinceCode', 'trace', 'ms'],
  'real-name.level': ['from', 'to', 'way'],
  'province.linked': ['province', 'level', 'reason'],
  'province.unlinked': ['province'],
  'province.conflict': ['province', 'reason'],
  'code.sent': ['purpose', 'channel', 'reason', 'left', 'until'],
  'code.verified': ['purpose', 'tries'],
  'code.refused': ['purpose', 'reason', 'tries', 'left', 'until'],
  'case.opened': ['kind', 'reason'],
  /** `as`: apart, move-identity or relink (accounts/cases/resolving.ts); `user`: of the operating system, as a reference. */
  'case.resolved': ['kind', 'as', 'user'],
  /** A cap of one network address; budgets of a person stand in the events of what they pay for. */
  'limit.hit': ['limit', 'until', 'count'],

  // Consent and protocol
  'consent.given': ['scopes', 'claims', 'way', 'until', 'session'],
  /** All that was asked, or those items alone that were left out. */
  'consent.declined': ['scopes', 'reason', 'count'],
  'consent.withdrawn': ['scopes', 'claims', 'by', 'reason'],
  'consent.notice': ['choice', 'session'],
  'authorization.code-issued': ['scopes', 'acr', 'amr', 'session', 'grant', 'prompt'],
  /** `error`: the code of the standard; `reason`: a word of ours, as provider/attempts.ts has them. */
  'authorization.refused': ['error', 'reason', 'count'],
  'token.issued': ['grantType', 'tokens', 'scopes', 'kid', 'session', 'grant', 'resource'],
  'token.refreshed': ['tokens', 'scopes', 'kid', 'session', 'grant', 'resource', 'repeated'],
  'token.replayed': ['token', 'session', 'grant', 'reason'],
  'token.revoked': ['token', 'session', 'grant', 'by'],
  /** `at`: the endpoint that it was presented at. */
  'token.refused': ['error', 'at', 'reason', 'count'],
  'introspection.refused': ['error', 'reason', 'count'],
  'personal-data.released': ['claims', 'scopes', 'way', 'session', 'grant'],
  /** `reason`: origin, form-token, field, oversize, duplicate, interaction, session, state, admin-path. */
  'request.refused': ['reason', 'route', 'count'],

  // Departments
  'client.applied': ['change', 'fields', 'by'],
  'client.stopped': ['by', 'reason'],
  'client.restarted': ['by', 'reason'],
  'client.secret': ['step', 'secret', 'by', 'until'],
  /** `at`: the endpoint; `method`: how it showed who it is. */
  'client.refused': ['error', 'at', 'reason', 'method', 'count'],

  // Keys
  'key.created': ['kid', 'kind', 'algorithm', 'state', 'epoch'],
  'key.published': ['kid', 'kind', 'algorithm', 'ripeAt', 'epoch', 'by'],
  'key.activated': ['kid', 'kind', 'algorithm', 'before', 'epoch', 'by'],
  'key.retired': ['kid', 'kind', 'algorithm', 'epoch', 'by'],
  'key.refused': ['kid', 'kind', 'reason', 'until', 'by'],

  // Messages
  'outbox.delivered': ['message', 'kind', 'tries', 'ms'],
  'outbox.dead': ['message', 'kind', 'tries', 'reason'],
  'outbox.retried': ['message', 'kind', 'by'],
} as const satisfies Record<string, readonly string[]>;

export type EventType = keyof typeof events;

/** What a detail may be; a text of at most 200 characters, a list of at most 100 such texts. */
export type Detail = string | number | boolean | readonly string[];

/** A keyed reference to a person, a session or a member of staff: the bytes of `vault.mac`, or their base64url. */
export type Reference = string | Uint8Array;

interface Common {
  readonly outcome: 'success' | 'refused';
  /** Who acted. */
  readonly actor?: Reference;
  /** Whom it concerns. */
  readonly subject?: Reference;
  /** The client id of the department's system. */
  readonly client?: string;
  /** The code of the catalogue, for what was refused. */
  readonly code?: Code;
  /** The case number the citizen was shown. */
  readonly case?: string;
}

export type AuditEvent = {
  [T in EventType]: Common & {
    readonly type: T;
    readonly detail?: { readonly [F in (typeof events)[T][number]]?: Detail };
  };
}[EventType];
