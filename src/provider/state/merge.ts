import { keyOf, type Put } from './state.ts';

// biome-ignore lint/suspicious/noExplicitAny: a payload is whatever the library's model puts in it
export type Payload = Record<string, any>;

/**
 * Three-way merge of a session: what this request changed, laid over what others wrote meanwhile. Where both changed the
 * visit of one client, the earlier write stands (and has begun when either says so); a login in either decides the cookie, and two of them agree on it.
 */
export function merged(base: Payload, mine: Payload, theirs: Payload, puts: (Put & { body: Payload })[]): Payload {
  const result: Payload = { ...theirs };
  for (const field of Object.keys({ ...base, ...mine })) {
    if (field !== 'authorizations' && field !== 'egret' && changed(mine[field], base[field]))
      result[field] = mine[field];
  }
  const [was, own, other] = [base, mine, theirs].map((body) => (body.egret ?? {}) as Payload) as [
    Payload,
    Payload,
    Payload,
  ];
  const added = (own.noticed ?? []).filter((client: string) => !was.noticed?.includes(client));
  const consents = Object.entries(own.consents ?? {}).filter(([client, each]) => changed(each, was.consents?.[client]));
  result.egret = {
    ...(mine.jti === base.jti ? other : own),
    seen: Math.max(own.seen ?? 0, other.seen ?? 0),
    noticed: [...new Set([...(other.noticed ?? []), ...added])],
    consents: { ...other.consents, ...Object.fromEntries(consents) },
  };
  const clients = new Set(Object.keys({ ...base.authorizations, ...mine.authorizations, ...theirs.authorizations }));
  result.authorizations = {};
  for (const client of clients) {
    const [was, own, other] = [base, mine, theirs].map((body) => body.authorizations?.[client]);
    const chosen = !changed(own, was) || (other && changed(other, was)) ? other : own;
    if (chosen) result.authorizations[client] = chosen;
    if (chosen?.pending && own && !own.pending && (!was || was.pending)) {
      const { pending: _, ...begun } = chosen;
      result.authorizations[client] = begun;
    }
    if (own?.grantId && other?.grantId && chosen === other && own.grantId !== other.grantId) {
      for (const put of puts) follow(put, own, other);
    }
  }
  return result;
}

const changed = (now: unknown, before: unknown): boolean => JSON.stringify(now) !== JSON.stringify(before);

/** Hangs what this request is about to write on the grant that another request of the session wrote first. */
function follow(put: Put & { body: Payload }, own: Payload, other: Payload): void {
  if (put.body.grantId === own.grantId)
    Object.assign(put.body, { grantId: other.grantId, ...(put.body.sid ? { sid: other.sid } : {}) });
  else if (put.key === keyOf('Grant', own.grantId)) Object.assign(put, { key: keyOf('Grant', other.grantId) });
}
