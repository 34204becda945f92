import t from 'tap';
import { pageOf, stateFor } from '../../src/account-center/deep-links.ts';

t.test('a state remembers a page of ours', async (t) => {
  for (const [url, page] of [
    ['/account/sessions', '/account/sessions'],
    ['/account/sessions?done=one', '/account/sessions'],
    ['/account/sessions/end', '/account/sessions'],
    ['/account/sessions/leave', '/account/sessions'],
    ['/account/sessions/end-others', '/account/sessions'],
    ['/account/authorizations', '/account/authorizations'],
    ['/account/authorizations?done=withdrawn&client=renshe', '/account/authorizations'],
    ['/account/authorizations/renshe', '/account/authorizations/renshe'],
    ['/account/authorizations/renshe/notice', '/account/authorizations/renshe'],
    ['/account/authorizations//evil.example', '/account/authorizations'],
    ['/account/authorizations/REN%2F..%2F', '/account/authorizations'],
    ['/account', undefined],
    ['/account?state=x', undefined],
    ['/accounting/sessions', undefined],
    ['/account/sessionsx', undefined],
    ['https://evil.example/account/sessions', undefined],
  ] as const)
    t.equal(pageOf(stateFor(url)), page, url);
  t.not(stateFor('/account/sessions'), stateFor('/account/sessions'), 'no two are the same');
});

t.test('a state that somebody made up leads nowhere else', async (t) => {
  const drawn = 'A'.repeat(22);
  for (const state of [
    undefined,
    '',
    drawn,
    'sessions',
    '.sessions',
    `${drawn}.home`,
    `${drawn}.sessions.renshe`,
    `${drawn}.sessions/../../evil`,
    `${drawn}.authorizations.`,
    `${drawn}.authorizations.//evil.example`,
    `${drawn}.authorizations.renshe.yibao`,
    `${drawn}.authorizations.a`,
    `${drawn}.https://evil.example`,
    `${drawn}.sessions\n`,
    `${drawn}${drawn}.sessions`,
    [`${drawn}.sessions`],
    { toString: () => `${drawn}.sessions` },
  ])
    t.equal(pageOf(state), undefined, JSON.stringify(state));
});
