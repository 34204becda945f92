import type { FastifyInstance } from 'fastify';
import { departmentOf } from '../clients/clients.ts';
import { field } from '../web/desk.ts';
import { accountPlaces } from './menu.view.ts';
import { type Room, waysOf } from './room.ts';
import { type AccountSession, accountSessionsView } from './sessions.view.ts';

const addresses = {
  end: `${accountPlaces.sessions}/end`,
  leave: `${accountPlaces.sessions}/leave`,
  endOthers: `${accountPlaces.sessions}/end-others`,
} as const;
/** What a button posts: this department, in this session alone. */
const visitOf = (digest: string, clientId: string): string => `${digest}.${clientId}`;

/** The sessions of a person: seen, ended one by one, at one department alone, or all but this one. */
export function sessionPages(scope: FastifyInstance, room: Room): void {
  const { desk, sessions, signOut } = room;

  scope.get(accountPlaces.sessions, async (request, reply) => {
    const session = await room.present(request, reply);
    if (!session) return reply;
    const { done, result } = request.query as { done?: unknown; result?: unknown };
    const shown = await Promise.all(
      (await room.standing(session)).map(
        async ({ digest, device, startedAt, seen, methods, visits, current }): Promise<AccountSession> => {
          const since = await room.browserSessions.since(visits);
          return {
            id: digest,
            device,
            startedAt,
            seen,
            ways: waysOf(methods),
            departments: visits.flatMap(({ clientId }) => {
              const client = room.client(clientId);
              return client
                ? [{ department: departmentOf(client), at: since.get(clientId), visit: visitOf(digest, clientId) }]
                : [];
            }),
            current,
          };
        },
      ),
    );
    const left = done === 'left' && typeof result === 'string' ? await signOut.left(result) : undefined;
    const told = left ? { left } : (['one', 'others'] as const).find((each) => each === done);
    const said = told ? { done: told } : {};
    return desk.html(
      reply,
      accountSessionsView({ sessions: shown, ...addresses, ...said }, room.frame(request, session)),
    );
  });

  scope.post(addresses.end, async (request, reply) => {
    if (!(await desk.allowed(request, reply))) return reply;
    const session = await room.present(request, reply);
    if (!session) return reply;
    const digest = field(request, 'session', 60);
    // only one of this person's own list; another's, or one that is over, looks the same
    const target = (await room.standing(session)).find((each) => each.digest === digest && !each.current);
    if (target) await signOut.endTarget(target, 'person');
    return reply.redirect(`${accountPlaces.sessions}${target ? '?done=one' : ''}`, 303);
  });

  scope.post(addresses.leave, async (request, reply) => {
    if (!(await desk.allowed(request, reply))) return reply;
    const session = await room.present(request, reply);
    if (!session) return reply;
    const wanted = field(request, 'visit', 120);
    for (const target of await room.standing(session))
      for (const { clientId } of target.visits)
        if (visitOf(target.digest, clientId) === wanted) {
          const result = await signOut.leave(target, 'person', clientId);
          return reply.redirect(`${accountPlaces.sessions}?done=left&result=${result}`, 303);
        }
    return reply.redirect(accountPlaces.sessions, 303);
  });

  scope.post(addresses.endOthers, async (request, reply) => {
    if (!(await desk.allowed(request, reply))) return reply;
    const session = await room.present(request, reply);
    if (!session) return reply;
    for (const target of await room.standing(session)) if (!target.current) await signOut.endTarget(target, 'person');
    // and what the list did not show
    await room.database.begin(async (tx) => {
      const count = await sessions.endAll(tx, session.accountId, 'person', { uid: session.uid });
      if (count > 0)
        await room.audit.record(tx, {
          type: 'session.ended',
          outcome: 'success',
          subject: room.reference(session.accountId),
          detail: { by: 'person', scope: 'all', count },
        });
    });
    return reply.redirect(`${accountPlaces.sessions}?done=others`, 303);
  });
}
