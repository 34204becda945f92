import { html } from 'ghtml';
import type { Clock } from './clock.ts';
import { type Department, type Lang, levelAsked, levelReached, readAcr, type Setting } from './website/department.ts';
import { notice, table, tide } from './website/page.view.ts';
import type { Session } from './website/sessions.ts';
import { serverSignIn } from './website/sign-in.ts';
import { createWebsite, type Website } from './website/website.ts';

export const department: Department = {
  id: 'jianguan',
  offset: 4,
  seal: '监',
  site: { zh: '厦门市场监管网上服务', en: 'Xiamen Market Regulation Online' },
  department: { zh: '厦门市市场监督管理局', en: 'Xiamen Administration for Market Regulation' },
  matter: { zh: '个体工商户年报', en: 'Annual report of a sole trader' },
  lead: {
    zh: '每年 6 月 30 日前报一次上一年的经营情况。约 10 分钟。',
    en: 'Report the past year before 30 June. About 10 minutes.',
  },
  code: 'XM-JG-0302',
  level: 2,
  facts: {
    who: { zh: '个体工商户的经营者本人', en: 'The sole trader in person' },
    time: { zh: '当场', en: 'At once' },
    fee: { zh: '不收费', en: 'Free' },
  },
  services: [
    { zh: '营业执照查询', en: 'Licence look-up' },
    { zh: '名称自主申报', en: 'Business name reservation' },
    { zh: '食品经营许可', en: 'Food business permit' },
    { zh: '歇业备案', en: 'Suspension of business' },
    { zh: '信用修复', en: 'Credit repair' },
    { zh: '消费投诉', en: 'Consumer complaint' },
  ],
  auth: 'private_key_jwt',
  scope: 'openid profile realname',
  // Level 2 is wanted, level 1 is taken: voluntary, so nobody is sent away at the door.
  acrValues: 'urn:egret:r2a1 urn:egret:r1a1',
  sessionMinutes: 30,
};

/** 市场监管: wants level 2. Below that it says what was reached, what is missing, and which ways there really are. */
export async function jianguan(setting: Setting, clock: Clock): Promise<Website> {
  const site = await createWebsite(department, setting, clock);
  serverSignIn(site, levelSection);
  return site;
}

function levelSection(session: Session, lang: Lang): string {
  const zh = lang === 'zh';
  const { level } = readAcr(session.tokens.idClaims.acr);
  if (level >= department.level) {
    return notice(
      'tip',
      zh ? '级别够了' : 'Your level is sufficient',
      zh ? '年报可以报了。演示到这里为止。' : 'The report can be made. The demonstration ends here.',
    );
  }
  const open = zh ? '✓ 现在就能去' : '✓ Open now';
  const notYet = zh ? '还没有开通' : 'Not open yet';
  const link = html`<a href="/counters">${zh ? '查最近的窗口' : 'Find a counter'}</a>`;
  const ways: string[][] = [
    [zh ? '去窗口' : 'At a counter', open, html`${zh ? '带身份证，' : 'Bring your ID card. '}!${link}`],
    [zh ? '刷脸' : 'Face', notYet, zh ? '白鹭通行证开通后，再登录一次就行' : 'Once Egret opens it, sign in again'],
    [zh ? '银行卡' : 'Bank card', notYet, zh ? '同上' : 'As above'],
    [zh ? '网证' : 'Network ID', notYet, zh ? '同上' : 'As above'],
  ];
  const reached = levelReached(level)[lang];
  const needed = levelAsked(department.level)[lang];
  return html`<section class="missing" id="missing" aria-labelledby="missing-h">
<h2 id="missing-h">${zh ? '还差什么' : 'What is missing'}</h2>
<p class="step"><span class="level">!${tide(level)} ${zh ? `现在：${reached}` : `Now: ${reached}`}</span><span aria-hidden="true">→</span><span class="level">!${tide(department.level)} ${zh ? `要：${needed}` : `Needed: ${needed}`}</span></p>
<p>${
    zh
      ? `登录是成功的，但是报年报要${needed}，所以现在还不能提交。能看的照常看。`
      : `You are signed in, but the report needs: ${needed}. You cannot submit it yet; everything you may look at is open.`
  }</p>
!${table(
    'ways',
    zh ? `怎么升到${needed}` : 'How to reach that level',
    zh ? ['办法', '现在能用吗', '怎么做'] : ['Way', 'Open?', 'How'],
    ways,
  )}</section>`;
}
