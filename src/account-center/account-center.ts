/**
 * The account centre: what somebody who is signed in sees of their account. It owns the pages of the home, the sessions
 * and the authorisations; it does not own what they show (accounts, sessions, consents, clients) nor how a session ends
 * and its departments are told: that arrives as `signOut`. Whoever is not signed in goes to sign in and comes back.
 * Routes: GET /account · GET /account/sessions, POST /account/sessions/end, /account/sessions/leave,
 * /account/sessions/end-others · GET /account/authorizations, GET, POST /account/authorizations/:client, POST /account/authorizations/:client/notice.
 */
import { randomBytes } from 'node:crypto';
import type { FastifyInstance, FastifyReply, FastifyRequest } from 'fastify';
import { departmentOf } from '../clients/clients.ts';
import { levelOf } from '../policy/policy.ts';
import { accountCenterClient, paths } from '../provider/provider.ts';
import { digestOfUid } from '../sessions/sessions.ts';
import { places } from '../web/layout.view.ts';
import { authorizationPages } from './authorizations.ts';
import { pageOf, stateFor } from './deep-links.ts';
import { accountHomeView, type Recent } from './home.view.ts';
import { type AccountCenterNeeds, given, type Room, waysOf } from './room.ts';
import { sessionPages } from './sessions.ts';

export type { AccountCenterNeeds } from './room.ts';

/** Our own page is a client like any other, with response type `none`: there is nothing to redeem. */
function signInAddress(issuer: string, state: string, acr?: string): string {
  const asked = new URLSearchParams({
    client_id: accountCenterClient,
    response_type: 'none',
    scope: 'openid',
    redirect_uri: `${issuer}${places.account}`,
    state,
    ...(acr ? { acr_values: acr } : {}),
  });
  return `${paths.authorization}?${asked}`;
}

export async function accountCenter(scope: FastifyInstance, needs: AccountCenterNeeds): Promise<void> {
  const { desk, clock, lifetimes, sessions } = needs;
  const room: Room = {
    ...needs,
    async present(request, reply) {
      const session = await needs.browserSessions.read(request.cookies[desk.cookieName]);
      if (session && clock.now() - session.seen <= lifetimes.sessionIdle * 1000) return session;
      // who came back without signing in is not sent round again
      if ((request.query as { error?: unknown }).error !== undefined) desk.refuse(request, reply, 'EG-1602');
      else reply.header('cache-control', 'no-store').redirect(signInAddress(desk.issuer, stateFor(request.url)), 303);
      return undefined;
    },
    async standing({ uid, accountId }) {
      const here = digestOfUid(uid);
      const seen = await Promise.all(
        (await sessions.list(accountId)).map(async (row) => ({
          ...row,
          inside: await needs.browserSessions.visits(row.digest, row.bucket),
        })),
      );
      return seen
        .flatMap(({ inside, ...row }) =>
          inside?.accountId === accountId
            ? [{ ...row, visits: inside.visits, seen: inside.seen, current: row.digest === here }]
            : [],
        )
        .sort((a, b) => Number(b.current) - Number(a.current));
    },
    frame: (request, { maskedName, seen }) => ({
      ...desk.context(request, { person: { maskedName } }),
      sessionEnd: {
        at: seen + lifetimes.sessionIdle * 1000,
        stay: signInAddress(desk.issuer, stateFor(request.url)),
      },
    }),
    client(id) {
      const client = needs.clients.snapshot().clients.get(id);
      return client?.state === 'active' ? client : undefined;
    },
  };
  scope.get(places.account, (request, reply) => home(room, request, reply));
  sessionPages(scope, room);
  authorizationPages(scope, room);
}

async function home(room: Room, request: FastifyRequest, reply: FastifyReply): Promise<FastifyReply> {
  const { desk, sessions, consents, accounts, clients } = room;
  const session = await room.present(request, reply);
  if (!session) return reply;
  const { state: from } = request.query as { state?: unknown };
  // back from the sign-in: to the page that was wanted, and without what the answer carried
  if (from !== undefined)
    return reply.header('cache-control', 'no-store').redirect(pageOf(from) ?? places.account, 303);
  const [rows, standing, account] = await Promise.all([
    sessions.list(session.accountId),
    consents.standing(session.accountId),
    accounts.accountForClaims(session.accountId),
  ]);
  const level = account?.level ?? levelOf(session.acr)?.realName ?? 0;
  const recent: Recent[] = [
    ...rows.map(
      ({ startedAt, methods, device }): Recent => ({ kind: 'sign-in', at: startedAt, ways: waysOf(methods), device }),
    ),
    ...Object.entries(standing).flatMap(([clientId, { granted, givenAt }]): Recent[] => {
      const client = room.client(clientId);
      if (!client || granted.length === 0) return [];
      return [{ kind: 'consent', at: givenAt, department: departmentOf(client), ...given(client, granted) }];
    }),
  ];
  const state = randomBytes(16).toString('base64url');
  const model = {
    nameMasked: account?.nameMasked ?? account?.mobileMasked ?? session.maskedName,
    level,
    ...(level === 0 ? { verify: signInAddress(desk.issuer, state, 'urn:egret:r1a1') } : {}),
    departments: [...clients.snapshot().clients.values()]
      .filter(({ state, kind }) => state === 'active' && kind !== 'service')
      .map((client) => ({ department: departmentOf(client), href: client.home })),
    recent: recent.sort((a, b) => b.at - a.at).slice(0, 6),
  };
  return desk.html(reply, accountHomeView(model, room.frame(request, session)));
}
