import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { chromium, type Page } from 'playwright-core';
import t from 'tap';
import { openDatabase } from '../../src/store/database.ts';
import { startEmbedded } from '../../src/store/embedded/embedded.ts';
import { city } from '../support/city.ts';
import { find, wants } from '../support/wants.ts';

const flags = [
  '--no-sandbox',
  '--disable-gpu',
  '--no-first-run',
  '--disable-background-networking',
  '--disable-component-update',
  '--disable-sync',
  '--disable-quic',
];
const person = { name: '测试甲', number: '350299199001010117', mobile: '15400000117' };

t.setTimeout(240_000);

t.test(
  'register once, log in once, roam, sign out: in a browser',
  { ...wants('chromium'), timeout: 180_000 },
  async (t) => {
    const own = await city(t);
    const browser = await chromium.launch({ executablePath: find('chromium') as string, args: flags });
    t.teardown(() => browser.close());
    const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'zh-CN' });
    const page = await context.newPage();
    const shots = process.env.EGRET_SHOTS;
    let count = 0;
    const shot = async (name: string): Promise<void> => {
      if (!shots) return;
      mkdirSync(shots, { recursive: true });
      count += 1;
      await page.screenshot({ path: join(shots, `${String(count).padStart(2, '0')}-${name}.png`), fullPage: true });
    };
    const faults: string[] = [];
    let smsCode = '';
    let cookie = '';
    page.on('response', (answer) => {
      if (answer.status() >= 500) faults.push(`${answer.status()} ${answer.url()}`);
    });

    await t.test('registration at the first department', async (t) => {
      await page.goto(own.portal(1));
      await page
        .getByRole('link', { name: /用白鹭通行证登录/ })
        .first()
        .click();
      await page.waitForURL(/\/signin\//);
      await shot('sign-in');
      await page.getByRole('link', { name: /注册/ }).first().click();
      await page.getByLabel('手机号').fill(person.mobile);
      await page.getByRole('checkbox').check();
      await shot('register-mobile');
      await page.getByRole('button', { name: '发送验证码' }).click();
      smsCode = await own.code(person.mobile);
      await page.locator('input[name=otp]').fill(smsCode);
      await shot('register-code');
      await page.getByRole('button', { name: '继续' }).click();
      await shot('register-password');
      await page.locator('input[name=new_password]').fill('otter-canal-92-plum');
      await page.getByRole('button', { name: '继续' }).click();
      await page.locator('input[name=full_name]').fill(person.name);
      await page.locator('input[name=id_number]').fill(person.number);
      await shot('register-real-name');
      await page.getByRole('button', { name: '提交核对' }).click();
      await shot('real-name-result');
      await untilPortal(page, own.portal(1), shot);
      t.match(await page.locator('#claims').innerText(), /urn:egret:r1a1/);
      await shot('portal-renshe');
    });

    await t.test('four more departments without a second login', async (t) => {
      for (const n of [2, 3, 4, 5]) {
        await page.goto(own.portal(n));
        await page.locator('a, button').filter({ hasText: '用白鹭通行证登录' }).first().click();
        await untilPortal(page, own.portal(n), shot);
        t.equal(await page.locator('input[name=password]').count(), 0, `no login for portal ${n}`);
        await shot(`portal-${n}`);
      }
      cookie = (await context.cookies(own.issuer)).find(({ name }) => name === 'egret')?.value ?? '';
      t.match(cookie, /^[0-6]\d/, 'the session cookie of this browser');
      const subjects = new Set<string>();
      for (const n of [1, 2, 3, 4]) {
        const state = (await (await context.request.get(`${own.portal(n)}/__demo/state`)).json()) as {
          session: { sub: string } | null;
        };
        subjects.add(state.session?.sub ?? 'none');
      }
      t.equal(subjects.size, 4, 'each department knows another subject');
    });

    await t.test('the account centre: home, sessions, authorisations, a consent withdrawn', async (t) => {
      await page.goto(`${own.issuer}/account`);
      t.match(await page.locator('h1').innerText(), /测\*甲/);
      await shot('account-home');
      await page.goto(`${own.issuer}/account/sessions`);
      t.match(await page.locator('main').innerText(), /就是这台/);
      await shot('account-sessions');
      await page.goto(`${own.issuer}/account/authorizations`);
      t.match(await page.locator('main').innerText(), /公积金/);
      await shot('account-authorizations');
      await page.goto(`${own.issuer}/faq`);
      t.equal(await page.locator('h1').count(), 1);
    });

    await t.test('sign-out of all, one department dead', async (t) => {
      await fetch(`${own.portal(3)}/__demo/logout-mode`, {
        method: 'POST',
        headers: { 'content-type': 'application/json' },
        body: JSON.stringify({ mode: 'hang' }),
      });
      await page.goto(own.portal(1));
      await page.locator('a, button').filter({ hasText: /退出/ }).first().click();
      await page.waitForURL(new RegExp(`localhost:${own.base}`));
      await shot('sign-out-question');
      await page.getByRole('button', { name: '全部退出' }).click();
      await page.waitForURL(/\/sign-out\/result\//);
      await shot('sign-out-result');
      t.match(await page.locator('main').innerText(), /未响应|还没有/, 'the dead one is named');
      t.notMatch(await page.locator('main').innerText(), /全部已退出/);
      for (const n of [2, 4]) {
        const state = (await (await context.request.get(`${own.portal(n)}/__demo/state`)).json()) as {
          session: unknown;
        };
        t.equal(state.session, null, `portal ${n} ended its session`);
      }
      await page.goto(own.portal(2));
      await page.locator('a, button').filter({ hasText: '用白鹭通行证登录' }).first().click();
      await page.waitForURL(/\/signin\//);
      t.equal(await page.locator('input[name=password]').count(), 1, 'the next visit asks for a login');
    });
    await t.test('nothing of it stands in a log or a table', async (t) => {
      const secrets = [person.name, person.number, person.mobile, 'otter-canal-92-plum', cookie];
      // six digits alone, so that a part of a longer number is not taken for the code
      const code = new RegExp(`(?<![\\d.])${smsCode}(?!\\d)`);
      const log = readFileSync(join(own.data, 'logs', 'gateway.log'), 'utf8');
      t.match(log, `localhost:${own.base}`, 'the log holds what it should, so that a search can find something');
      for (const secret of secrets) t.notOk(log.includes(secret), 'not in the log');
      t.notMatch(log, code, 'nor the code');
      const embedded = await startEmbedded(own.data);
      const database = openDatabase({ ...embedded });
      try {
        const tables = await database.sql<
          { name: string }[]
        >`select tablename as name from pg_tables where schemaname = 'public'`;
        let dump = '';
        for (const { name } of tables) {
          const rows = await database.sql<{ row: string }[]>`select t::text as row from ${database.sql(name)} t`;
          dump += `${name}\n${rows.map(({ row }) => row).join('\n')}\n`;
        }
        t.match(dump, /gongjijin/, 'the dump holds what it should');
        t.notMatch(dump, code, 'nor the code');
        for (const secret of secrets) t.notOk(dump.includes(secret), `not in a table: ${secrets.indexOf(secret)}`);
      } finally {
        await database.close();
        embedded.release();
      }
    });
    t.same(faults, [], 'no server fault on the way');
  },
);

/** Answers what stands between (notice, consent) until the portal says that somebody is signed in. */
async function untilPortal(page: Page, portal: string, shot: (name: string) => Promise<void>): Promise<void> {
  for (let step = 0; step < 8; step++) {
    await page.waitForLoadState('load');
    if (page.url().startsWith(portal) && (await page.locator('#signed-in, html[data-session=present]').count()) > 0)
      return;
    const next = page
      .getByRole('button', { name: /同意勾选的|知道了|的身份继续|继续前往/ })
      .or(page.getByRole('link', { name: /继续前往/ }))
      .first();
    if (page.url().includes('/signin/') && (await next.count()) > 0) {
      await shot('between');
      for (const box of await page.getByRole('checkbox', { name: /以后去/ }).all()) await box.check();
      await next.click();
    }
    await page.waitForTimeout(300);
  }
  throw new Error(`not signed in at ${portal}: ${page.url()} ${await page.locator('body').innerText()}`);
}
