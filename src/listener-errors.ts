import { randomBytes } from 'node:crypto';
import type { IncomingMessage } from 'node:http';
import type { FastifyError, FastifyRequest } from 'fastify';
import { type Code, EgretError } from './errors.ts';
import { requestOf } from './provider/provider.ts';
import { storeAway } from './store/away.ts';
import { contentSecurityPolicy } from './web/assets.ts';
import { caseNumber } from './web/case-number.ts';
import type { Desk } from './web/desk.ts';
import { errorPageView } from './web/error-page.view.ts';

/** The catalogue code of what went wrong, whoever threw it. */
export function codeOf(error: unknown): Code {
  if (error instanceof EgretError) return error.code;
  const away = storeAway(error);
  if (away) return away;
  const { statusCode, code } = error as FastifyError;
  if (code === 'FST_ERR_CTP_BODY_TOO_LARGE' || statusCode === 413) return 'EG-1005';
  if (statusCode === 415) return 'EG-1007';
  if (statusCode !== undefined && statusCode >= 400 && statusCode < 500) return 'EG-1001';
  return 'EG-1700';
}

export interface ErrorPages {
  draw(
    raw: IncomingMessage,
    out: { error: string; error_description?: string },
    error: Error,
  ): { status: number; page: string; headers: Record<string, string> };
  use(desk: Desk, expired: (request: FastifyRequest) => string): void;
}

/** Draws what the library cannot answer at a redirect address. It is made before the desk is, so it is handed one. */
export function errorPages(): ErrorPages {
  let desk: Desk | undefined;
  let expiredPage: ((request: FastifyRequest) => string) | undefined;
  return {
    use(given, expired) {
      desk = given;
      expiredPage = expired;
    },
    draw(raw, out, error) {
      const request = requestOf(raw);
      if (!desk || !expiredPage || !request) throw error;
      const headers = { 'content-security-policy': contentSecurityPolicy, 'cache-control': 'no-store' };
      const context = desk.context(request);
      const number = caseNumber(randomBytes);
      const { statusCode = 500 } = error as { statusCode?: number };
      const expired = error.constructor.name === 'SessionNotFound';
      const code: Code = expired
        ? 'EG-1004'
        : statusCode >= 500 || error instanceof EgretError
          ? codeOf(error)
          : 'EG-1602';
      request.log.warn(
        { code, case: number, error: out.error, description: statusCode < 500 ? out.error_description : undefined },
        'authorization request refused',
      );
      if (code === 'EG-1700')
        request.log.error({ err: { message: error.message, stack: error.stack } }, 'unexpected fault');
      if (expired) return { status: 410, page: expiredPage(request), headers };
      const status = code === 'EG-1702' || code === 'EG-1703' ? 503 : statusCode;
      const at = desk.clock.now();
      const retryAt = error instanceof EgretError ? Number(error.params.resetAt) || undefined : undefined;
      const wait = retryAt ? Math.max(1, Math.ceil((retryAt - at) / 1000)) : status === 503 ? 5 : undefined;
      return {
        status,
        page: errorPageView({ code, caseNumber: number, at, retryAt }, context),
        headers: wait ? { ...headers, 'retry-after': String(wait) } : headers,
      };
    },
  };
}
