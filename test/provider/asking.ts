import type { Test } from 'tap';
import { Jar, pkce } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { authorizeUrl, code, jwks, post, redeem } from '../support/department.ts';
import { type Op, type OpOptions, op } from '../support/op.ts';

export interface Outcome {
  /** Prompts that pages of ours were asked for on the way. */
  readonly asked: string[];
  readonly error: string | undefined;
  readonly query: URLSearchParams;
  readonly verifier: string;
  readonly status: number;
}

export const minutes = (count: number): number => count * 60_000;
export const payload = (jwt: unknown): Record<string, unknown> =>
  JSON.parse(Buffer.from(String(jwt).split('.')[1] ?? '', 'base64url').toString());

/** A provider whose clock moves, the machine's and the store's together, and what a department does with it. */
export async function asking(t: Test, options: OpOptions = {}) {
  let ahead = 0;
  const machine = Date.now;
  Date.now = () => machine() + ahead;
  t.teardown(() => {
    Date.now = machine;
  });
  const own: Op = await op(t, await database(t), undefined, jwks, { offset: () => ahead, ...options });
  const tokens = async (jar: Jar, id: string, more = {}) =>
    (await redeem(own, id, await code(own, jar, id, more))).json;
  return {
    own,
    tokens,
    async later(ms: number, work: () => Promise<void>): Promise<void> {
      ahead += ms;
      try {
        await work();
      } finally {
        ahead -= ms;
      }
    },
    /** One authorization request to its end, through whatever pages it leads to. */
    async ask(jar: Jar, id: string, more: Record<string, string> = {}): Promise<Outcome> {
      const { verifier, challenge } = pkce();
      const before = own.asked.length;
      const { answer, to } = await jar.follow(authorizeUrl(own, id, challenge, more));
      const query = new URL(to ?? 'about:blank').searchParams;
      const asked = own.asked.slice(before).map(({ prompt }) => prompt);
      return { asked, error: query.get('error') ?? undefined, query, verifier, status: answer.status };
    },
    async idToken(id: string, { query, verifier }: Outcome): Promise<Record<string, unknown>> {
      const { json } = await redeem(own, id, { code: query.get('code') ?? '', verifier });
      return payload(json.id_token);
    },
    reads: async (token: unknown): Promise<number> =>
      (await fetch(`${own.issuer}/userinfo`, { headers: { authorization: `Bearer ${token}` } })).status,
    renew: (id: string, token: unknown) =>
      post(own, '/token', id, { grant_type: 'refresh_token', refresh_token: String(token) }),
    sessionOf: async (jar: Jar) => (await own.sessions.read(jar.get('egret')))!,
    async signedIn(): Promise<Jar> {
      const jar = new Jar();
      await code(own, jar, 'basic');
      return jar;
    },
  };
}
