import t from 'tap';
import type { ProtocolState } from '../../src/provider/provider.ts';
import { Jar } from '../support/browser.ts';
import { database } from '../support/database.ts';
import { authorizeUrl, code, jwks, redeem } from '../support/department.ts';
import { op } from '../support/op.ts';

/** A store that is away is no fault of the request: 503 and when to come again, on every endpoint, and no stack. */
t.test('the protocol state is away', async (t) => {
  const own = await op(t, await database(t), undefined, jwks);
  const jar = new Jar();
  const issued = await code(own, jar, 'basic');
  const { json } = await redeem(own, 'basic', issued);
  const late = await code(own, jar, 'basic');
  const gone = async (): Promise<never> => {
    throw Object.assign(new Error('connect ECONNREFUSED 127.0.0.1:6379'), { code: 'ECONNREFUSED' });
  };
  const away = new Proxy({} as ProtocolState, { get: () => gone });
  own.replaceState(away);
  const headers = { authorization: `Bearer ${json.access_token}` };
  for (const [name, answer] of [
    ['userinfo', await fetch(`${own.issuer}/userinfo`, { headers })],
    ['token', await answerOf('/token', { grant_type: 'refresh_token', refresh_token: String(json.refresh_token) })],
    ['introspection', await answerOf('/introspect', { token: String(json.access_token) })],
    ['revocation', await answerOf('/revoke', { token: String(json.access_token) })],
  ] as const) {
    t.equal(answer.status, 503, name);
    t.match(answer.headers.get('retry-after'), /^\d+$/, name);
    const body = await answer.text();
    t.match(JSON.parse(body), { error: 'temporarily_unavailable', error_description: /^EG-170[23]: / }, name);
    t.notMatch(body, /ECONNREFUSED|at .*\.ts/, name);
  }
  const page = await jar.fetch(authorizeUrl(own, 'basic', 'x'.repeat(43)), { headers: { accept: 'text/html' } });
  t.equal(page.status, 503);
  t.equal(page.headers.getSetCookie().filter((line) => line.startsWith('egret=')).length, 0, 'no cookie is taken away');

  own.replaceState(own.engine);
  t.equal((await redeem(own, 'basic', late)).status, 200, 'and nothing was spent meanwhile');

  function answerOf(path: string, form: Record<string, string>): Promise<Response> {
    return fetch(own.issuer + path, {
      method: 'POST',
      headers: { authorization: `Basic ${Buffer.from(`basic:${own.secret}`).toString('base64')}` },
      body: new URLSearchParams(form),
    });
  }
});
