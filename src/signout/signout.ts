/**
 * Signing out: the department's request, our question, the end of a session here and the notices to departments, and
 * the page that says who has answered. It owns the table `sign_outs`; it does not own sessions (sessions, provider),
 * how a notice is sent (outbox, provider), nor the account centre, which ends other sessions through `endTarget`.
 * Routes: GET, POST /session/end · GET, POST /sign-out · GET /sign-out/result/:id.
 */
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import type { TransactionSql } from 'postgres';
import type { Attempts, AuditTrail } from '../audit/audit.ts';
import { departmentOf } from '../clients/clients.ts';
import { type Code, EgretError } from '../errors.ts';
import type { Vault } from '../keys/keys.ts';
import { type BrowserSession, type Epochs, type Lifetimes, paths, type Visit } from '../provider/provider.ts';
import { choice, type Desk, field } from '../web/desk.ts';
import { places } from '../web/layout.view.ts';
import {
  type Ended,
  type EndingNeeds,
  endTarget,
  type Onward,
  readSignOut,
  type SignOutRecord,
  type Target,
  targetOf,
  tell,
  tellLate,
} from './ending.ts';
import { endNow } from './later.ts';
import { createSeal, hintVerifier } from './question.ts';
import { checkRequest, type SignOutRequest } from './request.ts';
import { rowsOf } from './result.ts';
import { type SignOutRow, signOutResultView } from './result.view.ts';
import { nobodySignedInView, signOutView } from './sign-out.view.ts';

export type { Ended, Target } from './ending.ts';
export { settleLater } from './later.ts';
export { tellOfEndings } from './notices.ts';

export interface SignOutNeeds extends EndingNeeds {
  readonly desk: Desk;
  readonly audit: AuditTrail;
  readonly attempts: Pick<Attempts, 'note'>;
  /** No process reaches the records. */
  readonly withoutRecords: () => boolean;
  readonly epochs: Epochs;
  readonly vault: Vault;
  readonly lifetimes: Pick<Lifetimes, 'sessionIdle'>;
}

export interface SignOut {
  /** Mounts the routes; form bodies are parsed in that scope. */
  routes(scope: FastifyInstance): Promise<void>;
  /** Ends this session everywhere. */
  endSession(session: BrowserSession, by: string): Promise<Ended>;
  /** The same for a session of the account centre's list. */
  endTarget(target: Target, by: string): Promise<Ended>;
  /** Ends its stay at one department alone, waits a moment for the answer, and names what `left` tells of. */
  leave(target: Target, by: string, clientId: string): Promise<string>;
  /** What is known by now of a stay that was ended alone; undefined for any other name, and after a day. */
  left(id: string): Promise<SignOutRow | undefined>;
  /** Writes the notices of these stays alone, in the transaction of the act that ends them; kick the outbox after it. */
  tell(tx: TransactionSql, target: Target): Promise<unknown>;
  /** The same for a stay that was left and is not among them: it began after they were read. */
  tellLate(target: Target, left: Visit): Promise<unknown>;
}

/** How long we wait for the departments' answers. */
const wait = 3_000;

export function createSignOut(needs: SignOutNeeds): SignOut {
  const { desk, clock, outbox } = needs;
  /** @param named what the request called its client; told only where there is one of that name */
  const refused = (
    request: FastifyRequest,
    reply: FastifyReply,
    reason: string,
    code: Code,
    named?: unknown,
  ): FastifyReply => {
    const client = typeof named === 'string' && needs.clients.snapshot().clients.has(named) ? { client: named } : {};
    needs.attempts.note({ type: 'sign-out.refused', address: request.ip, code, ...client, detail: { reason } });
    return desk.refuse(request, reply, code, { reason });
  };
  const clientOf = (id: string | undefined) => {
    const client = id === undefined ? undefined : needs.clients.snapshot().clients.get(id);
    return client?.state === 'active' ? client : undefined;
  };

  /** Who is signed in here; an ended session is nobody's. An idle one can still be signed out of. */
  const present = (request: FastifyRequest) => needs.browserSessions.read(request.cookies[desk.cookieName]);

  /** Whoever sits at a browser that was left alone for long is not told whose it is; signing out stays open. */
  const personOf = ({ maskedName, seen }: BrowserSession) =>
    clock.now() - seen > needs.lifetimes.sessionIdle * 1000 ? {} : { person: { maskedName } };

  const { sealRequest, openRequest } = createSeal(needs);
  const verifyHint = hintVerifier(needs, (id) => clientOf(id) !== undefined);
  const check = (given: unknown) =>
    checkRequest(given, {
      verifyHint,
      addresses: (id) => clientOf(id) && (clientOf(id)?.post_logout_redirect_uris ?? []),
    });

  const onwardOf = ({ clientId, target }: SignOutRequest) => {
    const client = clientOf(clientId);
    return client && target ? { href: target, department: departmentOf(client) } : undefined;
  };

  const rowsNow = async (record: SignOutRecord): Promise<SignOutRow[]> => {
    const messages = await outbox.results(record.rows.flatMap(({ message }) => message ?? []));
    return rowsOf(record, messages, needs.clients.snapshot().clients, clock.now());
  };

  const nobody = (request: FastifyRequest, reply: FastifyReply, asked: SignOutRequest): FastifyReply => {
    const onward = onwardOf(asked);
    const context = desk.context(request, asked);
    return desk.html(reply, nobodySignedInView({ signIn: places.account, ...(onward ? { onward } : {}) }, context));
  };

  async function ask(
    request: FastifyRequest,
    reply: FastifyReply,
    session: BrowserSession,
    asked: SignOutRequest,
  ): Promise<FastifyReply> {
    const since = await needs.browserSessions.since(session.visits);
    const client = clientOf(asked.clientId);
    const inside = session.visits.flatMap(({ clientId }) => clientOf(clientId) ?? []);
    const only = client && inside.includes(client) ? { only: departmentOf(client) } : {};
    return desk.html(
      reply,
      signOutView(
        {
          action: places.signOut,
          fields: { request: sealRequest(asked, session.uid) },
          departments: inside.map((each) => {
            const at = since.get(each.clientId);
            return { department: departmentOf(each), ...(at === undefined ? {} : { at }) };
          }),
          ...only,
          back: client?.home ?? places.account,
        },
        desk.context(request, { ...personOf(session), ...asked }),
      ),
    );
  }

  /** A department's request. What was checked goes on sealed, so that no hint stands in a later address. */
  async function fromDepartment(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    const given = (request.method === 'POST' ? request.body : request.query) as { client_id?: unknown } | undefined;
    const checked = await check(given);
    if (!checked.ok) return refused(request, reply, checked.reason, 'EG-1501', given?.client_id);
    reply.header('cache-control', 'no-store');
    // a post of another site carries no cookie (SameSite=Lax): who is signed in shows on the way back by GET
    if (request.method === 'GET' && checked.request.target && !(await present(request)))
      return reply.redirect(checked.request.target, 303);
    return reply.redirect(`${places.signOut}?request=${sealRequest(checked.request)}`, 303);
  }

  const forget = (reply: FastifyReply): void => {
    const secure = desk.issuer.startsWith('https:');
    reply.clearCookie(desk.cookieName, { path: '/', httpOnly: true, sameSite: 'lax', secure });
  };

  /** The session ends now; who is told of it, and when, the result page can say once the records are back. */
  async function withoutRecords(
    request: FastifyRequest,
    reply: FastifyReply,
    session: BrowserSession,
    onward: Onward | undefined,
  ): Promise<FastifyReply> {
    const ended = await endNow(needs, targetOf(session), onward);
    forget(reply);
    if (!ended) return nobody(request, reply, {});
    const rows = rowsOf(
      { everything: true, rows: ended.told, onward: onward ?? null, at: clock.now() },
      [],
      needs.clients.snapshot().clients,
      clock.now(),
    );
    const further = onwardOf({ clientId: onward?.client, target: onward?.href } as SignOutRequest);
    return desk.html(
      reply,
      signOutResultView(
        {
          everything: true,
          rows,
          ...(further ? { onward: further } : {}),
          refresh: `${places.signOut}/result/${ended.id}`,
        },
        desk.context(request),
      ),
    );
  }

  async function answer(request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
    if (!(await desk.allowed(request, reply))) return reply;
    const chosen = choice(request, 'choice', ['all', 'one']);
    const sealed = field(request, 'request', 8_000);
    const session = await present(request);
    if (!session) return nobody(request, reply, {});
    const asked = sealed === undefined ? {} : openRequest(sealed, session.uid);
    if (!asked) return refused(request, reply, 'request', 'EG-1004');
    const one = chosen === 'one' ? asked.clientId : undefined;
    if (chosen === 'one' && one === undefined)
      throw new EgretError('EG-1001', { log: 'one department, and none named' });
    const onward = asked.clientId && asked.target ? { client: asked.clientId, href: asked.target } : undefined;
    if (one === undefined && needs.withoutRecords()) return withoutRecords(request, reply, session, onward);
    const ended = await endTarget(needs, targetOf(session), 'person', {
      ...(one === undefined ? {} : { only: one }),
      ...(onward ? { onward } : {}),
    });
    if (one === undefined) forget(reply);
    const results = await outbox.awaitResult(Object.values(ended.messages), wait);
    const all = ended.silent.length === 0 && results.every(({ state }) => state === 'delivered');
    if (all && onward) return desk.onward(request, reply, onward.href);
    return reply.redirect(`${places.signOut}/result/${ended.id}`, 303);
  }

  return {
    endSession: (session, by) => endTarget(needs, targetOf(session), by),
    endTarget: (target, by) => endTarget(needs, target, by),
    async leave(target, by, clientId) {
      const { id, messages } = await endTarget(needs, target, by, { only: clientId });
      await outbox.awaitResult(Object.values(messages), wait);
      return id;
    },
    async left(id) {
      const record = await readSignOut(needs, id);
      return record && !record.everything ? (await rowsNow(record))[0] : undefined;
    },
    tell: (tx, target) => tell(needs, tx, target, target.visits, false),
    tellLate: (target, left) => tellLate(needs, target, [left], false),
    async routes(scope) {
      scope.get(paths.end_session, fromDepartment);
      scope.post(paths.end_session, fromDepartment);
      scope.get(places.signOut, async (request, reply) => {
        const { request: sealed } = request.query as { request?: unknown };
        const asked = sealed === undefined ? {} : typeof sealed === 'string' ? openRequest(sealed) : undefined;
        if (!asked) return desk.refuse(request, reply, 'EG-1004');
        const session = await present(request);
        if (session) return ask(request, reply, session, asked);
        return asked.target ? reply.redirect(asked.target, 303) : nobody(request, reply, asked);
      });
      scope.post(places.signOut, answer);
      scope.get<{ Params: { id: string } }>(`${places.signOut}/result/:id`, async (request, reply) => {
        const record = await readSignOut(needs, request.params.id);
        if (!record) return desk.refuse(request, reply, 'EG-1002');
        const session = await present(request);
        const onward = onwardOf({ clientId: record.onward?.client, target: record.onward?.href } as SignOutRequest);
        return desk.html(
          reply,
          signOutResultView(
            {
              everything: record.everything,
              rows: await rowsNow(record),
              ...(onward ? { onward } : {}),
              refresh: `${places.signOut}/result/${request.params.id}`,
              ...(session ? {} : { signIn: places.account }),
            },
            desk.context(request, session ? personOf(session) : {}),
          ),
        );
      });
    },
  };
}
