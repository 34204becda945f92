import { type Interaction, Provider } from 'oidc-provider';
import { EgretError } from '../errors.ts';
import { browserCookieOf } from '../web/desk.ts';
import { type AttemptNeeds, addressOf } from './attempts.ts';

export interface BegunNeeds extends Pick<AttemptNeeds, 'attempts'> {
  readonly issuer: string;
  /** Counts one sign-in begun at this address. */
  readonly begun: (
    address: string,
    browser: string | undefined,
  ) => Promise<{ readonly allowed: boolean; readonly resetAt: number }>;
}

/**
 * Whoever asks for an authorization begins an interaction, which is kept for half an hour, and needs nothing for it: so
 * many of one network, then EG-1009. A session that stands was counted when it began, and a roam must cost nothing here.
 */
export function capBegun(provider: Provider, { issuer, begun, attempts }: BegunNeeds): void {
  const { prototype } = provider.Interaction;
  const { save } = prototype;
  prototype.save = async function counted(this: Interaction, ttl: number) {
    const { ctx } = Provider;
    if (ctx?.oidc?.route === 'authorization' && !ctx.oidc.session?.accountId) {
      const address = addressOf(ctx);
      const { allowed, resetAt } = await begun(address, ctx.cookies.get(browserCookieOf(issuer)));
      if (!allowed) {
        const detail = { limit: 'interactionsPerAddress', until: resetAt };
        attempts?.note({ type: 'limit.hit', address, code: 'EG-1009', detail });
        // a page of ours, at no address of the department's: exposed, so that it is no fault of the library's
        throw Object.assign(new EgretError('EG-1009', { params: { resetAt } }), { expose: true, statusCode: 429 });
      }
    }
    return await save.call(this, ttl);
  };
}
