import type { Clients } from '../clients/clients.ts';
import type { Deliverer } from '../outbox/outbox.ts';
import type { Epochs } from './signing/epochs.ts';

interface LogoutClient {
  readonly backchannelLogoutUri?: string;
  /** Signs a logout token for this account and posts it; throws with the response for anything but 200 and 204. */
  backchannelLogout(accountId: string, sid: string): Promise<void>;
}

/** Why a notice waits: its department is stopped. */
export const clientStopped = 'client-stopped';

/**
 * Delivers a sign-out to one department (OpenID Connect Back-Channel Logout 1.0, section 2.5): the token is made when
 * it is sent, by the epoch in force then, so that one that waited for hours is neither expired nor signed by an old key.
 * Whether the department's address may be called is decided by the instance's own `fetch`. One that is stopped is told
 * when it works again, within the life of its notice; only one whose record takes no notices is given up.
 */
export function deliverLogout(epochs: Epochs, clients: Pick<Clients, 'snapshot'>): Deliverer {
  return async ({ to, body }, signal) => {
    const { accountId, sid } = body as { accountId: string; sid: string };
    const client = (await epochs.current().provider.Client.find(to)) as unknown as LogoutClient | undefined;
    if (!client?.backchannelLogoutUri) {
      const record = clients.snapshot().clients.get(to);
      return record?.backchannel_logout_uri ? { retry: clientStopped } : { dead: 'client-gone' };
    }
    const late = new Promise<'late'>((resolve) => {
      signal.addEventListener('abort', () => resolve('late'), { once: true });
    });
    try {
      const answer = await Promise.race([client.backchannelLogout(accountId, sid), late]);
      return answer === 'late' ? { retry: 'timeout' } : 'delivered';
    } catch (error) {
      const { response, cause } = error as { response?: { status?: number }; cause?: { code?: string } };
      // a name may lead elsewhere tomorrow
      if (cause?.code === 'forbidden-address' || cause?.code === 'breaker-open') return { retry: cause.code };
      return outcomeOf(response?.status);
    }
  };
}

/** Section 2.8 of the same: 400 says that the token was refused, and the same token made again will be too. */
export function outcomeOf(status: number | undefined): { dead: string } | { retry: string } {
  if (status === 400) return { dead: 'refused' };
  return { retry: status === undefined ? 'unreachable' : `http-${status}` };
}
