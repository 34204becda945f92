import https from 'node:https';
import type { Test } from 'tap';
import { Citizen } from '../races/citizen.ts';
import { pkce } from '../support/browser.ts';
import { authorizeUrl } from '../support/department.ts';
import { type Nginx, nginx } from '../support/nginx.ts';
import { client, redirect } from '../support/op.ts';
import { type Pair, pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';

const issuer = 'https://id.city.example';
const plenty = { count: 1_000_000, seconds: 60 };

/** Two gateways on PostgreSQL and Redis behind nginx, and people who roam there without a pause. */
export interface Stage {
  readonly own: Pair;
  readonly front: Nginx;
  readonly load: Load;
}

export interface Load {
  /** Requests answered as they should be. */
  done(): number;
  /** Of these, tokens given. */
  tokens(): number;
  /** What was answered otherwise, or not at all, a line each. */
  readonly failed: readonly string[];
  /** The longest an answer took, in milliseconds. */
  longest(): number;
  stop(): Promise<void>;
}

/** Ask `wants('nginx', 'redis-server')` first. @param people at once; @param grace as `listen.grace`, seconds */
export async function stage(t: Test, options: { people: number; grace: number }): Promise<Stage> {
  const own = await pair(t, {
    redis: true,
    issuer: () => issuer,
    clients: () => [
      client('public', {
        auth: 'none',
        kind: 'browser',
        grants: ['authorization_code', 'refresh_token'],
        origins: [new URL(redirect).origin],
      }),
    ],
    settings: {
      listen: { hosts: ['127.0.0.1'], grace: options.grace },
      trusted_proxies: ['127.0.0.1'],
      limits: Object.fromEntries(
        ['sign_in', 'codes', 'registrations', 'real_name'].map((name) => [`${name}_per_address`, plenty]),
      ),
      accounts: { argon2: { memory_cost: 8_192, time_cost: 1 } },
    },
  });
  const front = await nginx(t, { to: own.sides.map((side) => Number(new URL(side).port)) });
  const people = await own.people(options.people);
  const cookies = await Promise.all(
    people.map(async (person, n) => {
      const citizen = new Citizen(own, undefined, n);
      const { url } = citizen.visit('public');
      await citizen.arrive(await citizen.register(person, url, { password: 'otter-canal-92-plum' }));
      return citizen.jar.header('/authorize');
    }),
  );
  const load = roaming(front, cookies);
  t.teardown(load.stop);
  await until(() => load.done() > 10 * options.people);
  return { own, front, load };
}

/** Each of these sessions visits a department again and again: authorization, code, tokens, fresh tokens, account. */
function roaming(front: Nginx, cookies: readonly string[]): Load {
  const agent = new https.Agent({ keepAlive: true, ca: front.authority, servername: 'id.city.example' });
  const failed: string[] = [];
  let going = true;
  let done = 0;
  let given = 0;
  let longest = 0;

  /** What it answered, where that was this status. */
  const ask = (method: 'GET' | 'POST', path: string, wanted: number, cookie: string, form?: object) =>
    new Promise<{ location?: string; text: string } | undefined>((resolve) => {
      const began = performance.now();
      const body = form ? new URLSearchParams(form as Record<string, string>).toString() : '';
      const request = https.request({
        ...{ host: '127.0.0.1', port: front.port, agent, method, path },
        headers: {
          host: 'id.city.example',
          ...(cookie && { cookie }),
          ...(form && {
            'content-type': 'application/x-www-form-urlencoded',
            'content-length': String(Buffer.byteLength(body)),
          }),
        },
      });
      const fail = (what: string): void => {
        failed.push(`${method} ${path.replace(/\?.*/, '')} ${what}`);
        resolve(undefined);
      };
      request.on('response', (reply) => {
        let text = '';
        reply.setEncoding('utf8').on('data', (part: string) => {
          text += part;
        });
        reply.on('error', (error) => fail(error.message));
        reply.on('end', () => {
          longest = Math.max(longest, performance.now() - began);
          if (reply.statusCode !== wanted) return fail(`${reply.statusCode} ${/<h1>(.*?)<|^\{.*/.exec(text)?.[0]}`);
          done += 1;
          if (path === '/token') given += 1;
          resolve({ location: reply.headers.location, text });
        });
      });
      request.on('error', (error) => fail(error.message)).end(body);
    });

  const visit = async (cookie: string): Promise<void> => {
    const { verifier, challenge } = pkce();
    const url = new URL(authorizeUrl({ issuer }, 'public', challenge, { prompt: 'none' }));
    const issued = await ask('GET', url.pathname + url.search, 303, cookie);
    const code = issued?.location && new URL(issued.location).searchParams.get('code');
    if (!issued) return;
    if (!code) return void failed.push(`GET /authorize ${issued.location}`);
    const grant = { grant_type: 'authorization_code', code, code_verifier: verifier, redirect_uri: redirect };
    const tokens = await ask('POST', '/token', 200, '', { client_id: 'public', ...grant });
    if (!tokens) return;
    const { refresh_token } = JSON.parse(tokens.text) as { refresh_token: string };
    await ask('POST', '/token', 200, '', { client_id: 'public', grant_type: 'refresh_token', refresh_token });
    await ask('GET', '/account', 200, cookie);
  };
  const running = cookies.map(async (cookie) => {
    while (going) await visit(cookie);
  });
  return {
    done: () => done,
    tokens: () => given,
    failed,
    longest: () => Math.round(longest),
    async stop() {
      going = false;
      await Promise.all(running);
      agent.destroy();
    },
  };
}
