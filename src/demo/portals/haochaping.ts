import { readFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { dirname, join } from 'node:path';
import { html } from 'ghtml';
import type { Clock } from './clock.ts';
import { ratingForm, type Score, scores, thanks } from './haochaping.view.ts';
import type { Department, Lang, Setting } from './website/department.ts';
import { home } from './website/home.view.ts';
import { notice, signInButton } from './website/page.view.ts';
import { createWebsite, type Website } from './website/website.ts';

export const department: Department = {
  id: 'haochaping',
  offset: 5,
  seal: '评',
  site: { zh: '厦门政务服务好差评', en: 'Xiamen Service Ratings' },
  department: { zh: '厦门市行政服务中心管理委员会', en: 'Xiamen Administrative Service Center' },
  matter: { zh: '给办事体验打个分', en: 'Rate your visit' },
  lead: {
    zh: '哪里好、哪里差，都可以说。不登录也能评，评价不和你的身份连在一起。',
    en: 'Tell us what went well and what did not. No sign-in needed; a rating is never tied to who you are.',
  },
  code: 'XM-HCP-0001',
  level: 0,
  facts: {
    who: { zh: '办过事的人都可以', en: 'Anyone who used a service' },
    time: { zh: '一分钟', en: 'One minute' },
    fee: { zh: '不收费', en: 'Free' },
  },
  services: [
    { zh: '差评整改公示', en: 'What was put right' },
    { zh: '部门得分', en: 'Scores by department' },
    { zh: '评价规则', en: 'Rules' },
  ],
  auth: 'none',
  scope: 'openid',
  sessionMinutes: 60,
};

const SCRIPTS = ['/oidc-client-ts.js', '/haochaping.js'];
const MOST_RATINGS = 1_000;

/**
 * 好差评: a public client that lives in the browser (oidc-client-ts: code with PKCE, tokens in sessionStorage,
 * rotating refresh tokens). Its server holds no session; it serves the files, takes ratings from anyone, and passes on
 * which sign-ins Egret has ended. Routes: GET / /callback /sign-out /signed-out /oidc-client-ts.js /haochaping.js
 * /settings.json, POST /rate /ended.
 */
export async function haochaping(setting: Setting, clock: Clock): Promise<Website> {
  const site = await createWebsite(department, setting, clock);
  const { app } = site;
  const ratings: { score: Score; at: number }[] = [];
  files(site);

  app.get('/', (request, reply) => {
    const lang = site.lang(request);
    const { rated } = request.query as Record<string, unknown>;
    const given = scores.find((score) => score.value === rated);
    const main = home({
      department,
      lang,
      signedIn: false,
      action: signInParts(lang),
      below: html`!${given === undefined ? '' : thanks(given, lang)}!${ratingForm(lang)}
<section class="received" data-show="signed-in" hidden id="received"></section>`,
      panel: site.panel(lang),
    });
    return site.show(request, reply, { title: department.matter[lang], main, scripts: SCRIPTS });
  });

  app.post('/rate', async (request, reply) => {
    const { score } = (request.body ?? {}) as Record<string, unknown>;
    const given = scores.find(({ value }) => value === score);
    if (given === undefined) return reply.redirect('/#rate', 303);
    // The score and the minute: nothing by which a rating could be tied to a person.
    ratings.push({ score: given, at: Math.floor(clock.now() / 60_000) * 60_000 });
    if (ratings.length > MOST_RATINGS) ratings.shift();
    return reply.redirect(`/?rated=${given.value}`, 303);
  });

  // The script asks whether its own sign-in was ended by a notice; it learns nothing of others.
  app.post('/ended', async (request, reply) => {
    const { sid } = (request.body ?? {}) as Record<string, unknown>;
    if (typeof sid !== 'string') return reply.code(400).send({ error: 'sid is missing' });
    return { ended: site.sessions.hasEnded(sid) };
  });

  for (const [path, zh, en] of [
    ['/callback', '正在登录', 'Signing in'],
    ['/sign-out', '退出本网站', 'Sign out of this website'],
    ['/signed-out', '已退出本网站', 'You are signed out here'],
  ] as const) {
    app.get(path, (request, reply) => {
      const lang = site.lang(request);
      const title = lang === 'zh' ? zh : en;
      const main = html`<div class="reading"><h1>${title}</h1>!${signInParts(lang)}<p><a href="/">${lang === 'zh' ? '回到评价页面' : 'Back to ratings'}</a></p></div>`;
      return site.show(request, reply, { title, main, scripts: SCRIPTS });
    });
  }
  return site;
}

/** The script's own file, the library's as it lies in node_modules, and where Egret is. */
function files({ app, setting }: Website): void {
  const library = dirname(createRequire(import.meta.url).resolve('oidc-client-ts/package.json'));
  const scripts: [string, string][] = [
    ['/oidc-client-ts.js', readFileSync(join(library, 'dist/browser/oidc-client-ts.min.js'), 'utf8')],
    ['/haochaping.js', readFileSync(new URL('./website/assets/haochaping.js', import.meta.url), 'utf8')],
  ];
  for (const [path, text] of scripts) {
    app.get(path, (_request, reply) => reply.type('text/javascript').header('cache-control', 'max-age=60').send(text));
  }
  app.get('/settings.json', async () => ({
    issuer: setting.issuer.href.replace(/\/$/, ''),
    clientId: department.id,
    origin: setting.origin,
    scope: department.scope,
    sessionMinutes: department.sessionMinutes,
  }));
}

/** All that the script may show, each part hidden until it is true. Without a script, the honest sentence. */
function signInParts(lang: Lang): string {
  const zh = lang === 'zh';
  return html`<noscript>!${notice(
    'tip',
    zh ? '登录要用脚本' : 'Signing in needs a script',
    zh
      ? '你的浏览器关了脚本，登录用不了。不登录照样能评。'
      : 'Scripts are off in your browser. You can rate without signing in.',
  )}</noscript>
<div id="refused" role="alert" data-show="refused" hidden>!${notice('failed', zh ? '登录没有完成' : 'Sign-in was not completed', '')}
<dl class="codes"><div><dt>${zh ? '错误代码' : 'Error code'}</dt><dd><code data-text="error"></code></dd></div><div><dt>${zh ? '说明' : 'Details'}</dt><dd><code data-text="description"></code></dd></div></dl></div>
<p data-show="working" hidden role="status">${zh ? '正在和白鹭通行证联系……' : 'Talking to Egret…'}</p>
<div data-show="ended" hidden>!${notice('tip', zh ? '你已退出本网站' : 'You are signed out here', zh ? '白鹭通行证通知本网站，你退出了。' : 'Egret told this website that you signed out.')}</div>
<div data-show="signed-out" hidden><p>!${signInButton(lang)}</p>
<p class="small">${zh ? '已在其他部门登录过的，不用再登。登录后本网站只得到一个专用编号，不知道你是谁。' : 'If you are signed in at another department, you need not sign in again. This website gets a number of its own for you, not who you are.'}</p></div>
<div class="who" id="signed-in" data-show="signed-in" hidden>
<p class="hello">${zh ? '你好，你登录着本网站。' : 'Hello, you are signed in here.'}</p>
<p class="small">${zh ? '刷新令牌的指纹：' : 'Fingerprint of the refresh token: '}<code data-text="fingerprint"></code></p>
<p class="message" role="status" data-text="message"></p>
<div class="buttons"><button class="minor" type="button" data-do="refresh">${zh ? '换一张新的令牌' : 'Renew the tokens'}</button>
<button class="minor" type="button" data-do="sign-out">${zh ? '退出' : 'Sign out'}</button></div></div>`;
}
