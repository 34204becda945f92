import { mkdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { type Browser, type BrowserContext, chromium, type Page } from 'playwright-core';
import t, { type Test } from 'tap';
import { type Person, password, patientCity, person } from '../signin/visitor.ts';
import type { City } from '../support/city.ts';
import { find, wants } from '../support/wants.ts';
import { answers } from './roamer.ts';

const flags = ['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking'];
const inPage = ['../web/in-page.js', 'in-page.js']
  .map((file) => readFileSync(join(import.meta.dirname, file), 'utf8'))
  .join('\n');
const sizes = { phone: { width: 390, height: 844 }, desktop: { width: 1280, height: 800 } } as const;

interface Look {
  readonly lang: 'zh-CN' | 'en';
  readonly mode: 'standard' | 'large';
  readonly scheme: 'light' | 'dark';
  readonly device: keyof typeof sizes;
  readonly person: Person;
  /** To five departments and out again, too; with EGRET_SHOTS every look is. */
  readonly whole?: true;
}

/** Every pair of two properties, and the one that is drawn most in the pictures of the design. */
const looks: readonly Look[] = [
  { lang: 'zh-CN', mode: 'standard', scheme: 'light', device: 'phone', person: person('测试乙', '350299199001010221') },
  { lang: 'zh-CN', mode: 'large', scheme: 'dark', device: 'desktop', person: person('测试丙', '350299194803150311') },
  {
    lang: 'en',
    mode: 'standard',
    scheme: 'dark',
    device: 'desktop',
    person: person('测试闰日', '350299199202290629'),
    whole: true,
  },
  { lang: 'en', mode: 'large', scheme: 'light', device: 'desktop', person: person('测试𠮷', '350299198508086060') },
  { lang: 'en', mode: 'large', scheme: 'dark', device: 'phone', person: person('阿依·测试', '350299198509097079') },
  {
    lang: 'zh-CN',
    mode: 'large',
    scheme: 'light',
    device: 'phone',
    person: person('测试甲', '350299199001010117'),
    whole: true,
  },
];

t.setTimeout(400_000);

t.test('how the pages of a sign-in look', wants('chromium'), async (t) => {
  const own = await patientCity(t);
  const browser = await chromium.launch({ executablePath: find('chromium') as string, args: flags });
  t.teardown(() => browser.close());
  for (const look of looks) {
    const { lang, mode, scheme, device } = look;
    await t.test(`${lang} ${mode} ${scheme} ${device}`, (t) => journey(t, own, browser, look));
  }
  await t.test('without JavaScript', (t) => withoutScript(t, own, browser, (looks[0] as Look).person));
});

/** Sign-in → registration → consent at one department, notice and consent at the next. */
async function journey(t: Test, own: City, browser: Browser, look: Look): Promise<void> {
  const { lang, mode, scheme, device, person: who } = look;
  const context = await browser.newContext({ viewport: sizes[device], locale: 'zh-CN', colorScheme: scheme });
  const page = await context.newPage();
  let count = 0;
  const seen = async (name: string): Promise<void> => {
    count += 1;
    await judge(t, page, look, name);
    await shoot(page, `${lang}-${mode}-${scheme}-${device}`, `${String(count).padStart(2, '0')}-${name}`);
  };
  const press = (action: string) => page.locator(`form[action$="/${action}#err"] button[type=submit]`).last().click();
  const at = (selector: string) => page.locator(selector).first().waitFor();

  await toSignIn(page, own.portal(1));
  // the switches of the page itself: what they set has to last over every step
  if (lang === 'en') await page.locator('a.language').click();
  if (mode === 'large') await page.locator('a.mode').click();
  await at(mode === 'large' ? 'form[action$="/mobile#err"]' : 'form[action$="/password#err"]');
  await seen('sign-in');
  await page.locator(`a[href$="?way=${mode === 'large' ? 'password' : 'sms'}"]`).click();
  await seen('sign-in-other-way');
  await page.locator('a[href$="?way=register"]').click();
  await page.locator('input[name=mobile]').fill('154');
  await press('register');
  await at('#err');
  t.equal(await page.locator('#err li').count(), 2, 'both things to fix are said at once');
  t.equal(await page.locator('#err').evaluate('document.activeElement.id'), 'err', 'the summary has the focus');
  await seen('register-errors');
  await page.locator('input[name=mobile]').fill(who.mobile);
  await page.locator('input[name=agree_terms]').check();
  await press('register');
  await at('input[name=otp]');
  await seen('register-code');
  await page.locator('input[name=otp]').fill(await own.code(who.mobile));
  await press('code');
  await at('input[name=new_password]');
  await seen('register-password');
  await page.locator('input[name=new_password]').fill(password);
  await page.locator('form:has(input[name=new_password]) button[type=submit]').click();
  await at('input[name=full_name]');
  await page.locator('input[name=full_name]').fill(who.name);
  await page.locator('input[name=id_number]').fill(who.number);
  await seen('register-real-name');
  await press('real-name');
  await at('a[href$="?seen=result"]');
  await seen('real-name-result');
  await page.locator('a[href$="?seen=result"]').click();
  await between(page, own.portal(1), seen);
  t.match(await page.locator('#claims').innerText(), /urn:egret:r1a1/, 'signed in at the department');

  for (const n of look.whole || process.env.EGRET_SHOTS ? [2, 3, 4, 5] : [2]) {
    await toSignIn(page, own.portal(n));
    await between(page, own.portal(n), seen);
    await page.waitForURL(`${own.portal(n)}/`); // a department in the browser goes home by itself
  }
  if (look.whole || process.env.EGRET_SHOTS) await leave(page, own, seen);
  t.ok(count >= 10, `${count} pages were looked at`);
  await context.close();
}

/** The account centre, and the way out with one department that does not answer. */
async function leave(page: Page, own: City, seen: (name: string) => Promise<void>): Promise<void> {
  for (const name of ['account', 'account/sessions', 'account/authorizations']) {
    await page.goto(`${own.issuer}/${name}`);
    await seen(name.replace('/', '-'));
  }
  await answers(own.portal(3), 'hang');
  await page.goto(`${own.issuer}/sign-out`);
  await seen('sign-out');
  await page.locator('form[action="/sign-out#err"] button[type=submit]').first().click();
  await page.waitForURL(/\/sign-out\/result\//);
  await seen('sign-out-result');
  await page.goto(`${own.issuer}/nowhere`);
  await seen('error');
  await answers(own.portal(3), 'normal');
}

async function toSignIn(page: Page, portal: string): Promise<void> {
  await page.goto(portal);
  await page.locator('a, button').filter({ hasText: '用白鹭通行证登录' }).first().click();
  await page.waitForURL(/\/signin\//);
}

/** Notice and consent, as they come, until the department says that somebody is signed in. */
async function between(page: Page, portal: string, seen: (name: string) => Promise<void>): Promise<void> {
  const there = page.locator('#signed-in, html[data-session=present]');
  const consent = page.locator('form[action$="/consent#err"]');
  const notice = page.locator('form[action$="/roaming#err"]');
  for (let step = 0; step < 4; step++) {
    await there.or(consent).or(notice).first().waitFor({ state: 'attached' });
    if (page.url().startsWith(portal)) return;
    const asked = (await consent.count()) > 0 ? consent : notice;
    await seen(asked === consent ? 'consent' : 'notice');
    const boxes = asked === consent ? await consent.getByRole('checkbox').all() : [];
    for (const box of boxes) {
      if (await box.isChecked()) throw new Error('a box was ticked beforehand');
      await box.check();
    }
    const here = page.url();
    await asked.locator('button[type=submit]').first().click();
    await page.waitForURL((url) => url.href !== here);
  }
  throw new Error(`not signed in at ${portal}: ${page.url()}`);
}

/** What is measured of every page. */
async function judge(t: Test, page: Page, { lang, mode, scheme, device }: Look, name: string): Promise<void> {
  const faults: string[] = [];
  // so tall that nothing has to be scrolled to be hit
  await page.setViewportSize({ width: sizes[device].width, height: 6_000 });
  await page.evaluate(inPage);
  const edition = await page.evaluate<{ lang: string; mode: string; title: string; dark: boolean }>('editionOf()');
  if (edition.lang !== lang) faults.push(`lang=${edition.lang}`);
  if (edition.mode !== mode) faults.push(`mode=${edition.mode}`);
  if (edition.dark !== (scheme === 'dark')) faults.push('other colours');
  if (!edition.title.endsWith(lang === 'en' ? ' - Egret' : ' - 白鹭通行证')) faults.push(`title: ${edition.title}`);
  faults.push(...(await page.evaluate<string[]>(`layoutFaults(${mode === 'large' ? 60 : 44})`)));
  faults.push(...(await page.evaluate<string[]>(`textFaults(${mode === 'large' ? 20 : 15})`)));
  await page.setViewportSize(sizes[device]);
  t.same(faults, [], name);
}

/** With EGRET_SHOTS: pictures to be looked at by people. */
async function shoot(page: Page, folder: string, name: string): Promise<void> {
  const shots = process.env.EGRET_SHOTS;
  if (!shots) return;
  mkdirSync(join(shots, folder), { recursive: true });
  await page.screenshot({ path: join(shots, folder, `${name}.png`), fullPage: true });
}

/** A whole sign-in of a person who is registered, at a department, with the script switched off. */
async function withoutScript(t: Test, own: City, browser: Browser, who: Person): Promise<void> {
  const context: BrowserContext = await browser.newContext({
    viewport: sizes.phone,
    locale: 'zh-CN',
    javaScriptEnabled: false,
  });
  const page = await context.newPage();
  await toSignIn(page, own.portal(1));
  t.equal(await page.locator('.reveal').count(), 0, 'no control that needs the script');
  await page.locator('input[name=login_id]').fill(who.mobile);
  await page.locator('input[name=password]').fill('wrong horse battery');
  await page.locator('form[action$="/password#err"] button[type=submit]').click();
  await page.locator('#err').waitFor();
  t.match(page.url(), /#err$/, 'the address brings the browser to the summary');
  t.equal(await page.locator('input[name=login_id]').inputValue(), who.mobile, 'what was typed stays');
  await shoot(page, 'no-script', '01-wrong-password');
  await page.locator('input[name=password]').fill(password);
  await page.locator('form[action$="/password#err"] button[type=submit]').click();
  await page.locator('#signed-in').waitFor();
  t.ok(page.url().startsWith(own.portal(1)), 'arrived by the page that goes on by itself');
  await shoot(page, 'no-script', '02-department');
  await page.goto(own.portal(2));
  await page.locator('a, button').filter({ hasText: '用白鹭通行证登录' }).first().click();
  await page.locator('form[action$="/roaming#err"]').waitFor();
  await shoot(page, 'no-script', '03-notice');
  await page.locator('form[action$="/roaming#err"] button[type=submit]').first().click();
  await page.locator('#signed-in').waitFor();
  t.ok(page.url().startsWith(own.portal(2)), 'and on to the next department');
  await context.close();
}
