import http from 'node:http';
import type { Test } from 'tap';

export interface Bare {
  readonly status: number;
  readonly json: Record<string, unknown>;
  readonly text: string;
  readonly headers: Headers;
}

/** Forms posted to an issuer as they are: repeated fields, any header. */
export function endpoints(issuer: string) {
  return {
    async bare(path: string, form: Record<string, unknown> | string, headers = {}): Promise<Bare> {
      const answer = await fetch(issuer + path, {
        method: 'POST',
        body: typeof form === 'string' ? form : new URLSearchParams(pairs(form)),
        headers: { 'content-type': 'application/x-www-form-urlencoded', ...headers },
      });
      const text = await answer.text();
      return { status: answer.status, json: text ? JSON.parse(text) : {}, text, headers: answer.headers };
    },
    /** `fetch` sets the host itself. */
    forged: (path: string, body: string, headers: Record<string, string>): Promise<number> =>
      new Promise((done, fail) => {
        const type = { 'content-type': 'application/x-www-form-urlencoded' };
        const sent = http.request(issuer + path, { method: 'POST', headers: { ...type, ...headers } }, (answer) => {
          answer.resume().on('end', () => done(answer.statusCode ?? 0));
        });
        sent.on('error', fail).end(body);
      }),
  };
}

const pairs = (form: Record<string, unknown>): [string, string][] =>
  Object.entries(form).flatMap(([name, value]) =>
    (Array.isArray(value) ? value : [value]).map((each): [string, string] => [name, String(each)]),
  );

export function refused(t: Test, answer: Bare, errors: readonly string[], name: string): void {
  t.ok(answer.status === 400 || answer.status === 401, `${name}: ${answer.status}`);
  t.ok(errors.includes(String(answer.json.error)), `${name}: ${answer.text}`);
  t.notMatch(answer.text, /\.js|\.ts:|node_modules|\bat \w+ \(/, `${name}: no stack`);
  if (!name.startsWith('/revoke')) t.match(answer.headers.get('cache-control'), 'no-store', name);
}
