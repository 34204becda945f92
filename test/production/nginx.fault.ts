import { randomUUID } from 'node:crypto';
import fs from 'node:fs';
import { join } from 'node:path';
import { hash } from 'argon2';
import { chromium } from 'playwright-core';
import t from 'tap';
import { sealAccount } from '../../src/accounts/account.ts';
import { insertAccount } from '../../src/accounts/records.ts';
import { lookAtKeys } from '../../src/keys/keys.ts';
import { type City, productionCity } from '../cli/production.ts';
import { root } from '../cli/world.ts';
import { nginx } from '../support/nginx.ts';
import { node, until } from '../support/processes.ts';
import { find, wants } from '../support/wants.ts';
import { type Answer, Caller } from './caller.ts';

/** Issue 4, section 2: a gateway in production mode behind nginx as docs/operate.md sets it up. */

const issuer = 'https://id.city.example';
const person = { mobile: '13900000117', password: 'otter-canal-92-plum' };
const tries = 3;

t.setTimeout(120_000);

t.test('production behind nginx', { ...wants('nginx', 'postgresql', 'redis-server'), timeout: 120_000 }, async (t) => {
  const city = await productionCity(t);
  const { ports } = city;
  const front = await nginx(t, { to: [ports.public] });
  const settings = city.with({
    trusted_proxies: ['127.0.0.1', '127.0.0.3'],
    limits: { sign_in_per_address: { count: tries } },
  });
  const gateway = node(t, join(root, 'src/cli/main.ts'), ['serve'], { env: { ...city.env, ...settings } });
  await gateway.waitFor(/"ready"/);
  await until(async () => (await fetch(`http://127.0.0.1:${ports.admin}/readyz`)).ok);
  await insertPerson(city);

  /** Somebody at this address, before nginx. */
  const at = (from: string, forged: Record<string, string> = {}) =>
    new Caller({ to: front.port, authority: front.authority, from, forged });
  /** The same past nginx, at the gateway's own port. */
  const past = (from: string, forged: Record<string, string> = {}) => new Caller({ to: ports.public, from, forged });

  await t.test('who says which address a person has', async (t) => {
    let nobody = 0;
    /** Tries to sign in, one after the other, each with other headers: how each was answered. */
    const tried = async (caller: Caller, said: readonly string[]): Promise<number[]> => {
      const { action, token } = await caller.signInPage();
      const statuses: number[] = [];
      for (const forwarded of said) {
        const forged = { 'x-forwarded-for': forwarded, forwarded: `for=${forwarded}`, 'x-real-ip': forwarded };
        const form = { form_token: token, login_id: `1390000${1000 + nobody++}`, password: 'no' };
        const answer = await caller.post(`${action}/password`, form, { origin: issuer, ...forged });
        statuses.push(answer.status);
      }
      return statuses;
    };
    const capped = [...Array.from({ length: tries }, () => 422), 429];
    const many = ['198.51.100.1', '198.51.100.2, 198.51.100.3', '127.0.0.1', '10.0.0.1, 127.0.0.3'];
    t.strictSame(await tried(at('127.0.0.5'), many), capped, 'one address before nginx is one, whatever it says');
    t.strictSame(await tried(at('127.0.0.6'), ['127.0.0.5']), [422], 'another is another, and pays for nobody');
    t.strictSame(await tried(past('127.0.0.7'), many), capped, 'who is not listed says nothing, also past nginx');
    const chain = ['203.0.113.9', '198.51.100.4, 203.0.113.9', '127.0.0.1, 203.0.113.9', '203.0.113.10, 203.0.113.9'];
    t.strictSame(
      await tried(at('127.0.0.3'), chain),
      capped,
      'a listed proxy before nginx: its right-most word counts',
    );
    t.strictSame(await tried(at('127.0.0.3'), ['203.0.113.9, 203.0.113.10']), [422], 'and each person is one');
  });

  await t.test('host and scheme are those of the issuer, whatever is sent', async (t) => {
    const headers = {
      'x-forwarded-host': 'evil.example',
      'x-forwarded-proto': 'http',
      'x-forwarded-port': '81',
      forwarded: 'for=1.2.3.4;host=evil.example;proto=http',
    };
    const ways: Record<string, () => Caller> = {
      plain: () => at('127.0.0.10'),
      'forged headers': () => at('127.0.0.11', headers),
      'a foreign Host': () => at('127.0.0.12', { host: 'evil.example' }),
      'a foreign Host and headers': () => at('127.0.0.13', { host: 'evil.example:81', ...headers }),
      'an absolute request line': () => at('127.0.0.14').absolute('http://evil.example'),
      'a foreign :authority': () => at('127.0.0.15').http2('evil.example'),
      'past nginx, a foreign Host and headers': () => past('127.0.0.1', { host: 'evil.example', ...headers }),
      'past nginx, an absolute request line': () => past('127.0.0.1').absolute('http://evil.example'),
    };
    const told: Record<string, unknown> = {};
    for (const [way, caller] of Object.entries(ways)) {
      const one = caller();
      const discovery = await one.get('/.well-known/openid-configuration');
      const { answers, action, token } = await one.signInPage();
      const foreign = await one.post(`${action}/password`, { form_token: token }, { origin: 'https://evil.example' });
      const all = [discovery, ...answers, foreign];
      t.notOk(
        all.some((answer) => /evil|http:\/\/id\.city/.test(JSON.stringify(answer))),
        `${way}: no answer says it back`,
      );
      for (const { headers } of all) t.match(headers, { 'strict-transport-security': /^max-age=31536000/ }, way);
      told[way] = { discovery: discovery.text, road: answers.map(shape), foreign: shape(foreign) };
      t.same(told[way], told.plain, `${way}: answered as without`);
    }
    const { discovery, foreign } = told.plain as { discovery: string; foreign: { status: number } };
    t.equal(JSON.parse(discovery).issuer, issuer);
    t.equal(foreign.status, 403, 'a form of another site is refused, also where Host names that site');
  });

  await t.test('cookies', async (t) => {
    const caller = at('127.0.0.20');
    const { answers, action, token } = await caller.signInPage();
    const form = { form_token: token, login_id: person.mobile, password: person.password };
    const signedIn = await caller.post(`${action}/password`, form, { origin: issuer });
    t.equal(signedIn.status, 303, signedIn.text);
    const road = await caller.follow(signedIn.headers.location ?? '/account');
    const set = [...answers, signedIn, ...road].flatMap((answer) => answer.cookies);
    const kept = set.filter((line) => !/expires=Thu, 01 Jan 1970/i.test(line));
    const uid = '[\\w-]{20,}';
    const wanted = {
      '__Host-egret': '/',
      '__Host-egret_b': '/',
      '__Host-egret_from': '/',
      '__Secure-egret_i': `/signin/${uid}`,
      '__Secure-egret_r': `/authorize/${uid}`,
    };
    t.strictSame([...new Set(kept.map((line) => line.split('=')[0] ?? ''))].sort(), Object.keys(wanted));
    for (const line of set) {
      const [name = ''] = line.split('=');
      t.match(line, /; secure/i, line);
      t.match(line, /; httponly/i, line);
      t.match(line, /; samesite=lax/i, line);
      t.notMatch(line, /; domain=/i, line);
      t.match(line, new RegExp(`; path=${wanted[name as keyof typeof wanted]}(;|$)`, 'i'), line);
    }
    t.equal(road.at(-1)?.status, 200);
  });

  await t.test('a browser: signed in, and out', wants('chromium'), async (t) => {
    const browser = await chromium.launch({
      executablePath: find('chromium') as string,
      args: [
        ...['--no-sandbox', '--disable-gpu', '--no-first-run', '--disable-background-networking', '--disable-quic'],
        `--host-resolver-rules=MAP id.city.example:443 127.0.0.1:${front.port}`,
        `--ignore-certificate-errors-spki-list=${front.fingerprint}`,
      ],
    });
    t.teardown(() => browser.close());
    const context = await browser.newContext({ locale: 'zh-CN' });
    const page = await context.newPage();
    const wrong: string[] = [];
    page.on('response', (answer) => {
      if (answer.status() >= 400) wrong.push(`${answer.status()} ${answer.url()}`);
    });
    await page.goto(`${issuer}/account`);
    await page.locator('input[name=login_id]').fill(person.mobile);
    await page.locator('input[name=password]').fill(person.password);
    await page.getByRole('button', { name: '登录', exact: true }).click();
    await page.waitForURL((url) => url.origin === issuer && url.pathname === '/account');
    const session = (await context.cookies()).find(({ name }) => name === '__Host-egret');
    t.match(session, { secure: true, httpOnly: true, sameSite: 'Lax', path: '/', domain: 'id.city.example' });
    await page.goto(`${issuer}/sign-out`);
    await page.getByRole('button', { name: /退出/ }).first().click();
    await page.waitForURL(/\/sign-out\/result\//);
    t.match(await page.locator('main').innerText(), /已退出白鹭通行证/);
    await page.goto(`${issuer}/account`);
    await page.locator('input[name=password]').waitFor();
    t.strictSame(wrong, []);
  });

  t.notMatch(front.output(), /\[(warn|error|crit|alert|emerg)\]/, 'nginx has nothing to say');
  t.strictSame(await gateway.stop(), { code: 0, signal: null });
});

/** An answer without what is drawn anew for each. */
const shape = ({ status, headers, cookies }: Answer) => ({
  status,
  location: headers.location?.replace(/[\w-]{20,}/g, '…'),
  type: headers['content-type'],
  cookies: cookies.map((line) => line.replace(/[\w-]{20,}(\.[\w-]+)*/g, '…').replace(/expires=[^;]*/i, 'expires=…')),
});

async function insertPerson({ db, folder }: City): Promise<void> {
  const key = Buffer.from(fs.readFileSync(join(folder, 'key'), 'utf8'), 'base64url');
  const opened = await lookAtKeys(db, key);
  if (!opened) throw new Error('the start made no keys');
  const now = Date.now();
  const account = {
    ...({ id: randomUUID(), state: 'active', level: 0 } as const),
    ...{ mobile: person.mobile, mobileIsLogin: true, mobileProvedAt: now, passwordChangedAt: now },
    ...{ createdAt: now, updatedAt: now },
    password: await hash(person.password),
  };
  await insertAccount(db.sql, sealAccount(opened.vault, account));
}
