import type { Accounts } from '../accounts/accounts.ts';
import type { Attempts, Audit } from '../audit/audit.ts';
import type { Bridge } from '../bridge/bridge.ts';
import type { Clients } from '../clients/clients.ts';
import type { Consents } from '../consents/consents.ts';
import type { BrowserSession, BrowserSessions, Interactions } from '../provider/provider.ts';
import type { Sessions } from '../sessions/sessions.ts';
import type { Database } from '../store/database.ts';
import type { Desk } from '../web/desk.ts';

export interface SigninNeeds {
  readonly desk: Desk;
  readonly interactions: Interactions;
  readonly browserSessions: BrowserSessions;
  readonly accounts: Accounts;
  readonly consents: Consents;
  readonly sessions: Sessions;
  readonly clients: Pick<Clients, 'snapshot'>;
  readonly bridge: Pick<Bridge, 'loginUrl' | 'redeemTicket' | 'status'>;
  readonly database: Database;
  readonly audit: Audit;
  readonly attempts: Pick<Attempts, 'note'>;
  /** Calls `told` when an interaction of this uid waits: for another browser than the one that asked. */
  readonly stranger: (uid: string, told: () => void) => void;
  readonly reference: (accountId: string) => Uint8Array;
  /** Seconds. */
  readonly lifetimes: { readonly sessionAbsolute: number };
  /** Ends a session everywhere: records, notices, protocol state. */
  readonly endSession: (session: BrowserSession, by: string) => Promise<void>;
  readonly kickOutbox: () => void;
}
