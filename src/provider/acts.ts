import type { Provider } from 'oidc-provider';
import { accountCenterClient, entered } from './grants.ts';
import { keyOf } from './state/state.ts';
import { type AdapterNeeds, unitOf } from './state/unit.ts';

type Needs = Pick<AdapterNeeds, 'now' | 'stamp'> & {
  /** Seconds. */
  readonly lifetimes: { readonly sessionIdle: number };
};

/** Marks the visit in the session and lays the audit event of each act beside the state it changes. */
export function acts(provider: Provider, needs: Needs): void {
  provider.on('authorization.success', (ctx) => {
    const { session, client } = ctx.oidc as never as {
      session: { accountId: string; uid: string; egret: Record<string, unknown> };
      client: { clientId: string };
    };
    entered(ctx);
    const now = needs.now();
    const noticed = (session.egret.noticed as string[] | undefined) ?? [];
    // whoever came with prompt=none was shown nothing: the notice stays due
    const told = ctx.oidc.prompts.has('none') || noticed.includes(client.clientId);
    const fresh = now - ((session.egret.seen as number | undefined) ?? 0) < needs.lifetimes.sessionIdle * 50;
    if (!fresh || !told) {
      session.egret = {
        ...session.egret,
        seen: fresh ? session.egret.seen : now,
        noticed: told ? noticed : [...noticed, client.clientId],
      };
    }
    const unit = unitOf(ctx);
    unit?.need.add(keyOf('Session', session.uid));
    if (client.clientId !== accountCenterClient) {
      unit?.events.push(
        needs.stamp('authorization.code-issued', { client: client.clientId, account: session.accountId }),
      );
    }
  });
  provider.on('grant.success', (ctx) => {
    const { params, client, entities } = ctx.oidc;
    const type = params?.grant_type === 'refresh_token' ? 'token.refreshed' : 'token.issued';
    const account = entities.Account?.accountId;
    unitOf(ctx)?.events.push(
      needs.stamp(type, { client: client?.clientId, account, what: String(params?.grant_type) }),
    );
  });
}
