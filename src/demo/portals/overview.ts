import cookie from '@fastify/cookie';
import type { FastifyInstance } from 'fastify';
import { html } from 'ghtml';
import { type Department, type Lang, levelAsked } from './website/department.ts';
import { page, say, seal, tide } from './website/page.view.ts';
import { languageLink, server } from './website/website.ts';

export interface Stop {
  readonly department: Department;
  readonly origin: string;
}

/** The page with all five, where a first visitor begins. No cookie but the language's, no sign-in. */
export async function overview(origin: string, issuer: URL, stops: readonly Stop[]): Promise<FastifyInstance> {
  const app = server(
    origin,
    "default-src 'none'; style-src 'self'; img-src 'self'; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
  );
  await app.register(cookie);
  languageLink(app, 'portals_lang');
  app.get('/', (request, reply) => {
    const lang: Lang = request.cookies.portals_lang === 'en' ? 'en' : 'zh';
    const zh = lang === 'zh';
    const title = zh ? '五个部门，一次登录' : 'Five departments, one sign-in';
    const main = html`<h1>${title}</h1>
<p class="lead">${
      zh
        ? '从任何一个开始。登录一次，其他四个不用再登。'
        : 'Begin with any of them. Sign in once, and the other four do not ask again.'
    }</p>
<ul class="departments">!${stops.map((stop) => item(stop, lang))}</ul>
<section aria-labelledby="tour-h"><h2 id="tour-h">${zh ? '可以试什么' : 'What to try'}</h2>
<ol class="tour">!${(zh ? tour.zh : tour.en).map((line) => html`<li>${line}</li>`)}</ol>
<p><a href="${issuer.href}">${zh ? '去白鹭通行证' : 'Go to Egret'}</a></p></section>`;
    const site = { zh: '演示门户', en: 'Demonstration portals' };
    return reply
      .type('text/html; charset=utf-8')
      .send(page({ id: 'overview', site, lang, path: '/', title, main, overview: origin }));
  });
  app.get('/__demo/portals', async () => stops.map((stop) => ({ id: stop.department.id, origin: stop.origin })));
  return app;
}

const tour = {
  zh: [
    '在市人社局登录或注册，看它收到了什么。',
    '再打开另外四个：不用再登，每个部门的编号都不一样。',
    '在医保只勾一部分，看看没给的会怎样。',
    '把一个部门的“退出通知”改成“不回”，再全部退出，看结果页怎么说。',
  ],
  en: [
    'Sign in or register at the social security bureau, and see what it received.',
    'Open the other four: no second sign-in, and each knows you by another number.',
    'At health insurance, tick only some items, and see what follows.',
    'Let one department not answer logout notices, sign out everywhere, and read the result page.',
  ],
};

function item({ department, origin }: Stop, lang: Lang): string {
  return html`<li data-site="${department.id}">!${seal(department.seal)}<div>
<h2><a href="${origin}/">${say(department.site, lang)}</a></h2>
<p>${say(department.department, lang)}${lang === 'zh' ? '：' : ': '}${say(department.matter, lang)}</p>
<p class="level">!${tide(department.level)} ${say(levelAsked(department.level), lang)}</p></div></li>`;
}
