import type { FastifyInstance } from 'fastify';
import { departmentOf } from '../clients/clients.ts';
import { consentLife } from '../consents/consents.ts';
import { choice } from '../web/desk.ts';
import { type Authorization, authorizationsView, withdrawView } from './authorizations.view.ts';
import { accountPlaces } from './menu.view.ts';
import { given, type Room } from './room.ts';

const base = accountPlaces.authorizations;
type ClientRoute = { Params: { client: string } };

/** What a person agreed to: seen, withdrawn, and the notice on the way switched on again. */
export function authorizationPages(scope: FastifyInstance, room: Room): void {
  const { desk, consents, browserSessions } = room;

  scope.get(base, async (request, reply) => {
    const session = await room.present(request, reply);
    if (!session) return reply;
    const all = await consents.standing(session.accountId);
    const rows = Object.entries(all).flatMap(([clientId, standing]): Authorization[] => {
      const { granted, givenAt, noticeOff } = standing;
      const client = room.client(clientId);
      if (!client || (granted.length === 0 && !noticeOff)) return [];
      return [
        {
          department: departmentOf(client),
          ...given(client, granted),
          since: givenAt,
          ...(granted.length > 0 ? { until: givenAt + consentLife, withdraw: `${base}/${clientId}` } : {}),
          reworded: granted.length > 0 && standing.itemsVersion !== client.itemsVersion,
          notice: { action: `${base}/${clientId}/notice`, off: noticeOff },
        },
      ];
    });
    const { done, client } = request.query as { done?: unknown; client?: unknown };
    const about = typeof client === 'string' ? room.client(client) : undefined;
    const what = (['withdrawn', 'notice-on', 'notice-off'] as const).find((each) => each === done);
    const said = about && what ? { done: { what, department: departmentOf(about) } } : {};
    return desk.html(reply, authorizationsView({ rows, ...said }, room.frame(request, session)));
  });

  scope.get<ClientRoute>(`${base}/:client`, async (request, reply) => {
    const session = await room.present(request, reply);
    if (!session) return reply;
    const client = room.client(request.params.client);
    const standing = client && (await consents.find(session.accountId, client.clientId));
    if (!client || !standing) return reply.redirect(base, 303);
    const model = {
      action: `${base}/${client.clientId}`,
      department: departmentOf(client),
      ...given(client, standing.granted),
      since: standing.givenAt,
      until: standing.givenAt + consentLife,
    };
    return desk.html(reply, withdrawView(model, room.frame(request, session)));
  });

  scope.post<ClientRoute>(`${base}/:client`, async (request, reply) => {
    if (!(await desk.allowed(request, reply))) return reply;
    const session = await room.present(request, reply);
    if (!session) return reply;
    const client = room.client(request.params.client);
    if (!client) return desk.refuse(request, reply, 'EG-1002');
    const { clientId } = client;
    // wherever this person is signed in there: told with the record that ends it, which every process refuses by
    const inside = (await room.standing(session)).map((each) => ({
      ...each,
      visits: each.visits.filter((visit) => visit.clientId === clientId),
    }));
    const withdrawn = await consents.withdraw(session.accountId, clientId, 'person', async (tx) => {
      for (const target of inside) await room.signOut.tell(tx, target);
    });
    if (withdrawn) {
      // another process goes on by what its sessions hold until it hears of the record: nothing is left for it there
      // (where the protocol state is away, what is there is of no use to anybody once it has heard)
      for (const { digest, bucket, accountId } of await room.standing(session).catch(() => [])) {
        const left = await browserSessions.leave({ digest, bucket }, clientId, true).catch(() => undefined);
        const visits = inside.find((each) => each.digest === digest)?.visits ?? [];
        if (left) await room.signOut.tellLate({ digest, bucket, accountId, visits }, left);
      }
      room.kickOutbox();
    }
    return reply.redirect(withdrawn ? `${base}?done=withdrawn&client=${clientId}` : base, 303);
  });

  scope.post<ClientRoute>(`${base}/:client/notice`, async (request, reply) => {
    if (!(await desk.allowed(request, reply))) return reply;
    const session = await room.present(request, reply);
    if (!session) return reply;
    const client = room.client(request.params.client);
    if (!client) return desk.refuse(request, reply, 'EG-1002');
    const notice = choice(request, 'notice', ['on', 'off']);
    const { clientId, itemsVersion } = client;
    const now = await consents.setNotice(session.accountId, clientId, notice === 'off', itemsVersion);
    // sessions hold a copy, so that a roam asks no records: whoever sits at one now is asked, or not, from here on
    for (const { digest, bucket } of await room.standing(session))
      await browserSessions.carry({ digest, bucket }, clientId, now);
    return reply.redirect(`${base}?done=notice-${notice}&client=${clientId}`, 303);
  });
}
