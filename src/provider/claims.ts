import type { ClaimsParameterMember } from 'oidc-provider';

/** Which claims a scope gives. Personal data travels only in userinfo, never in an ID token. */
export const claims = {
  openid: ['sub', 'acr', 'amr', 'auth_time', 'sid', 'user_type'],
  profile: ['nickname', 'updated_at'],
  phone: ['phone_number', 'phone_number_verified'],
  realname: ['realname_level', 'realname_name', 'realname_id_masked'],
  identity: ['id_name', 'id_number', 'id_type'],
};

/** Scopes whose claims are somebody's data: reading them is a release, recorded in the same transaction. */
const personalScopes: ReadonlySet<string> = new Set(['profile', 'phone', 'realname', 'identity']);

/** Reads the claims of these scopes for this client and records that they were given (one SQL transaction). */
export type PersonalData = (
  accountId: string,
  clientId: string,
  scopes: readonly string[],
) => Promise<Record<string, unknown> | undefined>;

interface Needs {
  readonly release: PersonalData;
}

/**
 * The account behind a subject, without a look-up: what a roam needs was loaded into the session when it began. Only
 * userinfo with a personal scope asks the records.
 */
export function findAccount(needs: Needs) {
  return async (ctx: { oidc: { client?: { clientId: string } } }, accountId: string) => ({
    accountId,
    async claims(use: string, scope: string, _asked: Record<string, ClaimsParameterMember | null>) {
      const own = { sub: accountId, user_type: 'citizen' };
      const personal = scope.split(' ').filter((name) => personalScopes.has(name));
      if (use !== 'userinfo' || personal.length === 0) return own;
      return { ...own, ...(await needs.release(accountId, ctx.oidc.client?.clientId ?? '', personal)) };
    },
  });
}
