import fs from 'node:fs';
import { join, resolve } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import t from 'tap';
import { parse } from 'yaml';
import { Citizen } from '../races/citizen.ts';
import { type Balancer, balancer } from '../support/balancer.ts';
import { type Pair, pair } from '../support/pair.ts';
import { node, until } from '../support/processes.ts';
import { scratch } from '../support/scratch.ts';
import { find, wants } from '../support/wants.ts';

const root = resolve(import.meta.dirname, '../..');
const person = { name: '测试甲', number: '350299199001010117', mobile: '15400000117' };
const password = 'otter-canal-92-plum';

t.setTimeout(240_000);

t.test(
  'the road over TLS: PostgreSQL, Redis, two gateways, one of them killed half-way',
  { ...wants('chromium', 'redis-server'), timeout: 240_000 },
  async (t) => {
    const own = await pair(t, {
      redis: true,
      // the balancer, then the portals in a row
      ports: 7,
      issuer: ([port]) => `https://localhost:${port}`,
      clients: (ports) => definitions(ports[1] ?? 0),
      settings: { trusted_proxies: ['127.0.0.1', '::1'] },
    });
    const front = await balancer(t, { to: own.sides, port: own.ports[0] });
    t.equal(front.origin, own.issuer);
    const portals = await startPortals(t, own, front);
    await new Citizen(own).register(person, '/account', { password, realName: true });

    const { context, page, walk } = await browse(t, front, own);
    const { shot, pass, wrong } = walk;

    await t.test('one sign-in at the first department', async (t) => {
      await page.goto(portals(1));
      await enter(page);
      await page.waitForURL(/\/signin\//);
      await page.locator('input[name=login_id]').fill(person.mobile);
      await page.locator('input[name=password]').fill(password);
      await shot('sign-in');
      await page.getByRole('button', { name: '登录', exact: true }).click();
      await pass(portals(1));
      t.match(await page.locator('#claims').innerText(), /urn:egret:r1a1/);
      await shot('portal-1');
      const cookies = (await context.cookies(own.issuer)).filter(({ name }) => name.includes('egret'));
      t.ok(
        cookies.some(({ name }) => name === '__Host-egret'),
        'the session cookie belongs to this host alone',
      );
      for (const { name, secure, httpOnly } of cookies)
        t.same([/^__(Host|Secure)-/.test(name), secure, httpOnly], [true, true, true], name);
    });

    await t.test('two more, with both gateways', async (t) => {
      for (const n of [2, 3]) {
        await page.goto(portals(n));
        await enter(page);
        await pass(portals(n));
        await shot(`portal-${n}`);
      }
      t.ok(
        front.answered.every((count) => count > 5),
        `both answered: ${front.answered.join(' and ')}`,
      );
    });

    await t.test('one is killed; the road goes on', async (t) => {
      const before = [...front.answered];
      process.kill(own.gateways[0].pid, 'SIGKILL');
      await own.gateways[0].exit;
      for (const n of [4, 5]) {
        await page.goto(portals(n));
        await enter(page);
        await pass(portals(n));
        await shot(`portal-${n}-one-gateway`);
      }
      await page.goto(portals(2));
      await page.getByRole('button', { name: '查余额' }).click();
      await page.locator('#balance .amount').waitFor();
      await page.getByRole('button', { name: '换一张新的令牌' }).click();
      await page.locator('.message', { hasText: '令牌换成新的了' }).waitFor();
      await page.goto(`${own.issuer}/account`);
      t.match(await page.locator('h1').innerText(), /测\*甲/);
      await shot('account-one-gateway');
      t.equal(front.answered[0], before[0], 'the dead one answered nothing');
      t.ok((front.answered[1] ?? 0) > (before[1] ?? 0));
    });

    await t.test('sign-out of all of them, and its result', async (t) => {
      await page.goto(`${own.issuer}/sign-out`);
      await shot('sign-out-question');
      await page
        .getByRole('button', { name: /全部退出|退出/ })
        .first()
        .click();
      await page.waitForURL(/\/sign-out\/result\//);
      await until(async () => {
        await page.reload();
        return (
          /已退出/.test(await page.locator('main').innerText()) && !/正在/.test(await page.locator('main').innerText())
        );
      });
      await shot('sign-out-result');
      const result = await page.locator('main').innerText();
      t.match(result, /已退出白鹭通行证/);
      t.notMatch(result, /未响应/, 'every department has answered, told by the gateway that was left');
      for (const n of [1, 2, 3, 4]) {
        const answer = await context.request.get(`${portals(n)}/__demo/state`);
        const { session, notices } = (await answer.json()) as { session: unknown; notices: unknown[] };
        t.same([session, notices.length], [null, 1], `portal ${n} heard once, and ended its session`);
      }
      await page.goto(portals(1));
      await enter(page);
      await page.waitForURL(/\/signin\//);
      t.equal(await page.locator('input[name=password]').count(), 1, 'the next visit asks for a sign-in');
      await shot('signed-out');
    });

    t.same(wrong, [], 'no error page, no fault, on the whole way');
    t.same(front.lost, [], 'the balancer lost nothing');
    t.comment(`answered by either gateway: ${front.answered.join(' and ')}`);
  },
);

/** The portals' registrations, on ports of this test. */
function definitions(base: number): object[] {
  const folder = join(root, 'config/clients');
  return fs.readdirSync(folder).map((file) => {
    const text = fs.readFileSync(join(folder, file), 'utf8');
    return parse(text.replace(/127\.0\.0\.1:42(\d\d)/g, (_all, n) => `127.0.0.1:${base + Number(n)}`)) as object;
  });
}

async function startPortals(t: import('tap').Test, own: Pair, front: Balancer): Promise<(n: number) => string> {
  const data = scratch(t, 'portals');
  const base = own.ports[1] ?? 0;
  fs.writeFileSync(join(data, 'gongjijin.secret'), await own.secret('gongjijin'), { mode: 0o600 });
  const args = ['--base-port', String(base), '--issuer', own.issuer, '--data', data, '--with-parent'];
  const env = { NODE_EXTRA_CA_CERTS: front.authority };
  await node(t, join(root, 'src/demo/portals/main.ts'), args, { env }).waitFor(/haochaping http/);
  return (n) => `http://127.0.0.1:${base + n}`;
}

const enter = (page: Page): Promise<void> =>
  page.locator('a, button').filter({ hasText: '用白鹭通行证登录' }).first().click();

interface Walk {
  /** Saves a picture where EGRET_SHOTS names a folder. */
  shot(name: string): Promise<void>;
  /** Answers what stands between (notice, consent) until the portal says that somebody is signed in. */
  pass(portal: string): Promise<void>;
  /** Answers that no way should have had. */
  readonly wrong: string[];
}

async function browse(
  t: import('tap').Test,
  front: Balancer,
  own: Pair,
): Promise<{ context: BrowserContext; page: Page; walk: Walk }> {
  const args = [
    ...['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'],
    ...['--disable-component-update', '--disable-sync', '--disable-quic'],
    // this one certificate, and no other that is wrong
    `--ignore-certificate-errors-spki-list=${front.fingerprint}`,
  ];
  const browser = await chromium.launch({ executablePath: find('chromium') as string, args });
  t.teardown(() => browser.close());
  const context = await browser.newContext({ viewport: { width: 390, height: 844 }, locale: 'zh-CN' });
  const page = await context.newPage();
  const wrong: string[] = [];
  page.on('response', (answer) => {
    if (answer.status() >= 400) wrong.push(`${answer.status()} ${answer.url().replace(/\?.*/, '')}`);
  });
  page.on('requestfailed', (request) => {
    if (request.url().startsWith(own.issuer) && !/ERR_ABORTED/.test(request.failure()?.errorText ?? ''))
      wrong.push(`${request.failure()?.errorText} ${request.url().replace(/\?.*/, '')}`);
  });
  const folder = process.env.EGRET_SHOTS;
  let count = 0;
  const shot = async (name: string): Promise<void> => {
    if (!folder) return;
    fs.mkdirSync(folder, { recursive: true });
    count += 1;
    await page.screenshot({ path: join(folder, `${String(count).padStart(2, '0')}-${name}.png`), fullPage: true });
  };
  const pass = async (portal: string): Promise<void> => {
    const there = page.locator('#signed-in:visible, html[data-session=present]');
    const next = page
      .getByRole('button', { name: /同意勾选的|知道了|的身份继续|继续前往/ })
      .or(page.getByRole('link', { name: /继续前往/ }));
    for (let step = 0; step < 8; step++) {
      await page.waitForURL((url) => url.href.startsWith(portal) || url.pathname.startsWith('/signin/'));
      await there.or(next).or(page.locator('input[name=password]')).first().waitFor();
      if (page.url().startsWith(portal)) return;
      if ((await page.locator('input[name=password]').count()) > 0) throw new Error('a second login was asked for');
      const asked = page.url();
      for (const box of await page.getByRole('checkbox', { name: /以后去/ }).all()) await box.check();
      await shot('between');
      await next.first().click();
      await page.waitForURL((url) => url.href !== asked);
    }
    throw new Error(`not signed in at ${portal}: ${page.url()} ${await page.locator('body').innerText()}`);
  };
  return { context, page, walk: { shot, pass, wrong } };
}
