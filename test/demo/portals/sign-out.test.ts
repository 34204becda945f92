import { type CryptoKey, decodeJwt, generateKeyPair } from 'jose';
import t from 'tap';
import { until } from '../../support/processes.ts';
import { type Answer, Browser } from './browser.ts';
import { clientRecords, type Issuer } from './issuer.ts';
import { JIANGUAN, openWorld, RENSHE, YIBAO } from './world.ts';

const world = await openWorld(t);

t.test('a session ends at the time its record promises', async (t) => {
  const browser = new Browser();
  await world.signIn(browser, YIBAO);
  const promised = clientRecords(world.base).find(({ client_id }) => client_id === 'yibao')!.session_minutes as number;
  await world.later((promised * 60 - 10) * 1000, async () => t.ok((await world.state(browser, YIBAO)).session));
  await world.later((promised * 60 + 1) * 1000, async () => {
    const state = await world.state(browser, YIBAO);
    t.equal(state.session, null);
    t.equal(state.ended, 'time');
    t.match((await browser.get(world.at(YIBAO))).text, '登录到时间了');
  });
});

t.test('logout notices: the session with that sid ends, and only what is proved', async (t) => {
  const [here, other] = [new Browser(), new Browser()];
  await world.signIn(here, RENSHE);
  await world.signIn(other, RENSHE);
  const { sid, sub } = (await world.state(here, RENSHE)).session!;
  const now = Math.floor(Date.now() / 1000);
  const good = { sid, sub, iat: now, exp: now + 120 };
  const post = (token: string) =>
    new Browser().post(world.at(RENSHE, '/backchannel-logout'), { logout_token: token }, {});
  const token = (claims: object, options?: Parameters<Issuer['logoutToken']>[2]) =>
    world.issuer.logoutToken('renshe', { jti: crypto.randomUUID(), ...good, ...claims }, options);
  const stranger = await generateKeyPair('ES256');
  const bad: Record<string, string> = {
    'for another client': await world.issuer.logoutToken('yibao', { jti: 'a', ...good }),
    'of another issuer': await token({ iss: 'https://evil.example' }),
    'signed by a stranger': await token({}, { key: stranger.privateKey as CryptoKey }),
    'an ID token': await token({}, { typ: 'JWT' }),
    'with a nonce': await token({ nonce: 'n' }),
    'without the event': await token({ events: {} }),
    'without jti': await token({ jti: undefined }),
    'of last week': await token({ iat: now - 700_000 }),
    'about nobody': await token({ sid: undefined, sub: undefined }),
    'not a token': 'garbage',
  };
  for (const [name, value] of Object.entries(bad)) t.equal((await post(value)).status, 400, name);
  t.equal((await new Browser().post(world.at(RENSHE, '/backchannel-logout'), {}, {})).status, 400, 'empty');
  t.ok((await world.state(here, RENSHE)).session, 'none of them ended anything');

  const real = await token({});
  const answer = await post(real);
  t.equal(answer.status, 200);
  t.equal(answer.headers.get('cache-control'), 'no-store');
  const state = await world.state(here, RENSHE);
  t.equal(state.session, null);
  t.equal(state.ended, 'notice');
  t.match(state.notices[0], { outcome: 'accepted', ended: 1, sid });
  t.ok((await world.state(other, RENSHE)).session, "another browser's session stays");
  t.equal((await post(real)).status, 400, 'the same notice twice');
  t.match((await world.state(here, RENSHE)).notices[0], { outcome: 'refused', reason: 'jti was used before' });
  const page = await here.get(world.at(RENSHE));
  t.match(page.text, '白鹭通行证通知本网站，你退出了');
  t.match(page.text, '照办，结束了 1 个登录');
});

t.test('a notice that is faster than the sign-in it ends', async (t) => {
  const browser = new Browser();
  const asked = world.issuer.asked;
  let sid = '';
  // Userinfo is the last trip of a sign-in: the notice comes while it waits.
  const from = asked.length;
  world.issuer.userinfoHook = async () => {
    const now = Math.floor(Date.now() / 1000);
    sid = world.issuer.lastSid!;
    const token = await world.issuer.logoutToken('renshe', { sid, jti: 'early', iat: now, exp: now + 120 });
    await new Browser().post(world.at(RENSHE, '/backchannel-logout'), { logout_token: token }, {});
  };
  const page = await world.signIn(browser, RENSHE);
  world.issuer.userinfoHook = undefined;
  t.ok(asked.slice(from).includes('GET /me'));
  t.equal(page.status, 403);
  t.match(page.text, '你刚刚在白鹭通行证退出了');
  t.equal((await world.state(browser, RENSHE)).session, null);
});

t.test('the switch: an error, silence and slowness end nothing', async (t) => {
  const browser = new Browser();
  await world.signIn(browser, YIBAO);
  const { sid } = (await world.state(browser, YIBAO)).session!;
  const now = Math.floor(Date.now() / 1000);
  const send = async (signal?: AbortSignal) =>
    fetch(world.at(YIBAO, '/backchannel-logout'), {
      method: 'POST',
      body: new URLSearchParams({
        logout_token: await world.issuer.logoutToken('yibao', {
          sid,
          jti: crypto.randomUUID(),
          iat: now,
          exp: now + 120,
        }),
      }),
      ...(signal ? { signal } : {}),
    });
  const mode = (value: string) =>
    fetch(world.at(YIBAO, '/__demo/logout-mode'), {
      method: 'POST',
      headers: { 'content-type': 'application/json' },
      body: JSON.stringify({ mode: value }),
    });
  t.equal((await mode('sideways')).status, 400);

  await browser.post(world.at(YIBAO, '/logout-mode'), { mode: 'error' });
  t.equal((await world.state(browser, YIBAO)).logoutMode, 'error', 'by the form');
  t.equal((await send()).status, 500);
  for (const [value, outcome] of [
    ['hang', 'unanswered'],
    ['slow', 'waiting'],
  ] as const) {
    t.equal((await mode(value)).status, 200, 'by JSON');
    const gaveUp = new AbortController();
    let answered = false;
    const waiting = send(gaveUp.signal).then(
      () => {
        answered = true;
      },
      () => {},
    );
    await until(async () => (await world.state(browser, YIBAO)).notices[0]?.mode === value);
    t.match((await world.state(browser, YIBAO)).notices[0], { outcome });
    t.notOk(answered, `${value}: no answer`);
    gaveUp.abort();
    await waiting;
  }
  t.ok((await world.state(browser, YIBAO)).session, 'still signed in');
  await mode('normal');
  t.equal((await send()).status, 200);
  t.equal((await world.state(browser, YIBAO)).session, null);
});

t.test('signing out: here first, then at the issuer, which tells the others', async (t) => {
  const browser = new Browser();
  for (const portal of [RENSHE, YIBAO, JIANGUAN]) await world.signIn(browser, portal);
  const { sid } = (await world.state(browser, RENSHE)).session!;
  const cookie = `renshe_session=${browser.cookie('127.0.0.1', 'renshe_session')}`;
  const question = await browser.post(world.at(RENSHE, '/sign-out'), {});
  const sent = new URL(browser.visited.find((url) => url.includes('id_token_hint'))!).searchParams;
  t.equal(decodeJwt(sent.get('id_token_hint')!).sid, sid);
  t.equal(sent.get('post_logout_redirect_uri'), world.at(RENSHE, '/signed-out'));
  t.ok(sent.get('state'));
  t.equal((await world.state(browser, RENSHE)).session, null, 'out here before any answer there');
  const kept = await new Browser().get(world.at(RENSHE), { headers: { cookie } });
  t.notMatch(kept.text, 'id="signed-in"', 'also for someone who kept the cookie');
  t.ok((await world.state(browser, YIBAO)).session, 'the others not yet');

  const back = await confirm(browser, question);
  t.equal(new URL(back.url).searchParams.get('state'), sent.get('state'));
  t.match(back.text, '按你刚才选的办了');
  for (const portal of [YIBAO, JIANGUAN]) {
    await until(async () => (await world.state(browser, portal)).session === null);
    t.equal((await world.state(browser, portal)).ended, 'notice');
  }
  t.match((await browser.get(back.url)).text, '可能还登录着', 'the same return again claims nothing');
});

t.test("the department's own sign-out page ends its session, with or without the issuer", async (t) => {
  const browser = new Browser();
  await world.signIn(browser, YIBAO);
  const page = await browser.get(world.at(YIBAO, '/sign-out'));
  t.match(page.text, '只退出本网站');
  t.ok((await world.state(browser, YIBAO)).session, 'looking at it ends nothing');
  t.match((await browser.get(world.at(YIBAO, '/signed-out'))).text, '你还登录着本网站', 'and no page says otherwise');
  const out = await browser.post(world.at(YIBAO, '/sign-out'), { where: 'here' });
  t.match(out.text, '已退出本网站');
  t.equal((await world.state(browser, YIBAO)).session, null);
  t.notOk(browser.visited.some((url) => url.includes('id_token_hint')));
  t.match((await browser.get(world.at(YIBAO, '/sign-out'))).text, '不用退出');
});

/** Says yes to the question of the library's own page. */
async function confirm(browser: Browser, question: Answer): Promise<Answer> {
  const action = /action="([^"]+)"/.exec(question.text)![1]!;
  const xsrf = /name="xsrf" value="([^"]+)"/.exec(question.text)![1]!;
  return browser.post(new URL(action, question.url).href, { xsrf, logout: 'yes' }, {});
}
