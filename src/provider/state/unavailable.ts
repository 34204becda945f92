import type { Provider } from 'oidc-provider';
import { storeAway } from '../../store/away.ts';

/**
 * The library answers 500 for whatever it does not know. A store that is away is no fault of the request: 503, and when
 * to come again (RFC 6749, 4.1.2.1: `temporarily_unavailable`; DESIGN rule 3). Pages are drawn by `errorPage`.
 */
export function unavailable(provider: Provider): void {
  const met = new WeakMap<object, unknown>();
  provider.on('server_error', (ctx, error) => met.set(ctx, error));
  provider.use(async (ctx, next) => {
    let error: unknown;
    try {
      await next();
      error = met.get(ctx);
    } catch (thrown) {
      if (!storeAway(thrown)) throw thrown;
      error = thrown;
      ctx.body = {};
    }
    const code = error === undefined ? undefined : storeAway(error);
    if (!code) return;
    const { body } = ctx;
    ctx.status = 503;
    ctx.set('retry-after', '1');
    ctx.remove('set-cookie');
    if (typeof body === 'object')
      ctx.body = {
        error: 'temporarily_unavailable',
        error_description: `${code}: a store of the gateway is not reachable, try again`,
      };
  });
}
