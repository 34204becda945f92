import type { Clock } from '../clock.ts';
import type { Vault } from '../keys/keys.ts';
import type { Epochs } from '../provider/provider.ts';
import { audienceOf, type SignOutRequest } from './request.ts';

/** Milliseconds: how long an answer to our question may take. */
const questionLife = 30 * 60_000;

/**
 * A department's request on its way through our question, sealed: what was checked once is not asked for again.
 * `sealRequest` binds it to a session's uid, where one is given.
 */
export function createSeal({ vault, clock }: { readonly vault: Vault; readonly clock: Clock }) {
  const sealRequest = (request: SignOutRequest, uid = ''): string =>
    vault
      .seal(JSON.stringify({ ...request, until: clock.now() + questionLife }), `sign-out:${uid}`)
      .toString('base64url');
  /** Undefined for one that was changed, moved to another session, or has waited too long. */
  const openRequest = (sealed: string, uid = ''): SignOutRequest | undefined => {
    try {
      const { until, ...request } = JSON.parse(vault.open(Buffer.from(sealed, 'base64url'), `sign-out:${uid}`));
      return clock.now() < until ? request : undefined;
    } catch {
      return undefined;
    }
  };
  return { sealRequest, openRequest };
}

/**
 * @param stands whether there is such a client, and it is not stopped
 * @returns the client that an ID token was issued to, as a hint (RP-Initiated Logout 1.0, section 2); undefined for any other token
 */
export function hintVerifier({ epochs }: { readonly epochs: Epochs }, stands: (clientId: string) => boolean) {
  return async (hint: string): Promise<string | undefined> => {
    const clientId = audienceOf(hint);
    if (clientId === undefined || !stands(clientId)) return undefined;
    const { Client, IdToken } = epochs.current().provider;
    const client = await Client.find(clientId);
    if (!client) return undefined;
    try {
      const { header } = (await IdToken.validate(hint, client)) as unknown as { header: { typ?: string } };
      // a logout token is signed by the same key, and no ID token
      return header.typ === undefined || header.typ === 'JWT' ? clientId : undefined;
    } catch {
      return undefined;
    }
  };
}
