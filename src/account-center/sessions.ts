import type { FastifyInstance } from 'fastify';
import { departmentOf } from '../clients/clients.ts';
import { field } from '../web/desk.ts';
import { accountPlaces } from './menu.view.ts';
import { type Room, waysOf } from './room.ts';
import { type AccountSession, accountSessionsView } from './sessions.view.ts';

const addresses = { end: `${accountPlaces.sessions}/end`, endOthers: `${accountPlaces.sessions}/end-others` } as const;

/** The sessions of a person: seen, ended one by one, or all but this one. */
export function sessionPages(scope: FastifyInstance, room: Room): void {
  const { desk, sessions, signOut } = room;

  scope.get(accountPlaces.sessions, async (request, reply) => {
    const session = await room.present(request, reply);
    if (!session) return reply;
    const { done } = request.query as { done?: unknown };
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
              return client ? [{ department: departmentOf(client), at: since.get(clientId) }] : [];
            }),
            current,
          };
        },
      ),
    );
    const said = done === 'one' || done === 'others' ? { done: done as 'one' | 'others' } : {};
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
