import type { FastifyReply, FastifyRequest } from 'fastify';
import { type ClientRecord, departmentOf } from '../clients/clients.ts';
import { type ExpiredPage, expiredView } from '../web/error-page.view.ts';
import type { SigninNeeds } from './needs.ts';

type Needs = Pick<SigninNeeds, 'clients' | 'desk'>;

const secure = ({ desk }: Needs): boolean => desk.issuer.startsWith('https:');
const cookieOf = (needs: Needs): string => (secure(needs) ? '__Host-egret_from' : 'egret_from');

/** Remembers, at this browser, which department its latest journey goes to: a page left open leads back there. */
export function rememberTarget(needs: Needs, request: FastifyRequest, reply: FastifyReply, clientId: string): void {
  if (request.cookies[cookieOf(needs)] === clientId) return;
  const about = { path: '/', httpOnly: true, sameSite: 'lax', secure: secure(needs), maxAge: 86_400 } as const;
  reply.setCookie(cookieOf(needs), clientId, about);
}

/** The page of a journey that is over, used, or another browser's, with the way to where it went. */
export function expiredPage(needs: Needs, request: FastifyRequest, client?: ClientRecord): string {
  const { clients } = needs.clients.snapshot();
  const known = client ?? clients.get(request.cookies[cookieOf(needs)] ?? '');
  const model: ExpiredPage =
    known?.state === 'active' && known.home ? { department: departmentOf(known), restart: known.home } : {};
  return expiredView(model, needs.desk.context(request));
}
