import { randomBytes } from 'node:crypto';
import type { Clock } from '../clock.ts';
import type { Code } from '../codes.ts';

/** 信任票据: what the browser carries from the login page to the caller, and what it is exchanged for. */
export interface Tickets {
  /** 256 bits, good for 60 s and for one use by this caller, from this return address. */
  issue(of: TicketOf): string;
  /** Spends it at once: of two that come together, one gets the token. A second use revokes that token. */
  spend(ticket: string, by: { caller: string; returnUrl: string }): Spent;
  /** Whose it is, or was, without spending it. */
  whose(ticket: string): string | undefined;
  reset(): void;
}

export interface TicketOf {
  readonly caller: string;
  readonly returnUrl: string;
  /** Key of a person. */
  readonly person: string;
}

type Spent =
  | { readonly ok: true; readonly person: string; readonly token: string }
  | { readonly ok: false; code: Code };

/** 登录凭证 USER_TOKEN: 30 minutes from its last use, bound to the caller. */
export interface Tokens {
  issue(person: string, caller: string): string;
  use(
    token: string,
    caller: string,
  ): { readonly ok: true; readonly person: string } | { readonly ok: false; code: Code };
  whose(token: string): string | undefined;
  revoke(token: string): void;
  reset(): void;
}

const ticketLife = 60_000;
const tokenLife = 30 * 60_000;
// As long as its token can live, a second use of a ticket can be told from one that never was.
const remembered = 60 * 60_000;

const secret = () => randomBytes(32).toString('base64url');

export function createTokens(clock: Clock): Tokens {
  const tokens = new Map<string, { person: string; caller: string; until: number; revoked: boolean }>();
  return {
    issue(person, caller) {
      forget(tokens, ({ until }) => until + remembered < clock.now());
      const token = secret();
      tokens.set(token, { person, caller, until: clock.now() + tokenLife, revoked: false });
      return token;
    },
    use(token, caller) {
      const kept = tokens.get(token);
      // One that is another caller's is, for this one, none.
      if (!kept || kept.caller !== caller) return { ok: false, code: '1301' };
      if (kept.revoked) return { ok: false, code: '1302' };
      if (kept.until < clock.now()) return { ok: false, code: '1301' };
      kept.until = clock.now() + tokenLife;
      return { ok: true, person: kept.person };
    },
    whose: (token) => tokens.get(token)?.person,
    revoke(token) {
      const kept = tokens.get(token);
      if (kept) kept.revoked = true;
    },
    reset: () => tokens.clear(),
  };
}

export function createTickets(clock: Clock, tokens: Tokens): Tickets {
  const tickets = new Map<string, TicketOf & { until: number; token?: string }>();
  return {
    issue({ caller, returnUrl, person }) {
      forget(tickets, ({ until }) => until + remembered < clock.now());
      const ticket = secret();
      tickets.set(ticket, { caller, returnUrl, person, until: clock.now() + ticketLife });
      return ticket;
    },
    spend(ticket, by) {
      const kept = tickets.get(ticket);
      if (!kept) return { ok: false, code: '1201' };
      // Neither spends it: who cannot use a ticket must not be able to spoil it for its owner.
      if (kept.caller !== by.caller || kept.returnUrl !== by.returnUrl) return { ok: false, code: '1204' };
      if (kept.token !== undefined) {
        tokens.revoke(kept.token);
        return { ok: false, code: '1203' };
      }
      if (kept.until < clock.now()) return { ok: false, code: '1202' };
      kept.token = tokens.issue(kept.person, kept.caller);
      return { ok: true, person: kept.person, token: kept.token };
    },
    whose: (ticket) => tickets.get(ticket)?.person,
    reset: () => tickets.clear(),
  };
}

// Only when there are many: the passage over all of them is not for every new one.
function forget<T>(kept: Map<string, T>, isOld: (value: T) => boolean): void {
  if (kept.size % 1_000 !== 999) return;
  for (const [name, value] of kept) if (isOld(value)) kept.delete(name);
}
