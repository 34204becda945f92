import { errors, type KoaContextWithOIDC } from 'oidc-provider';
import { EgretError } from '../errors.ts';
import { everyone } from '../sessions/sessions.ts';
import { type AdapterNeeds, unitOf } from './state/unit.ts';

/** Seconds that a client's clock may run ahead of ours. */
export const clockTolerance = 5;
/** Seconds that a client's assertion may be good for; libraries say one to five minutes. */
const longestAssertion = 3_600;

type Claims = Readonly<Record<string, unknown>>;

/**
 * Beyond what the library asks of a client's assertion (RFC 7523, 3). What it says of its own time decides whether the
 * mark of its use may have been lost: it cannot have been used before.
 */
export function checkAssertion(
  needs: Pick<AdapterNeeds, 'now' | 'ended'>,
  ctx: KoaContextWithOIDC,
  { exp, iat, nbf }: Claims,
  { typ }: Claims,
): void {
  const now = needs.now() / 1000;
  // its mark is kept until then, so a client must not fill the store with marks that never go
  if (Number(exp) > now + longestAssertion) throw new errors.InvalidClientAuth('exp too far ahead');
  // the library looks at it only where there is no `exp`
  if (Number(iat ?? 0) > now + clockTolerance) throw new errors.InvalidClientAuth('made in the future');
  // made before a restore: the mark of its use may be gone with the protocol state
  if (needs.ended('account', everyone, Number(iat ?? 0) * 1000))
    throw new errors.InvalidClientAuth('made before the records were restored');
  // signed by the same key for another purpose (a logout token, a request object), it authenticates nobody
  if (typ !== undefined && !/^(?:application\/)?(?:jwt|client-authentication\+jwt)$/i.test(String(typ)))
    throw new errors.InvalidClientAuth('typ of another kind');
  const unit = unitOf(ctx);
  const usable = Math.max(Number(iat ?? 0), Number(nbf ?? 0), Number(exp) - longestAssertion);
  if (unit) unit.usableFrom = (usable - clockTolerance) * 1000;
}

/**
 * The protocol state lost writes when this assertion may have been used already (DESIGN rule 2). A client that authenticates
 * right now is asked to come again, since what it signs in a moment is good.
 */
export function markMayBeLost(usableFrom: number, now: number): Error {
  if (now - usableFrom < 3 * clockTolerance * 1000)
    return new EgretError('EG-1703', { log: 'an assertion as old as the loss of protocol state' });
  return new errors.InvalidClientAuth('made before the mark of its use may have been lost');
}
