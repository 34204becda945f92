import type { FastifyReply, FastifyRequest } from 'fastify';
import type { TransactionSql } from 'postgres';
import type { Accounts } from '../accounts/accounts.ts';
import type { Audit } from '../audit/audit.ts';
import type { ClientRecord, Clients } from '../clients/clients.ts';
import type { Clock } from '../clock.ts';
import type { Consents } from '../consents/consents.ts';
import type { BrowserSession, BrowserSessions, Lifetimes, Visit } from '../provider/provider.ts';
import type { SessionRow, Sessions } from '../sessions/sessions.ts';
import type { Database } from '../store/database.ts';
import type { Desk } from '../web/desk.ts';
import type { PageContext } from '../web/html.ts';
import type { Scope, Way } from '../web/words/items.ts';
import type { Left } from './sessions.view.ts';

export interface AccountCenterNeeds {
  readonly desk: Desk;
  readonly database: Database;
  readonly audit: Audit;
  readonly clock: Clock;
  readonly lifetimes: Pick<Lifetimes, 'sessionIdle'>;
  readonly browserSessions: BrowserSessions;
  readonly sessions: Sessions;
  readonly consents: Consents;
  readonly clients: Pick<Clients, 'snapshot'>;
  readonly accounts: Pick<Accounts, 'accountForClaims'>;
  readonly reference: (accountId: string) => Uint8Array;
  readonly signOut: {
    /** Ends a session of the list, and tells who is concerned. */
    endTarget(target: Target, by: string): Promise<unknown>;
    /** Ends its stay at one department alone, waits a moment for the answer, and names what `left` tells of. */
    leave(target: Target, by: string, clientId: string): Promise<string>;
    /** What is known by now of such an end. */
    left(id: string): Promise<Left | undefined>;
    /** Tells the departments of these stays, within the transaction that ends them. */
    tell(tx: TransactionSql, target: Target): Promise<unknown>;
    /** Tells that of a stay that was left and began after these were read. */
    tellLate(target: Target, left: Visit): Promise<unknown>;
  };
  /** Notices that were written in a transaction of ours go out. */
  readonly kickOutbox: () => void;
}

interface Target {
  readonly digest: string;
  readonly bucket: string;
  readonly accountId: string;
  readonly visits: readonly Visit[];
}

/** A session that stands, with where it is signed in. */
export interface Standing extends SessionRow {
  readonly visits: readonly Visit[];
  /** Epoch milliseconds: the last visit anywhere, to a few minutes. */
  readonly seen: number;
  /** Of this browser. */
  readonly current: boolean;
}

/** What the pages share: who is here, and how a page of theirs is framed. */
export interface Room extends AccountCenterNeeds {
  /** The session of somebody signed in, or undefined when the answer is on its way to the sign-in already. */
  present(request: FastifyRequest, reply: FastifyReply): Promise<BrowserSession | undefined>;
  /** The sessions of this person, this one first; one whose protocol state is gone is over. */
  standing(session: BrowserSession): Promise<readonly Standing[]>;
  frame(request: FastifyRequest, session: BrowserSession): PageContext;
  /** A client that people visit and that is not stopped. */
  client(id: string): ClientRecord | undefined;
}

/** What stands for a client, apart: what was told because the law has it so, and what was agreed to. */
export function given(client: ClientRecord, granted: readonly string[]): { told: Scope[]; agreed: Scope[] } {
  const told = (client.items ?? []).filter(({ group }) => group === 'told').map(({ scope }) => scope);
  const all = client.scopes.filter((scope) => granted.includes(scope));
  return { told: all.filter((scope) => told.includes(scope)), agreed: all.filter((scope) => !told.includes(scope)) };
}

const known: readonly string[] = ['pwd', 'sms', 'tkt'] satisfies Way[];
export const waysOf = (methods: readonly string[]): Way[] =>
  methods.filter((method): method is Way => known.includes(method));
