import { randomBytes } from 'node:crypto';
import type { TransactionSql } from 'postgres';
import type { Audit } from '../audit/audit.ts';
import type { Clients } from '../clients/clients.ts';
import type { Clock } from '../clock.ts';
import type { OutboxService } from '../outbox/outbox.ts';
import type { BrowserSession, BrowserSessions, Visit } from '../provider/provider.ts';
import { digestOfUid, type Sessions } from '../sessions/sessions.ts';
import type { Database } from '../store/database.ts';

export interface EndingNeeds {
  readonly database: Database;
  readonly audit: Audit;
  readonly outbox: OutboxService;
  readonly sessions: Sessions;
  readonly browserSessions: BrowserSessions;
  readonly clients: Pick<Clients, 'snapshot'>;
  readonly clock: Clock;
  readonly reference: (accountId: string) => Uint8Array;
}

/** A session to be ended, whoever found it: its own browser, or the account centre by the digest in its list. */
export interface Target {
  readonly digest: string;
  readonly bucket: string;
  readonly accountId: string;
  readonly visits: readonly Visit[];
}

export interface Ended {
  /** Of the page that tells how it went. */
  readonly id: string;
  /** Ids in the outbox, by client. */
  readonly messages: Readonly<Record<string, string>>;
  readonly notified: readonly string[];
  /** Departments that take no notices. */
  readonly silent: readonly string[];
}

/** One department on the result page, as it rests in `sign_outs`. */
export interface Told {
  readonly client: string;
  /** Of the outbox; null where it takes no notices. */
  readonly message: string | null;
  /** Epoch milliseconds. */
  readonly latestEnd: number;
}

export interface Onward {
  readonly client: string;
  readonly href: string;
}

export interface SignOutRecord {
  readonly everything: boolean;
  readonly rows: readonly Told[];
  readonly onward: Onward | null;
  readonly at: number;
}

export const day = 86_400_000;

export const targetOf = (session: BrowserSession): Target => ({
  digest: digestOfUid(session.uid),
  bucket: session.uid.slice(0, 2),
  accountId: session.accountId,
  visits: session.visits,
});

/**
 * Writes a notice to each department of these visits, in the transaction of the act that ends them.
 * @param whole the session ends, which it does once: told of it twice, a department gets one notice. A stay alone may
 * end, and where the protocol state missed that, end again.
 * @returns what the result page keeps of each; a client that is no longer known is left out
 */
export async function tell(
  needs: Pick<EndingNeeds, 'outbox' | 'clients' | 'clock'>,
  tx: TransactionSql,
  { digest, accountId }: Pick<Target, 'digest' | 'accountId'>,
  visits: readonly Visit[],
  whole: boolean,
  now = needs.clock.now(),
): Promise<Told[]> {
  const rows: Told[] = [];
  for (const { clientId, sid } of visits) {
    const client = needs.clients.snapshot().clients.get(clientId);
    if (!client) continue;
    const message = client.backchannel_logout_uri
      ? await needs.outbox.enqueue(tx, {
          kind: 'logout',
          to: clientId,
          body: { accountId, sid },
          key: `${digest}:${clientId}:${sid}:${whole ? 'all' : now}`,
          expiresAt: now + day,
        })
      : null;
    rows.push({ client: clientId, message, latestEnd: now + client.session_minutes * 60_000 });
  }
  return rows;
}

/**
 * Tells the departments that were in the session when it was removed and are not among the target's visits: a process
 * that has not heard of the record goes on issuing, for a second at most, and what it issued stands in what was removed.
 * In a transaction of their own, with what `also` writes of them.
 */
export async function tellLate(
  needs: Pick<EndingNeeds, 'database' | 'outbox' | 'clients' | 'clock'>,
  target: Pick<Target, 'digest' | 'accountId' | 'visits'>,
  removed: readonly Visit[],
  whole: boolean,
  also: (tx: TransactionSql, told: readonly Told[]) => Promise<unknown> = async () => {},
): Promise<readonly Told[]> {
  const known = new Set(target.visits.map(({ sid }) => sid));
  const late = removed.filter(({ sid, pending }) => !pending && !known.has(sid));
  if (late.length === 0) return [];
  return needs.database.begin(async (tx) => {
    const told = await tell(needs, tx, target, late, whole);
    await also(tx, told);
    return told;
  });
}

/**
 * Ends a session, or its stay at one department. The records, the audit event and the notices are one transaction; the
 * protocol state follows, and where it is away, the records refuse the session, or what that department got of it, all
 * the same (DESIGN rule 2). Whoever was in it at its removal is told, and listed.
 * @param by as the audit trail says it: person, department, account …
 */
export async function endTarget(
  needs: EndingNeeds,
  target: Target,
  by: string,
  options: { readonly only?: string; readonly onward?: Onward } = {},
): Promise<Ended> {
  const { database, audit, outbox, sessions, browserSessions, clock } = needs;
  const { only, onward } = options;
  const now = clock.now();
  const visits = only === undefined ? target.visits : target.visits.filter(({ clientId }) => clientId === only);
  const id = randomBytes(16).toString('base64url');
  const first = await database.begin(async (tx) => {
    const stood =
      only === undefined
        ? await sessions.end(tx, { digest: target.digest }, by)
        : visits.length > 0 && (await sessions.endVisit(tx, target.digest, only));
    const told = await tell(needs, tx, target, visits, only === undefined, now);
    if (stood) await audit.record(tx, endedEvent(needs, target.accountId, by, told, only));
    await tx`delete from sign_outs where id in (select id from sign_outs where expires_at < ${new Date(now)} limit 50)`;
    const everything = only === undefined;
    await recordSignOut(tx, { id, session: target.digest, everything, told, onward, at: now, until: now + day });
    return told;
  });
  const which = { digest: target.digest, bucket: target.bucket };
  const removing =
    only === undefined
      ? browserSessions.remove(which)
      : browserSessions.leave(which, only).then((visit) => (visit ? [visit] : []));
  // where it fails, the records have ended it already: every process refuses it, and its time to live clears it away
  const removed = await removing.catch((): readonly Visit[] => []);
  const late = await tellLate(needs, { ...target, visits }, removed, only === undefined, async (tx, told) => {
    await audit.record(tx, endedEvent(needs, target.accountId, by, told, only));
    await tx`update sign_outs set rows = rows || ${JSON.stringify(told)}::text::jsonb where id = ${id}`;
  });
  // not before: a department that came back until the removal hears of it after it did
  outbox.kick();
  const rows = [...first, ...late];
  const messages = Object.fromEntries(rows.flatMap(({ client, message }) => (message ? [[client, message]] : [])));
  const silent = rows.filter(({ message }) => message === null).map(({ client }) => client);
  return { id, messages, notified: Object.keys(messages), silent };
}

/** A session ended, or left one department: who was told stands in it. */
export const endedEvent = (
  needs: Pick<EndingNeeds, 'reference'>,
  accountId: string,
  by: string,
  told: readonly Told[],
  only?: string,
) =>
  ({
    type: 'session.ended',
    outcome: 'success',
    subject: needs.reference(accountId),
    ...(only === undefined ? {} : { client: only }),
    detail: {
      by,
      scope: only === undefined ? 'all' : 'client',
      clients: told.slice(0, 100).map(({ client }) => client),
    },
  }) as const;

/** Writes down whom a sign-out told, for its result page. */
export async function recordSignOut(
  tx: TransactionSql,
  one: {
    readonly id: string;
    readonly session: string;
    readonly everything: boolean;
    readonly told: readonly Told[];
    readonly onward?: Onward;
    /** Epoch milliseconds, as is `until`. */
    readonly at: number;
    readonly until: number;
  },
): Promise<void> {
  const { id, session, everything, told, onward, at, until } = one;
  await tx`insert into sign_outs (id, session, everything, rows, onward, at, expires_at) values (
    ${id}, ${session}, ${everything}, ${JSON.stringify(told)}::text::jsonb,
    ${onward ? JSON.stringify(onward) : null}::text::jsonb, ${new Date(at)}, ${new Date(until)})`;
}

/** What one sign-out told whom, or undefined when there is none of that name, or it is a day old. */
export async function readSignOut(
  needs: Pick<EndingNeeds, 'database' | 'clock'>,
  id: string,
): Promise<SignOutRecord | undefined> {
  if (!/^[\w-]{22}$/.test(id)) return undefined; // anything else in an address, a NUL too, is no name of one
  const [row] = await needs.database.sql<
    { everything: boolean; rows: Told[]; onward: Onward | null; at: Date }[]
  >`select everything, rows, onward, at from sign_outs where id = ${id} and expires_at > ${new Date(needs.clock.now())}`;
  return row && { everything: row.everything, rows: row.rows, onward: row.onward, at: row.at.getTime() };
}
