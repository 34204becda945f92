import t from 'tap';
import { outcomeOf } from '../../src/provider/logout.ts';
import { checkRequest } from '../../src/signout/request.ts';
import { rowsOf } from '../../src/signout/result.ts';

const address = 'https://renshe.invalid/signed-out';
const checks = {
  verifyHint: async (hint: string) => (hint === 'good' ? 'renshe' : undefined),
  addresses: (id: string) => ({ renshe: [address], yibao: [] as string[] })[id],
};

t.test('a request that holds', async (t) => {
  t.same(await checkRequest({}, checks), { ok: true, request: {} });
  t.same(await checkRequest(undefined, checks), { ok: true, request: {} });
  t.same(await checkRequest({ client_id: 'renshe' }, checks), { ok: true, request: { clientId: 'renshe' } });
  t.same(
    await checkRequest(
      {
        id_token_hint: 'good',
        client_id: 'renshe',
        post_logout_redirect_uri: address,
        state: 'a b&c',
        logout_hint: 'x',
      },
      checks,
    ),
    { ok: true, request: { clientId: 'renshe', target: `${address}?state=a+b%26c` } },
  );
});

t.test('requests that do not hold', async (t) => {
  const cases: [string, object, string][] = [
    ['a forged hint', { id_token_hint: 'bad' }, 'hint'],
    ['a forged hint beside a good client', { id_token_hint: 'bad', client_id: 'renshe' }, 'hint'],
    ['the hint of another client', { id_token_hint: 'good', client_id: 'yibao' }, 'client'],
    ['an unknown client', { client_id: 'nobody' }, 'client'],
    ['an address without a client', { post_logout_redirect_uri: address }, 'target'],
    ['an address of another client', { client_id: 'yibao', post_logout_redirect_uri: address }, 'target'],
    ['a longer address', { client_id: 'renshe', post_logout_redirect_uri: `${address}/x` }, 'target'],
    ['a query at the address', { client_id: 'renshe', post_logout_redirect_uri: `${address}?a=1` }, 'target'],
    ['another case', { client_id: 'renshe', post_logout_redirect_uri: address.toUpperCase() }, 'target'],
    ['a repeated parameter', { client_id: ['renshe', 'renshe'] }, 'parameter'],
    ['a repeated state', { client_id: 'renshe', state: ['a', 'b'] }, 'parameter'],
    ['a long state', { state: 'x'.repeat(2001) }, 'parameter'],
    ['a NUL', { client_id: 'ren\0she' }, 'parameter'],
  ];
  for (const [name, given, reason] of cases) t.same(await checkRequest(given, checks), { ok: false, reason }, name);
});

t.test('what a department answers', async (t) => {
  t.same(outcomeOf(400), { dead: 'refused' });
  t.same(outcomeOf(503), { retry: 'http-503' });
  t.same(outcomeOf(302), { retry: 'http-302' });
  t.same(outcomeOf(undefined), { retry: 'unreachable' });
});

t.test('only an answer counts as out', async (t) => {
  const client = (id: string) => ({
    clientId: id,
    name: { zh: id, en: id },
    department: { zh: id, en: id, seal: id[0] },
  });
  const clients = new Map(['a', 'b', 'c', 'd', 'e'].map((id) => [id, client(id)])) as never;
  const record = {
    everything: true,
    onward: null,
    at: 1_000,
    rows: ['a', 'b', 'c', 'd'].map((id) => ({ client: id, message: id === 'd' ? null : id, latestEnd: 9_000 })),
  };
  const messages = [
    { id: 'a', state: 'delivered', answeredAt: 1_200, lastError: null },
    { id: 'b', state: 'waiting', answeredAt: null, lastError: null },
    { id: 'c', state: 'dead', answeredAt: null, lastError: 'refused' },
    { id: 'e', state: 'waiting', answeredAt: null, lastError: 'client-stopped' },
  ] as never;
  const states = (now: number) => rowsOf(record, messages, clients, now).map(({ state }) => state);
  t.same(states(2_000), ['out', 'waiting', 'silent', 'no-notice']);
  t.same(states(8_000), ['out', 'silent', 'silent', 'no-notice'], 'after a while no answer is silence');
  t.same(
    rowsOf({ ...record, rows: record.rows.slice(0, 1) }, [], clients, 2_000)[0]?.state,
    'silent',
    'a lost message',
  );
  t.same(
    rowsOf(record, messages, clients, 8_000).map(({ givenUp }) => givenUp === true),
    [false, false, true, false],
    'who is told no more is not said to be told',
  );
  const stopped = { ...record, rows: [{ client: 'e', message: 'e', latestEnd: 9_000 }] };
  t.match(
    rowsOf(stopped, messages, clients, 2_000),
    [{ state: 'silent', givenUp: true }],
    'nor who is stopped, though its notice waits for it',
  );
  const turned = { ...record, rows: record.rows.toReversed() };
  t.same(
    rowsOf(turned, messages, clients, 8_000).map(({ state }) => state),
    ['out', 'no-notice', 'silent', 'silent'],
    'who has answered stands first',
  );
});
