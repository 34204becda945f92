import { randomBytes } from 'node:crypto';
import type { Audit } from '../audit/audit.ts';
import type { ClientRecord, Clients } from '../clients/clients.ts';
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
 * Ends a session, or its stay at one department. The records, the audit event and the notices are one transaction; the
 * protocol state follows, and where it is away, the records refuse the session all the same (DESIGN rule 2).
 * @param by as the audit trail says it: person, department, account …
 */
export async function endTarget(
  needs: EndingNeeds,
  target: Target,
  by: string,
  options: { readonly only?: { readonly uid: string; readonly clientId: string }; readonly onward?: Onward } = {},
): Promise<Ended> {
  const { database, audit, outbox, sessions, browserSessions, clock } = needs;
  const { only } = options;
  const now = clock.now();
  const known = needs.clients.snapshot().clients;
  const visits = target.visits.filter(({ clientId }) => known.has(clientId) && (!only || clientId === only.clientId));
  const id = randomBytes(16).toString('base64url');
  const messages: Record<string, string> = {};
  const rows: Told[] = [];
  await database.begin(async (tx) => {
    const stood = only ? visits.length > 0 : await sessions.end(tx, { digest: target.digest }, by);
    for (const { clientId, sid } of visits) {
      const client = known.get(clientId) as ClientRecord;
      const message = client.backchannel_logout_uri
        ? await outbox.enqueue(tx, {
            kind: 'logout',
            to: clientId,
            body: { accountId: target.accountId, sid },
            // a session that comes back to a department gets a new sid there, and its next end is another notice
            key: `${target.digest}:${clientId}:${sid}`,
            expiresAt: now + day,
          })
        : null;
      if (message) messages[clientId] = message;
      rows.push({ client: clientId, message, latestEnd: now + client.session_minutes * 60_000 });
    }
    if (stood)
      await audit.record(tx, {
        type: 'session.ended',
        outcome: 'success',
        subject: needs.reference(target.accountId),
        ...(only ? { client: only.clientId } : {}),
        detail: { by, scope: only ? 'client' : 'all', clients: visits.slice(0, 100).map(({ clientId }) => clientId) },
      });
    await tx`delete from sign_outs where id in (select id from sign_outs where expires_at < ${new Date(now)} limit 50)`;
    await tx`insert into sign_outs (id, session, everything, rows, onward, at, expires_at) values (
      ${id}, ${target.digest}, ${!only}, ${JSON.stringify(rows)}::text::jsonb,
      ${options.onward ? JSON.stringify(options.onward) : null}::text::jsonb, ${new Date(now)}, ${new Date(now + day)})`;
  });
  outbox.kick();
  if (only) await browserSessions.leave(only.uid, only.clientId);
  else
    await browserSessions.remove({ digest: target.digest, bucket: target.bucket }).catch(() => {
      // the records have ended it already: every process refuses it, and its time to live clears it away
    });
  const silent = rows.filter(({ message }) => message === null).map(({ client }) => client);
  return { id, messages, notified: Object.keys(messages), silent };
}

/** What one sign-out told whom, or undefined when there is none of that name, or it is a day old. */
export async function readSignOut(
  needs: Pick<EndingNeeds, 'database' | 'clock'>,
  id: string,
): Promise<SignOutRecord | undefined> {
  const [row] = await needs.database.sql<
    { everything: boolean; rows: Told[]; onward: Onward | null; at: Date }[]
  >`select everything, rows, onward, at from sign_outs where id = ${id} and expires_at > ${new Date(needs.clock.now())}`;
  return row && { everything: row.everything, rows: row.rows, onward: row.onward, at: row.at.getTime() };
}
