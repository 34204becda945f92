import http from 'node:http';
import { join, resolve } from 'node:path';
import type { Test } from 'tap';
import { pkce } from '../support/browser.ts';
import { freeBase } from '../support/city.ts';
import { database, type TestDatabase } from '../support/database.ts';
import { node } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';

export interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly body: string;
}

export interface Sent {
  readonly method?: string;
  readonly headers?: http.OutgoingHttpHeaders;
  readonly body?: string | Buffer;
}

/** As config/clients/haochaping.yaml registers it. */
export const registered = 'http://127.0.0.1:4205/callback';
export const good: Record<string, string> = {
  client_id: 'haochaping',
  response_type: 'code',
  scope: 'openid',
  redirect_uri: registered,
  code_challenge: pkce().challenge,
  code_challenge_method: 'S256',
  state: 'st',
};
export const authorize = (more: Record<string, string> = {}, tail = ''): string =>
  `/authorize?${new URLSearchParams({ ...good, ...more })}${tail}`;
export const form = (fields: Record<string, string> | string, headers = {}): Sent => ({
  method: 'POST',
  body: typeof fields === 'string' ? fields : new URLSearchParams(fields).toString(),
  headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
});

/** A page of ours with a code of the catalogue, and no way on to anywhere. */
export function refusedByPage(t: Test, answer: Answer, name: string, code = /EG-1[06]\d\d/): void {
  t.ok(answer.status >= 400 && answer.status < 500, `${name}: ${answer.status}`);
  t.equal(answer.headers.location, undefined, `${name}: no redirect`);
  t.match(answer.body, code, `${name}: a code of the catalogue`);
  t.match(answer.headers['content-security-policy'], /default-src '(?:none|self)'/, name);
  t.notMatch(String(answer.headers['set-cookie']), /egret_[ir]=|egret=/, `${name}: no interaction begun`);
}

/** The error of RFC 6749, at the registered address or as JSON. */
export function errorOf({ headers, body }: Answer): string | null {
  if (headers.location) return new URL(headers.location, 'http://localhost').searchParams.get('error');
  try {
    return (JSON.parse(body) as { error: string }).error;
  } catch {
    return null;
  }
}

/** A whole gateway as `egret serve` runs it, and requests to it with nothing tidied up on their way. */
export interface Gateway {
  readonly issuer: string;
  readonly database: TestDatabase;
  send(path: string, sent?: Sent): Promise<Answer>;
  /** A posted authorization request goes on as the GET that brings the session's cookie: to where that leads. */
  posted(sent: Sent): Promise<Answer>;
  /** Rows of protocol state and of its events. */
  rows(): Promise<number>;
  /** Every body that was answered. */
  readonly said: string[];
  /** What it wrote to its log. */
  log(): string;
  /** `egret …` beside it, as an operator types it. Its exit code. */
  egret(...args: string[]): Promise<number | null>;
}

export async function gateway(t: Test): Promise<Gateway> {
  const records = await database(t);
  const folder = scratch(t, 'gateway');
  const port = await freeBase();
  const env = {
    EGRET_BASE_PORT: String(port),
    EGRET_DATABASE_URL: records.url,
    EGRET_DATA: folder,
    EGRET_KEY_FILE: join(folder, 'key'),
  };
  const program = (...args: string[]) => node(t, resolve(import.meta.dirname, '../../src/cli/main.ts'), args, { env });
  const serve = program('serve');
  await serve.waitFor(/"ready"/);
  const said: string[] = [];
  const gate: Gateway = {
    issuer: `http://localhost:${port}`,
    database: records,
    said,
    log: serve.output,
    egret: async (...args) => (await program(...args).exit).code,
    async rows() {
      const [row] = await records.sql<{ count: number }[]>`
        select ((select count(*) from protocol_state) + (select count(*) from protocol_events))::int as count`;
      return row?.count ?? -1;
    },
    async posted(sent) {
      const answer = await gate.send('/authorize', sent);
      const next = answer.headers.location;
      return answer.status === 303 && next?.startsWith('/authorize?') ? gate.send(next) : answer;
    },
    send: (path, { method = 'GET', headers = {}, body } = {}) =>
      new Promise((done, fail) => {
        const request = http.request(
          { host: '127.0.0.1', port, path, method, headers: { connection: 'close', ...headers }, agent: false },
          (answer) => {
            const chunks: Buffer[] = [];
            answer.on('data', (chunk: Buffer) => chunks.push(chunk)).on('error', fail);
            answer.on('end', () => {
              const text = Buffer.concat(chunks).toString();
              said.push(text);
              done({ status: answer.statusCode ?? 0, headers: answer.headers, body: text });
            });
          },
        );
        request.on('error', fail).end(body);
      }),
  };
  return gate;
}
