import Fastify from 'fastify';
import { chromium, type Page } from 'playwright-core';
import t from 'tap';
import { contentSecurityPolicy, serveAssets } from '../../src/web/assets.ts';
import { button, field, form } from '../../src/web/form.view.ts';
import { page } from '../../src/web/layout.view.ts';
import type { Problem } from '../../src/web/parts.view.ts';
import { find, wants } from '../support/wants.ts';
import { context } from './discovered.ts';

const problems: readonly Problem[] = [{ field: 'password', code: 'EG-1113' }];

t.test('what the script adds, and what works without it', wants('chromium'), async (t) => {
  const server = Fastify();
  await server.register(serveAssets);
  const posts: string[] = [];
  // A form that never gets its page back in time: what a second press would send twice.
  let release: (() => void) | undefined;
  server.addContentTypeParser('application/x-www-form-urlencoded', { parseAs: 'string' }, (_request, body, done) =>
    done(null, body),
  );
  const shown = (wrong: readonly Problem[]) =>
    page(context(), {
      title: '登录',
      problems: wrong,
      body: form(context(), {
        action: '/slow',
        body: [
          field(context(), { name: 'password', label: '密码', type: 'password', autocomplete: 'off', problems: wrong }),
          button({ text: '登录' }),
        ],
      }),
    });
  server.get('/', (_request, reply) =>
    reply.type('text/html').header('content-security-policy', contentSecurityPolicy).send(shown([])),
  );
  server.get('/wrong', (_request, reply) =>
    reply.type('text/html').header('content-security-policy', contentSecurityPolicy).send(shown(problems)),
  );
  server.get('/ends', (request, reply) => {
    const { mode } = request.query as { mode: 'standard' | 'large' };
    const now = context().now;
    const ending = { ...context(), mode, sessionEnd: { at: now + 10 * 60_000, stay: '/stay' } };
    return reply.type('text/html').send(page(ending, { title: '账号', body: '' }));
  });
  server.post('/slow', async (request, reply) => {
    posts.push(request.body as string);
    await new Promise<void>((resolve) => {
      release = resolve;
    });
    return reply.type('text/html').header('content-security-policy', contentSecurityPolicy).send(shown(problems));
  });
  const url = await server.listen({ host: '127.0.0.1', port: 0 });
  const browser = await chromium.launch({
    executablePath: find('chromium'),
    args: ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-quic'],
  });
  t.teardown(async () => {
    await browser.close();
    await server.close();
  });
  const focused = (tab: Page) => tab.evaluate<string>('document.activeElement.id');
  const arrived = async () => {
    while (posts.length === 0) await new Promise((resolve) => setImmediate(resolve));
  };

  await t.test('a session that ends says so two minutes before, in the large edition four', async (t) => {
    for (const [mode, minutes] of [
      ['standard', 2],
      ['large', 4],
    ] as const) {
      const tab = await browser.newPage();
      await tab.clock.install({ time: 0 });
      await tab.goto(`${url}/ends?mode=${mode}`);
      const stay = tab.getByRole('link', { name: '继续使用' });
      await tab.clock.runFor((10 - minutes) * 60_000 - 1_000);
      t.equal(await stay.isVisible(), false, mode);
      await tab.clock.runFor(1_000);
      t.equal(await stay.isVisible(), true, mode);
      t.match(await tab.getByRole('status').first().innerText(), `${minutes} 分钟后自动退出`);
      await tab.close();
    }
  });

  await t.test('with it', async (t) => {
    const tab = await browser.newPage();
    const said: string[] = [];
    tab.on('console', (message) => said.push(message.text()));
    await tab.addInitScript({
      content: "addEventListener('submit', () => console.log(document.querySelector('#password').type))",
    });
    await tab.goto(url);
    const reveal = tab.getByRole('button', { name: '显示密码' });
    await tab.fill('#password', 'qwer');
    await reveal.click();
    t.equal(await tab.getAttribute('#password', 'type'), 'text');
    t.equal(await focused(tab), 'password', 'the field keeps the focus');
    await tab.getByRole('button', { name: '隐藏密码' }).click();
    t.equal(await tab.getAttribute('#password', 'type'), 'password');
    await reveal.click();

    const offline = tab.locator('[data-offline]');
    await tab.context().setOffline(true);
    await tab.click('button[type=submit]');
    await offline.waitFor({ state: 'visible' });
    t.match(await offline.textContent(), '网络断了，填的还在');
    t.equal(await tab.inputValue('#password'), 'qwer');
    await tab.context().setOffline(false);
    await offline.waitFor({ state: 'hidden' });

    said.length = 0;
    await tab.click('button[type=submit]', { noWaitAfter: true });
    await arrived();
    await tab.keyboard.press('Enter');
    await tab.keyboard.press('Enter');
    release?.();
    await tab.waitForSelector('#err');
    t.same(said, ['password', 'password', 'password'], 'it was pressed three times, and leaves as a password');
    t.same(posts, ['form_token=form-token&password=qwer'], 'but sent once');
    t.equal(await focused(tab), 'err', 'the summary has the focus');
    await tab.keyboard.press('Tab');
    await tab.keyboard.press('Enter');
    t.equal(await focused(tab), 'password', 'and leads to the field');
    await tab.goto(`${url}/wrong`);
    await tab.waitForFunction("document.activeElement.id === 'err'");
    t.equal(await tab.title(), '错误：登录 - 白鹭通行证');
    await tab.goto(`${url}/#err`);
    await tab.waitForFunction("!location.href.includes('#')");
    await tab.close();
  });

  await t.test('without it', async (t) => {
    posts.length = 0;
    const context = await browser.newContext({ javaScriptEnabled: false });
    const tab = await context.newPage();
    await tab.goto(url);
    t.equal(await tab.locator('button').count(), 1, 'no button that would do nothing');
    await tab.fill('#password', 'qwer');
    await tab.click('button[type=submit]', { noWaitAfter: true });
    await arrived();
    release?.();
    await tab.waitForURL(`${url}/slow#err`);
    await tab.locator('#err:target').waitFor();
    t.equal(await tab.locator('#err:focus').count(), 1, '#err in the address brings the focus to the summary');
    await context.close();
  });
});
