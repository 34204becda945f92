import type { FastifyReply } from 'fastify';
import type { Item } from '../../clients/clients.ts';
import { consentLife } from '../../consents/consents.ts';
import { beyond, levelOf } from '../../policy/policy.ts';
import { contextOf, type Journey } from '../journey.ts';
import type { SigninNeeds } from '../needs.ts';
import { consentView } from './consent.view.ts';
import type { ConsentGroup, ConsentItem } from './consent-items.view.ts';
import { roamingView } from './roaming.view.ts';

/** The two pages of a person who is signed in: 你已登录, and what a department asks for. */
export async function drawRoaming(needs: SigninNeeds, journey: Journey): Promise<FastifyReply> {
  const { reply, department, at, interaction, session } = journey;
  if (!session || !department) return reply.redirect(at, 303);
  const standing = await needs.consents.find(session.accountId, interaction.clientId);
  const answered = standing?.itemsVersion === journey.client?.itemsVersion ? standing : undefined;
  const items = itemsOf(journey).filter(({ scope }) => !tooHigh(journey, scope));
  const receives = items.filter(({ scope, group }) => group === 'told' || answered?.granted.includes(scope));
  const open = items.filter((item) => !receives.includes(item) && !answered?.declined.includes(item.scope));
  const model = {
    action: `${at}/roaming`,
    department,
    nameMasked: session.maskedName,
    level: levelOf(session.acr)?.realName ?? 0,
    signedInAt: session.loginTs * 1000,
    ways: session.amr.filter((name) => ['pwd', 'sms', 'tkt'].includes(name)) as never,
    receives: ['openid', ...receives.map(({ scope }) => scope).filter((scope) => scope !== 'openid')] as never,
    asksNext: open.length > 0,
  };
  return needs.desk.html(reply, roamingView(model, contextOf(needs, journey, { maskedName: session.maskedName })));
}

/** Whether this session's real-name level is too low for a scope: it is not asked for and not given. */
const tooHigh = ({ session }: Journey, scope: string): boolean => beyond(scope, levelOf(session?.acr)?.realName ?? 0);

const scopeNames = { openid: 1, profile: 1, phone: 1, realname: 1, identity: 1 };

/** The items that this page asks for, or tells of: what the person can answer. */
export const answerable = (journey: Journey): Item[] =>
  itemsOf(journey).filter(({ scope }) => scope !== 'openid' && !tooHigh(journey, scope));

/** The client's items for what this request asks, by group. */
function itemsOf(journey: Journey): Item[] {
  const asked = (journey.interaction.params.scope ?? '').split(' ');
  const described = journey.client?.items ?? [];
  const items = described.filter((item) => asked.includes(item.scope));
  // what a department did not describe is never given silently: it is asked one by one
  for (const scope of asked) {
    if (!(scope in scopeNames) || scope === 'openid' || items.some((item) => item.scope === scope)) continue;
    const none = { zh: '', en: '' };
    items.push({ scope: scope as Item['scope'], group: 'sensitive', purpose: none, without: none, basis: none });
  }
  return items;
}

export async function drawConsent(needs: SigninNeeds, journey: Journey): Promise<FastifyReply> {
  const { reply, department, client, at, interaction } = journey;
  const accountId = interaction.session?.accountId;
  const person = accountId ? await needs.accounts.accountForClaims(accountId) : undefined;
  if (!department || !client || !person) return reply.redirect(at, 303);
  const before = await needs.consents.find(person.accountId, client.clientId);
  const asked = before !== undefined && before.granted.length + before.declined.length > 0;
  const verified: ConsentItem['values'] = [
    ...(person.nameMasked ? [{ kind: 'name' as const, masked: person.nameMasked }] : []),
    ...(person.idNumberMasked ? [{ kind: 'number' as const, masked: person.idNumberMasked }] : []),
  ];
  const values: Record<string, ConsentItem['values']> = {
    openid: [{ kind: 'made' }],
    profile: [person.nameMasked ? { kind: 'name', masked: person.nameMasked } : { kind: 'none' }],
    phone: [person.mobileMasked ? { kind: 'number', masked: person.mobileMasked } : { kind: 'none' }],
    realname: [{ kind: 'level', level: person.level }, ...verified],
    identity: verified,
  };
  const text = ({ zh, en }: { zh: string; en: string }) => ({ 'zh-CN': zh, en });
  const group = (name: Item['group']): ConsentGroup | undefined => {
    const items = itemsOf(journey).filter((item) => item.group === name);
    if (items.length === 0) return undefined;
    const bases = [...new Map(items.map((item) => [item.basis.zh, item.basis])).values()];
    return {
      basis: {
        'zh-CN': bases
          .map(({ zh }) => zh)
          .filter(Boolean)
          .join('；'),
        en: bases
          .map(({ en }) => en)
          .filter(Boolean)
          .join('; '),
      },
      items: items.map(({ scope, purpose, without }) => ({
        scope,
        values: values[scope] ?? [],
        ...(tooHigh(journey, scope) ? { tooHigh: person.level } : {}),
        purpose: text(purpose),
        without: text(without),
      })),
    };
  };
  const shown = itemsOf(journey).map(({ scope }) => scope);
  const kept =
    before?.itemsVersion === client.itemsVersion
      ? before.granted.filter((scope) => !shown.includes(scope as never))
      : [];
  const model = {
    action: `${at}/consent`,
    version: client.itemsVersion,
    department,
    ...(client.matter ? { matter: text(client.matter) } : {}),
    ...(asked && before.itemsVersion !== client.itemsVersion ? { answered: before.givenAt } : {}),
    kept: kept as never,
    told: group('told'),
    asked: group('asked'),
    sensitive: group('sensitive'),
    until: needs.desk.clock.now() + consentLife,
  };
  return needs.desk.html(
    reply,
    consentView(model, contextOf(needs, journey, { maskedName: person.nameMasked ?? person.mobileMasked ?? '' })),
  );
}
