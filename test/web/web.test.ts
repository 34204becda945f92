import Fastify from 'fastify';
import t from 'tap';
import { assets, serveAssets } from '../../src/web/assets.ts';
import { fill, html } from '../../src/web/html.ts';
import { page } from '../../src/web/layout.view.ts';
import { masked, problemText } from '../../src/web/parts.view.ts';
import { localPath, preferencesOf, servePreferences } from '../../src/web/preferences.ts';
import { clockTime, comingTime, dateTime, dictionary, inTone, nearTime } from '../../src/web/words.ts';
import { context, discover, editions } from './discovered.ts';
import { all, parse, text } from './markup.ts';
import { pairwise } from './pairwise.ts';

t.test('the tag escapes everything but markup of its own', (t) => {
  const evil = `"'<b>&=`;
  t.equal(html`<p title="${evil}">${evil}</p>`.toString().match(/<b>/g), null);
  t.equal(
    html`${html`<b>${'<'}</b>`}${[1, '<', null, false, undefined, [html`<i></i>`]]}`.toString(),
    '<b>&#60;</b>1&#60;<i></i>',
  );
  t.equal(html`Stop!${'<b>'}`.toString(), 'Stop!&#60;b&#62;', 'a ! in front of a value is a !');
  const forged = { toString: () => '<b>', '#markup': '<b>' } as never;
  t.equal(html`${forged}`.toString(), '', 'something that looks like markup is not');
  t.equal(fill('{a} < {b}', { a: html`<b></b>`, b: '<' }).toString(), '<b></b> &#60; &#60;');
  t.end();
});

t.test('words: 你 and 您, and times of Beijing', (t) => {
  const words = dictionary(
    { plain: '你好', call: (name: string) => `${name}，你好`, other: '标准' },
    { plain: 'hello', call: (name) => `hello ${name}`, other: 'standard' },
    { zh: { other: '给你的' }, en: { other: 'large' } },
  );
  const large = words({ lang: 'zh-CN', mode: 'large' });
  t.same(
    [large.plain, large.call('你某'), large.other],
    ['您好', '你某，您好', '给您的'],
    'what is put in stays as it is',
  );
  t.same(words({ lang: 'zh-CN', mode: 'standard' }).plain, '你好');
  t.same([words({ lang: 'en', mode: 'large' }).plain, words({ lang: 'en', mode: 'large' }).other], ['hello', 'large']);
  t.equal(inTone('你', { lang: 'zh-CN', mode: 'large' }), '您');

  const now = Date.parse('2026-03-17T23:30:00Z'); // 18 March, 07:30 in Beijing
  t.equal(clockTime(now), '07:30');
  t.equal(clockTime(Date.parse('2026-03-17T16:00:00Z')), '00:00');
  t.equal(dateTime(now), '2026-03-18 07:30');
  const zh = { lang: 'zh-CN', now } as const;
  t.equal(nearTime(now - 8 * 3_600_000, zh), '昨天 23:30');
  t.equal(nearTime(now, zh), '今天 07:30');
  t.equal(nearTime(now - 48 * 3_600_000, zh), '2026-03-16 07:30');
  t.equal(comingTime(now + 60_000, zh), '07:31');
  t.equal(comingTime(now + 17 * 3_600_000, { lang: 'en', now }), 'tomorrow 00:30');
  t.end();
});

t.test('problems and masks speak', (t) => {
  const zh = context();
  const en = context({ lang: 'en' });
  t.equal(problemText(zh, { field: 'password', code: 'EG-1101', triesLeft: 3 }), '账号或密码不对，还可以再试 3 次');
  t.equal(
    problemText(en, { field: 'password', code: 'EG-1101', triesLeft: 3 }),
    'The details do not match. 3 tries left',
  );
  t.equal(
    problemText(zh, { field: 'full_name', code: 'EG-1301', triesLeft: 2 }),
    '三项信息不一致，请核对后再试，今天还可以试 2 次',
  );
  const until = Date.parse('2026-03-18T09:26:00+08:00');
  t.equal(problemText(en, { field: 'mobile', code: 'EG-1203', until }).split('. ').at(-1), 'Try again after 09:26');
  const heard = (shown: { toString(): string }) =>
    text(parse(`<!doctype html>\n<p>${shown}</p>`), (node) => node.attributes['aria-hidden'] === 'true');
  t.equal(heard(masked(zh, 'name', '张*')), '张某');
  t.equal(heard(masked(zh, 'name', '欧*娜')), '欧某娜');
  t.equal(heard(masked(zh, 'number', '350*************17')), '尾号 17');
  t.equal(heard(masked(en, 'number', '154****0117')), 'ending 0117');
  t.end();
});

t.test('the switches: cookies of two words, and only back to a path of ours', async (t) => {
  const server = Fastify();
  t.teardown(() => server.close());
  await server.register(servePreferences, { secure: true });
  const answer = await server.inject('/preferences?lang=en&mode=large&back=/signin/x?a%3D1%26b%3D2');
  t.equal(answer.statusCode, 303);
  t.equal(answer.headers.location, '/signin/x?a=1&b=2');
  const cookies = [answer.headers['set-cookie']].flat() as string[];
  t.same(
    cookies.map((cookie) => cookie.split('; ')[0]),
    ['egret_lang=en', 'egret_mode=large'],
  );
  for (const cookie of cookies) t.match(cookie, /; Path=\/; Max-Age=31536000; HttpOnly; SameSite=Lax; Secure$/);
  const strange = await server.inject('/preferences?lang=fr%0D%0ASet-Cookie:a%3Db&mode=&mode=large');
  t.equal(strange.statusCode, 303);
  t.equal(strange.headers['set-cookie'], undefined, 'a word that is not ours sets nothing, nor one said twice');

  const tricks = [
    '//evil.example',
    '//evil.example/x',
    '/\\evil.example',
    '\\\\evil.example',
    '/\t/evil.example',
    '/\n/evil.example',
    '/.//evil.example',
    '/..//evil.example',
    '/x/..//evil.example',
    '/x\\y',
    '/%2e%2e//evil.example',
    'https://evil.example',
    'https:evil.example',
    'javascript:alert(1)',
    '///evil.example',
    '/\u2028/evil',
    '/a\r\nSet-Cookie: a=b',
    ' //evil.example',
    '',
    'signin',
    '?x',
    `/${'a'.repeat(3000)}`,
  ];
  for (const trick of tricks) {
    const { statusCode, headers } = await server.inject(`/preferences?lang=en&back=${encodeURIComponent(trick)}`);
    t.equal(statusCode, 303);
    t.equal(headers.location, '/', encodeURIComponent(trick.slice(0, 30)));
  }
  for (const repeated of ['back=/a&back=//evil', 'back[]=/a'])
    t.equal((await server.inject(`/preferences?${repeated}`)).headers.location, '/', repeated);
  // What is encoded stays encoded: the browser reads it as a part of the path.
  t.equal(localPath('/%2Fevil.example'), '/%2Fevil.example');
  t.equal(localPath('/%5Cevil.example'), '/%5Cevil.example');
  t.equal(localPath('/account?x=//evil'), '/account?x=//evil');
});

t.test('who reads which language', (t) => {
  const of = (cookie?: string, language?: string, locales?: string) =>
    preferencesOf({ headers: { cookie, 'accept-language': language } }, locales);
  t.same(of(), { lang: 'zh-CN', mode: 'standard' });
  t.equal(of(undefined, 'fr-FR, en;q=0.8, zh;q=0.9').lang, 'zh-CN');
  t.equal(of(undefined, 'en-US,en;q=0.9,zh;q=0.1').lang, 'en');
  t.equal(of(undefined, 'zh;q=0, en;q=0.1').lang, 'en');
  t.equal(of(undefined, 'en', 'fr zh-Hant').lang, 'zh-CN', 'the department asks');
  t.equal(of('egret_lang=en; egret_mode=large', 'zh', 'zh-CN').lang, 'en', 'the person chose');
  t.equal(of('x=egret_mode=large; egret_lang="en"; egret_mode=huge').mode, 'standard');
  t.equal(of('a=1;egret_mode=large').mode, 'large');
  t.end();
});

t.test('files of a page: kept for a year, another address when changed', async (t) => {
  const server = Fastify();
  t.teardown(() => server.close());
  await server.register(serveAssets);
  for (const { path, type, etag } of Object.values(assets)) {
    t.match(path, /^\/assets\/egret\.[0-9a-f]{16}\.(css|js|svg)$/);
    const answer = await server.inject(path);
    t.equal(answer.statusCode, 200);
    t.equal(answer.headers['content-type'], type);
    t.equal(answer.headers['cache-control'], 'public, max-age=31536000, immutable');
    t.equal((await server.inject({ url: path, headers: { 'if-none-match': etag } })).statusCode, 304);
  }
  const another = await server.inject('/assets/egret.0000000000000000.css');
  t.match(another, { statusCode: 200, headers: { 'cache-control': 'no-store' } }, 'named by a page of another version');
  t.equal(another.body, (await server.inject(assets.style.path)).body);
  for (const path of ['/assets/egret.0.css', '/assets/egret.0000000000000000.map', '/assets/egret.css'])
    t.equal((await server.inject(path)).statusCode, 404, path);
  t.equal((await server.inject('/assets/..%2fdrawing.ts')).statusCode, 404);
});

t.test('the frame of a page', async (t) => {
  const plain = page(context(), { title: '一步', body: 'x' });
  const nodes = [...all(parse(plain))];
  const switches = nodes.filter((node) => node.attributes.href?.startsWith('/preferences'));
  t.same(
    switches.map((node) => node.attributes.href),
    [
      '/preferences?mode=large&back=%2Fsignin%2Fq7Xc%3Fstep%3D1',
      '/preferences?lang=en&back=%2Fsignin%2Fq7Xc%3Fstep%3D1',
    ],
  );
  // Both switches are on every page of every edition, for whoever looks at it.
  for (const edition of editions)
    for (const person of [undefined, { maskedName: '张*' }]) {
      const root = parse(page(context({ ...edition, person }), { title: '一步', body: 'x' }));
      const found = [...all(root, 'a')].filter((node) => node.attributes.href?.startsWith('/preferences'));
      t.equal(found.length, 2, `${edition.lang} ${edition.mode} ${person ? 'signed in' : ''}`);
      const first = [...all(root, 'a')][0];
      t.equal(first?.attributes.href, '#main', 'skip link first');
      t.equal(text(root).includes('张*'), person !== undefined);
    }
});

t.test('the cover of pairs covers pairs', (t) => {
  const sizes = [5, 3, 2, 2, 2];
  const rows = pairwise(sizes);
  for (const [a, size] of sizes.entries())
    for (const [b, other] of sizes.entries())
      for (let x = 0; a < b && x < size; x++)
        for (let y = 0; y < other; y++)
          if (!rows.some((row) => row[a] === x && row[b] === y)) t.fail(`no row has ${a}:${x} with ${b}:${y}`);
  t.ok(rows.length <= 20, `${rows.length} rows`);
  t.end();
});

t.test('names of views', async (t) => {
  const names = (await discover()).map(({ name }) => name);
  t.equal(new Set(names).size, names.length, 'no two have one');
});
