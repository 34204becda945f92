import type { KoaContextWithOIDC } from 'oidc-provider';
import { beyond, levelOf } from '../policy/policy.ts';
import type { EndedBy } from './state/unit.ts';

/** What a person agreed to give one client, as the session carries it. */
export interface Standing {
  readonly granted: readonly string[];
  readonly declined: readonly string[];
  readonly noticeOff: boolean;
  /** Epoch milliseconds. */
  readonly givenAt: number;
  /** Which wording of the client's items was shown: it counts for no other (《个人信息保护法》第十四条). */
  readonly itemsVersion: string;
}

/** The client id of our own account centre: signed in by the same session, never listed, asked nothing. */
export const accountCenterClient = 'egret-account';

export interface GrantNeeds {
  /** The standing consent of a person for a client: one SQL look-up, made only when the session does not hold it. */
  readonly consent: (accountId: string, clientId: string) => Promise<Standing | undefined>;
  readonly ended: EndedBy;
}

interface CarriedSession {
  accountId: string;
  acr?: string;
  uid: string;
  egret: { started: number; consents?: Record<string, Standing> };
  grantIdFor(clientId: string): string | undefined;
  authorizationFor(clientId: string, value?: object): { sid?: string; pending?: true };
}

/**
 * A visit has begun once a code was issued: before that, at our notice or its consent page, the person is not at the
 * department yet, and a sign-out must not name it.
 */
export function entered(ctx: KoaContextWithOIDC): void {
  const session = ctx.oidc.session as unknown as CarriedSession;
  delete session.authorizationFor(ctx.oidc.client!.clientId, {}).pending;
}

/**
 * The grant of this session and client. It belongs to this session alone and is rebuilt from the consent record, so
 * one replayed code ends one authorisation and not every device. The record is looked up only when the session does
 * not hold it or does not cover what is asked, in the client's present wording. What this session's level is too low for
 * stands in the grant as rejected, without being declined: with the level it is asked for.
 */
export async function loadGrant(ctx: KoaContextWithOIDC, needs: GrantNeeds) {
  const { client, provider, requestParamOIDCScopes: asked } = ctx.oidc;
  const session = ctx.oidc.session as unknown as CarriedSession;
  const { clientId, items_version: version } = client as unknown as { clientId: string; items_version?: string };
  let standing = session.egret?.consents?.[clientId];
  if (standing && needs.ended('consent', `${session.accountId}\n${clientId}`, standing.givenAt)) standing = undefined;
  const grantId = session.grantIdFor(clientId);
  const visit = session.authorizationFor(clientId, {});
  if (!visit.sid) visit.pending = true;
  const existing = grantId ? await provider.Grant.find(grantId) : undefined;
  const realName = levelOf(session.acr)?.realName ?? 0;
  const tooHigh = [...asked].filter((scope) => beyond(scope, realName));
  const openOnly = [...asked].every((scope) => scope === 'openid');
  if (!openOnly && (!covers(standing, asked, tooHigh, version) || ctx.oidc.result?.consent)) {
    // given elsewhere since this session began, or on the page this request comes back from, where the person may also
    // have taken back what the session still holds: one look-up before asking
    standing = await needs.consent(session.accountId, clientId);
    if (standing) session.egret = { ...session.egret, consents: { ...session.egret.consents, [clientId]: standing } };
  }
  if (clientId !== accountCenterClient && !openOnly && standing?.itemsVersion !== version) return undefined;
  const granted = ['openid', ...(standing?.granted ?? [])].join(' ');
  const rejected = new Set([
    ...(standing?.declined ?? []),
    ...tooHigh.filter((scope) => !standing?.granted.includes(scope)),
  ]);
  const declined = [...rejected].join(' ');
  if (existing && existing.getOIDCScope() === granted && existing.getRejectedOIDCScope() === declined) return existing;
  const grant = existing ?? new provider.Grant({ accountId: session.accountId, clientId });
  grant.openid = { scope: granted };
  grant.rejected = declined ? { openid: { scope: declined } } : undefined;
  await grant.save();
  return grant;
}

const covers = (
  standing: Standing | undefined,
  asked: ReadonlySet<string>,
  tooHigh: readonly string[],
  version: string | undefined,
): boolean =>
  standing !== undefined &&
  standing.itemsVersion === version &&
  [...asked].every((scope) => ['openid', ...tooHigh, ...standing.granted, ...standing.declined].includes(scope));
