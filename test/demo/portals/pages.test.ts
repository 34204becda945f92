import { AxeBuilder } from '@axe-core/playwright';
import { generateKeyPair } from 'jose';
import { type Browser as Chromium, chromium, type Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { find, wants } from '../../support/wants.ts';
import { HAOCHAPING, JIANGUAN, openWorld, RENSHE, YIBAO } from './world.ts';

const world = await openWorld(t);
let browser: Chromium;

const args =
  '--no-sandbox --disable-gpu --no-first-run --disable-background-networking --disable-component-update --disable-sync --disable-quic';

/** A window of its own, in which nothing may go wrong unseen. */
async function open(t: Test, options: { width?: number; javaScriptEnabled?: boolean } = {}): Promise<Page> {
  browser ??= await chromium.launch({ executablePath: find('chromium')!, args: args.split(' ') });
  const { width = 390, javaScriptEnabled = true } = options;
  const context = await browser.newContext({ viewport: { width, height: 844 }, javaScriptEnabled });
  t.teardown(() => context.close());
  const page = await context.newPage();
  page.on('pageerror', (error) => t.fail(`script: ${error.message}`));
  page.on('console', (message) => {
    if (/Content Security Policy|Refused to/.test(message.text())) t.fail(message.text());
  });
  return page;
}
t.teardown(() => browser?.close());

async function signIn(page: Page): Promise<void> {
  await page.goto(world.at(HAOCHAPING));
  await page.click('[data-do=sign-in]');
  await page.waitForSelector('html[data-session=present] #claims');
}

const claim = (page: Page, name: string) =>
  page.locator(`#claims tr:has(th:text-is("${name}")) td`).first().textContent();

t.test('haochaping signs in by script, rotates its refresh token, and signs out', wants('chromium'), async (t) => {
  const page = await open(t);
  const requests: URL[] = [];
  page.on('request', (request) => requests.push(new URL(request.url())));
  await signIn(page);
  t.equal(page.url(), world.at(HAOCHAPING), 'no code in the address');
  const asked = requests.find((url) => url.searchParams.has('code_challenge'))!.searchParams;
  t.equal(asked.get('code_challenge_method'), 'S256');
  t.equal(asked.get('scope'), 'openid');
  t.ok(asked.get('state') && asked.get('nonce'));
  t.equal(await claim(page, 'acr'), 'urn:egret:r1a1');
  t.equal(await page.locator('#claims', { hasText: '测试甲' }).count(), 0, 'no identity');
  t.notMatch(await page.content(), /eyJ[\w-]+\.eyJ/, 'no token on the page');

  const first = await page.textContent('[data-text=fingerprint]');
  await page.click('[data-do=refresh]');
  await page.waitForSelector('.message:not(:empty)');
  const second = await page.textContent('[data-text=fingerprint]');
  t.match(first, /^[0-9a-f]{8}$/);
  t.match(second, /^[0-9a-f]{8}$/);
  t.not(first, second);
  t.match(await page.textContent('.message'), `从 ${first} 换成 ${second}`);
  await page.reload();
  await page.waitForSelector('html[data-session=present]');
  t.equal(await page.textContent('[data-text=fingerprint]'), second, 'kept for this tab');

  await page.click('[data-do=sign-out]');
  await page.click('#all');
  await page.waitForURL(world.at(HAOCHAPING, '/signed-out'));
  await page.waitForSelector('html[data-session=none] .egret:visible');
  t.equal(
    await page.evaluate(() => Object.keys(sessionStorage).filter((key) => key.startsWith('oidc.user')).length),
    0,
  );
});

t.test('haochaping takes a notice for its own sign-in, and no wrong answers', wants('chromium'), async (t) => {
  const page = await open(t);
  await signIn(page);
  const now = Math.floor(Date.now() / 1000);
  const sid = (await claim(page, 'sid'))!;
  const token = await world.issuer.logoutToken('haochaping', { sid, jti: 'n1', iat: now, exp: now + 120 });
  const answer = await fetch(world.at(HAOCHAPING, '/backchannel-logout'), {
    method: 'POST',
    body: new URLSearchParams({ logout_token: token }),
  });
  t.equal(answer.status, 200);
  await page.reload();
  await page.waitForSelector('html[data-session=none] [data-show=ended]:visible');

  const wrong: Record<string, (to: URL) => void> = {
    'answer_refused iss': (to) => to.searchParams.set('iss', 'https://evil.example'),
    'answer_refused No matching state found in storage': (to) => to.searchParams.set('state', 'made-up'),
    'invalid_grant grant request is invalid': (to) => to.searchParams.set('code', 'made-up'),
  };
  for (const [words, change] of Object.entries(wrong)) {
    world.issuer.rewrite = (to) => {
      change(to);
      return to;
    };
    await page.goto(world.at(HAOCHAPING));
    await page.click('[data-do=sign-in]');
    await page.waitForSelector('#refused:visible');
    const [code, description] = await page.locator('#refused code').allTextContents();
    t.equal(`${code} ${description}`, words);
    t.ok(await page.isVisible('.egret'), 'a way on');
  }
  world.issuer.rewrite = undefined;
  world.issuer.forge = { key: (await generateKeyPair('ES256')).privateKey };
  const forged = await open(t);
  await forged.goto(world.at(HAOCHAPING));
  await forged.click('[data-do=sign-in]');
  await forged.waitForSelector('#refused:visible');
  t.match(await forged.textContent('#refused'), 'signature');
  t.equal(await forged.getAttribute('html', 'data-session'), 'none');
  world.issuer.forge = undefined;
  world.issuer.next.error = { error: 'access_denied', error_description: 'no' };
  const declined = await open(t);
  await declined.goto(world.at(HAOCHAPING));
  await declined.click('[data-do=sign-in]');
  await declined.waitForSelector('#refused:visible');
  t.match(await declined.textContent('#refused'), 'access_denied');

  const away = await open(t);
  await away.goto(world.at(HAOCHAPING));
  world.issuer.down = true;
  await away.click('[data-do=sign-in]');
  await away.waitForSelector('#refused:visible');
  t.match(await away.textContent('#refused'), 'unreachable');
});

t.test('without a script haochaping says so, and takes ratings', wants('chromium'), async (t) => {
  const page = await open(t, { javaScriptEnabled: false });
  await page.goto(world.at(HAOCHAPING));
  t.match(await page.textContent('noscript'), '登录要用脚本');
  t.notOk(await page.isVisible('.egret'), 'no button that does nothing');
  await page.check('input[value="2"]');
  await page.click('#rate button');
  t.match(await page.textContent('main'), '你评的是：不满意');
});

t.test('pages: nothing axe finds, no sideways scroll, the button as prescribed', wants('chromium'), async (t) => {
  world.installSecret();
  const cases: [string, number, (page: Page) => Promise<unknown>][] = [
    ['overview', 390, (page) => page.goto(world.at(0))],
    ['overview, English', 1280, (page) => page.goto(world.at(0, '/?lang=en'))],
    ['signed out', 1280, (page) => page.goto(world.at(RENSHE))],
    ['signed in', 390, (page) => page.goto(world.at(YIBAO, '/sign-in'))],
    [
      'level missing, English',
      1280,
      (page) => page.goto(world.at(JIANGUAN, '/?lang=en')).then(() => page.click('.egret')),
    ],
    ['by script', 390, signIn],
    [
      'own sign-out',
      390,
      (page) => page.goto(world.at(RENSHE, '/sign-in')).then(() => page.goto(world.at(RENSHE, '/sign-out'))),
    ],
    ['refused', 390, (page) => page.goto(world.at(RENSHE, '/callback?error=access_denied&state=made-up'))],
  ];
  for (const [name, width, go] of cases) {
    const page = await open(t, { width });
    await go(page);
    const tags = ['wcag2a', 'wcag2aa', 'wcag21a', 'wcag21aa', 'wcag22aa', 'best-practice'];
    const { violations } = await new AxeBuilder({ page }).withTags(tags).analyze();
    t.strictSame(
      violations.map(({ id, nodes }) => `${id}: ${nodes.map(({ target }) => target)}`),
      [],
      name,
    );
    await page.setViewportSize({ width: 320, height: 800 });
    t.ok(await page.evaluate('document.documentElement.scrollWidth <= 320'), `${name}: no sideways scroll at 320`);
    for (const box of await page
      .locator('.egret:visible')
      .all()
      .then((all) => Promise.all(all.map((one) => one.boundingBox())))) {
      t.ok(box!.height >= 56, `${name}: button`);
    }
  }
  const page = await open(t);
  await page.goto(world.at(RENSHE));
  const [level, button] = await Promise.all(['.facts .level', '.egret'].map((one) => page.locator(one).boundingBox()));
  t.ok(level!.y < button!.y, 'the level stands before the button');
  t.equal(await page.textContent('.egret'), '用白鹭通行证登录');
  t.equal(await page.evaluate('getComputedStyle(document.querySelector(".egret")).backgroundColor'), 'rgb(10, 89, 97)');
});
