import fs from 'node:fs';
import http from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { type BrowserContext, chromium, type Page } from 'playwright-core';
import t from 'tap';
import { difference, stateOf } from '../bad-input/state.ts';
import { Passer } from '../numbers/passer.ts';
import { Jar } from '../support/browser.ts';
import { client, redirect } from '../support/op.ts';
import { pair } from '../support/pair.ts';
import { until } from '../support/processes.ts';
import { citizenRoutes } from '../support/routes.ts';
import { find, wants } from '../support/wants.ts';

t.setTimeout(180_000);

const password = 'otter-canal-92-plum';

/** Where departments post, from anywhere: what they bring is their proof, and a browser's cookie opens nothing there. */
const ofDepartments = ['/authorize', '/userinfo', '/token', '/introspect', '/revoke', '/session/end'];

/** Remembers cookies as they were set, so that a browser can be given them with all that is said of them. */
class KeepingJar extends Jar {
  readonly lines = new Map<string, string>();

  override async fetch(url: string, init: RequestInit = {}): Promise<Response> {
    const answer = await super.fetch(url, init);
    for (const line of answer.headers.getSetCookie()) {
      const [, name = ''] = /^([^=]+)=/.exec(line) ?? [];
      const path = /path=([^;]*)/i.exec(line)?.[1] ?? '/';
      if (/expires=Thu, 01 Jan 1970/i.test(line)) this.lines.delete(`${name} ${path}`);
      else this.lines.set(`${name} ${path}`, line);
    }
    return answer;
  }
}

const cookieOf = (line: string, issuer: string) => {
  const [, name = '', value = ''] = /^([^=]+)=([^;]*)/.exec(line) ?? [];
  const has = (attribute: string): string | undefined => new RegExp(`;\\s*${attribute}=?([^;]*)`, 'i').exec(line)?.[1];
  const sameSite = (['Strict', 'Lax', 'None'] as const).find(
    (one) => has('samesite')?.toLowerCase() === one.toLowerCase(),
  );
  return {
    ...{ name, value, domain: new URL(issuer).hostname, path: has('path') ?? '/', expires: Date.now() / 1000 + 3_600 },
    ...{ httpOnly: has('httponly') !== undefined, ...(sameSite ? { sameSite } : {}) },
  };
};

t.test('from another site, and from another port of this host', wants('chromium', 'redis-server'), async (t) => {
  const [routes, own, browser] = await Promise.all([
    citizenRoutes(t),
    pair(t, {
      redis: true,
      clients: () => [
        client('public', {
          auth: 'none',
          kind: 'browser',
          grants: ['authorization_code'],
          origins: [new URL(redirect).origin],
        }),
      ],
    }),
    chromium.launch({ executablePath: find('chromium') as string, args: ['--no-sandbox', '--disable-gpu'] }),
  ]);
  t.teardown(() => browser.close());
  const state = stateOf(own);
  t.teardown(() => state.close());

  // somebody signed in, who has agreed somewhere, and is half-way through another sign-in
  const [person, other] = await own.people(2);
  if (!person || !other) throw new Error('nobody');
  const jar = new KeepingJar();
  const citizen = new Passer(own, jar);
  await citizen.arrive(await citizen.register(person, citizen.visit('public').url, { password }));
  const begun = await citizen.form(citizen.visit('public', { prompt: 'login' }).url);
  const hidden = async (path: string, name: string): Promise<string> => {
    const { page } = await citizen.open(path);
    return new RegExp(`name="${name}" value="([^"]+)"`).exec(page)?.[1] ?? '';
  };
  // what the attacker cannot know is told them, but for the token of this browser's forms: theirs is all they have
  const { token: form_token } = await new Passer(own, new Jar()).form('/account');
  const fields: Readonly<Record<string, Record<string, string>>> = {
    '/sign-out': { request: await hidden('/sign-out', 'request'), choice: 'all' },
    '/account/sessions/end': { session: await hidden('/account/sessions', 'session') },
    '/account/sessions/leave': { visit: await hidden('/account/sessions', 'visit') },
    '/account/authorizations/:client/notice': { notice: 'off' },
  };
  const ofSignIn = {
    ...{ login_id: other.mobile, password, mobile: other.mobile, agree_terms: 'on', otp: '123456', method: 'skip' },
    ...{ full_name: other.name, id_number: other.number, new_password: password, decision: 'continue' },
  };
  const inPlace = (url: string): string =>
    `${own.issuer}${url.replace(':uid', begun.at.slice('/signin/'.length)).replace(':client', 'public').replace(':id', 'x'.repeat(22))}`;
  const targets = routes.POST.map((url) => ({
    url: inPlace(url),
    fields: { form_token, ...(url.startsWith('/signin/') ? ofSignIn : fields[url]) } as Record<string, string>,
  }));
  const forms = targets.filter((_, n) => !ofDepartments.includes(routes.POST[n] ?? ''));
  t.ok(forms.length >= 22, `${forms.length} forms`);
  const pages = [
    // whoever knows its address goes on with a journey by it, and comes to its next page: nothing else
    ...routes.GET.filter((url) => url !== '/authorize/:uid').map(inPlace),
    ...['choice=all', `request=${fields['/sign-out']?.request}&choice=all`].map(
      (query) => `${own.issuer}/sign-out?${query}`,
    ),
    `${own.issuer}/session/end?client_id=public&choice=all`,
  ];

  const script = fs.readFileSync(join(import.meta.dirname, 'cross-site.js'));
  const evil = http.createServer((request, reply) => {
    if (request.url === '/cross-site.js') reply.writeHead(200, { 'content-type': 'text/javascript' }).end(script);
    else
      reply
        .writeHead(200, { 'content-type': 'text/html' })
        .end('<!doctype html><body><script src="/cross-site.js"></script>');
  });
  await new Promise<void>((done) => evil.listen(0, '::', done));
  t.teardown(() => {
    evil.closeAllConnections();
    evil.close();
  });
  const { port } = evil.address() as AddressInfo;

  const context = await browser.newContext();
  await context.addCookies([...jar.lines.values()].map((line) => cookieOf(line, own.issuer)));
  /** What this browser holds of the gateway's: the sign-in, and the browser itself. */
  const held = async () =>
    (await context.cookies(own.issuer))
      .filter(({ name }) => name === 'egret' || name === 'egret_b')
      .map(({ name, value }) => [name, value]);
  const answers = watch(context, own.issuer);
  const page = await context.newPage();
  await page.goto(`${own.issuer}/account`);
  t.match(await page.content(), person.mobile.slice(-4), 'signed in, in this browser');
  const cookies = await held();
  t.equal(cookies.length, 2);
  const settled = () =>
    until(async () => (await own.database.sql`select 1 from outbox where state = 'waiting' limit 1`).length === 0);
  await settled();
  let before = await state.read();

  for (const site of [`http://127.0.0.1:${port}`, `http://localhost:${port}`])
    await t.test(site.includes('127') ? 'from another site' : 'from another port of this host', async (t) => {
      const call = <T>(name: string, given: unknown): Promise<T> =>
        page.evaluate(`globalThis.${name}(${JSON.stringify(given)})`) as Promise<T>;
      await page.goto(site);
      answers.clear();
      // a frame of another site brings no cookie, a window does; from another port the frames do
      const foreign = site.includes('127');
      await call('inFrames', { targets, encodings: foreign ? 1 : 3 });
      const scripted = await call<string[]>('byScript', targets);
      t.same(
        scripted.filter((one) => one.startsWith('read')),
        [],
        'no script reads an answer',
      );
      await page.goto(site);
      t.same(await call('embedded', pages), [], 'no frame shows a page of ours');
      for (const url of pages.filter((one) => /sign-out|account/.test(one)))
        t.same(await call('opened', url), { heard: [], read: '' }, `a window: ${new URL(url).pathname}`);
      const inWindow = async (target: (typeof targets)[number]) => {
        const answered = context.waitForEvent(
          'response',
          (answer) => answer.url() === target.url && answer.request().method() === 'POST',
        );
        await call('inWindow', target);
        return answered;
      };
      for (const target of foreign ? forms : forms.slice(0, 1)) {
        const answer = await inWindow(target);
        t.equal(answer.status(), 403, new URL(target.url).pathname);
        t.match(await answer.text(), /EG-1003/);
      }
      for (const { url } of forms) {
        const statuses = answers.get(url) ?? [];
        t.ok(statuses.length >= 4, `${new URL(url).pathname}: ${statuses}`);
        t.same(
          statuses.filter((status) => status !== 403 && status !== 415),
          [],
          `${new URL(url).pathname} is refused`,
        );
      }
      t.same(await held(), cookies, 'the cookies are what they were');
      await settled();
      const { 'new i': _begun, ...changed } = difference(before, await state.read());
      t.same(changed, {}, 'nothing has changed; sign-ins that anybody may begin aside');

      // anybody may send a browser to a department: its code goes to the department, and the sign-in stays what it was
      const visit = new URL(citizen.visit('public').url).searchParams;
      await inWindow({ url: `${own.issuer}/authorize`, fields: Object.fromEntries(visit) });
      await inWindow({ url: `${own.issuer}/session/end`, fields: { client_id: 'public', choice: 'all' } });
      await until(async () => difference(before, await state.read())['new c'] !== undefined);
      t.same(await held(), cookies, 'nor have they by a request of a department');
      before = await state.read();
    });

  await t.test('what was attacked was there', async (t) => {
    await page.goto(`${own.issuer}/account`);
    t.match(await page.content(), person.mobile.slice(-4), 'still signed in');
    await signOut(page, own.issuer);
    const changed = difference(before, await state.read());
    t.ok(
      changed['changed sessions'] ?? changed['new sessions'],
      `our own form ends the session: ${JSON.stringify(changed)}`,
    );
  });
});

/** Statuses of posts by address, whoever sent them. */
function watch(context: BrowserContext, issuer: string): Map<string, number[]> {
  const answers = new Map<string, number[]>();
  context.on('response', (answer) => {
    if (answer.request().method() !== 'POST' || !answer.url().startsWith(issuer)) return;
    answers.set(answer.url(), [...(answers.get(answer.url()) ?? []), answer.status()]);
  });
  return answers;
}

async function signOut(page: Page, issuer: string): Promise<void> {
  await page.goto(`${issuer}/sign-out`);
  const answered = page.waitForResponse((answer) => answer.request().method() === 'POST');
  await page.locator('form[action^="/sign-out"] button').first().click();
  await answered;
}
