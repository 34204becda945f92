import { type ClientRecord, departmentOf } from '../clients/clients.ts';
import type { MessageRow } from '../outbox/outbox.ts';
import { clientStopped } from '../provider/provider.ts';
import type { SignOutRecord } from './ending.ts';
import type { SignOutRow } from './result.view.ts';

/** Longer than one attempt may take: a first answer may still be on its way. */
const patience = 6_000;

/** The rows of the result page, as the outbox knows things now. Only an answer of the department's makes it `out`. */
export function rowsOf(
  record: SignOutRecord,
  messages: readonly MessageRow[],
  clients: ReadonlyMap<string, ClientRecord>,
  now: number,
): SignOutRow[] {
  const rows = record.rows.flatMap(({ client: clientId, message, latestEnd }): SignOutRow[] => {
    const client = clients.get(clientId);
    if (!client) return [];
    const about = {
      department: departmentOf(client),
      latestEnd,
      ...(client.sign_out ? { signOutUrl: client.sign_out } : {}),
    };
    if (message === null) return [{ ...about, state: 'no-notice' }];
    const sent = messages.find(({ id }) => id === message);
    if (sent?.state === 'delivered')
      return [{ ...about, state: 'out', ...(sent.answeredAt === null ? {} : { at: sent.answeredAt }) }];
    const early = sent?.state === 'waiting' && sent.lastError === null && now - record.at < patience;
    const untold = sent?.state !== 'waiting' || sent.lastError === clientStopped;
    return [{ ...about, state: early ? 'waiting' : 'silent', ...(untold ? { givenUp: true } : {}) }];
  });
  // what is left to do stands last, beside the way on
  return [...rows.filter(({ state }) => state === 'out'), ...rows.filter(({ state }) => state !== 'out')];
}
