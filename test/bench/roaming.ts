import { type KeyObject, sign } from 'node:crypto';
import http from 'node:http';
import { pkce } from '../support/browser.ts';
import { assertionType, basicHeader } from '../support/department.ts';
import { redirect } from '../support/op.ts';
import { scope } from './gateway.ts';

/** One provider as a department and a browser meet it. */
export interface Target {
  readonly issuer: string;
  readonly port: number;
  readonly secret: string;
  /** The department's key at `signed`. */
  readonly key: KeyObject;
}

export type Kind = 'basic' | 'signed';

const agents = new Map<number, http.Agent>();

/** Connections stand while a benchmark runs, as a balancer keeps them. */
function agentOf(port: number): http.Agent {
  let agent = agents.get(port);
  if (!agent) {
    agent = new http.Agent({ keepAlive: true, maxSockets: 256 });
    agents.set(port, agent);
  }
  return agent;
}

export function closeConnections(): void {
  for (const agent of agents.values()) agent.destroy();
  agents.clear();
}

interface Answer {
  readonly status: number;
  readonly headers: http.IncomingHttpHeaders;
  readonly text: string;
}

function ask(port: number, method: string, path: string, headers: Record<string, string>, body = ''): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const length = body ? { 'content-length': String(Buffer.byteLength(body)) } : {};
    const options = { host: '127.0.0.1', port, method, path, headers: { ...headers, ...length }, agent: agentOf(port) };
    const request = http.request(options, (answer) => {
      let text = '';
      answer.setEncoding('utf8').on('data', (part: string) => {
        text += part;
      });
      answer.on('end', () => resolve({ status: answer.statusCode ?? 0, headers: answer.headers, text }));
      answer.on('error', reject);
    });
    request.on('error', reject).end(body);
  });
}

const base64url = (value: object): string => Buffer.from(JSON.stringify(value)).toString('base64url');

/** A department's assertion (RFC 7523, 3). */
function assertion({ issuer, key }: Target): string {
  const now = Math.floor(Date.now() / 1_000);
  const claims = { iss: 'signed', sub: 'signed', aud: issuer, jti: crypto.randomUUID(), iat: now, exp: now + 60 };
  const input = `${base64url({ alg: 'ES256', kid: 'bench' })}.${base64url(claims)}`;
  const signature = sign('sha256', Buffer.from(input), { key, dsaEncoding: 'ieee-p1363' });
  return `${input}.${signature.toString('base64url')}`;
}

/** From the portal's link to its tokens, by a browser that is signed in: authorization, code, tokens. Milliseconds. */
export async function roam(target: Target, kind: Kind, cookie: string): Promise<number> {
  const began = performance.now();
  const { verifier, challenge } = pkce();
  const query = new URLSearchParams({
    client_id: kind,
    response_type: 'code',
    scope,
    redirect_uri: redirect,
    code_challenge: challenge,
    code_challenge_method: 'S256',
    state: 's',
  });
  const issued = await ask(target.port, 'GET', `/authorize?${query}`, { cookie });
  const code = issued.headers.location && new URL(issued.headers.location, target.issuer).searchParams.get('code');
  if (!code) throw new Error(`no code: ${issued.status} ${issued.headers.location} ${issued.text.slice(0, 500)}`);
  const form = new URLSearchParams({
    grant_type: 'authorization_code',
    code,
    code_verifier: verifier,
    redirect_uri: redirect,
    ...(kind === 'signed' ? { client_assertion: assertion(target), client_assertion_type: assertionType } : {}),
  });
  const headers = {
    'content-type': 'application/x-www-form-urlencoded',
    ...(kind === 'basic' ? basicHeader('basic', target.secret) : {}),
  };
  const tokens = await ask(target.port, 'POST', '/token', headers, form.toString());
  if (tokens.status !== 200 || !tokens.text.includes('id_token'))
    throw new Error(`no tokens: ${tokens.status} ${tokens.text}`);
  return performance.now() - began;
}

/** A signed-in browser, and how its session is made again as it was before it visited anybody. */
export interface Visitor {
  readonly cookie: string;
  forget(): Promise<unknown>;
}

/** So many roams, at most one a session at a time; the time of each, in milliseconds. */
export async function roams(
  target: Target,
  kind: Kind,
  visitors: readonly Visitor[],
  count: number,
  firstVisits: boolean,
): Promise<readonly number[]> {
  const times: number[] = [];
  let left = count;
  await Promise.all(
    visitors.map(async ({ cookie, forget }) => {
      while (left-- > 0) {
        if (firstVisits) await forget();
        times.push(await roam(target, kind, cookie));
      }
    }),
  );
  return times;
}
