import { html } from 'ghtml';
import type { Clock } from './clock.ts';
import { type Department, type Lang, readAcr, type Setting, type Text } from './website/department.ts';
import { oneStepMissing } from './website/level.view.ts';
import { table } from './website/page.view.ts';
import { allClaims } from './website/received.view.ts';
import type { Session } from './website/sessions.ts';
import { serverSignIn } from './website/sign-in.ts';
import { createWebsite, type Website } from './website/website.ts';

export const department: Department = {
  id: 'yibao',
  offset: 3,
  seal: '医',
  site: { zh: '厦门医保网上服务', en: 'Xiamen Health Insurance Online' },
  department: { zh: '厦门市医疗保障局', en: 'Xiamen Municipal Healthcare Security Bureau' },
  matter: { zh: '异地就医备案', en: 'Treatment in another city' },
  lead: {
    zh: '去外地看病前备个案，回来直接结算。给多少信息，你说了算。',
    en: 'Register before treatment elsewhere, and the bill is settled directly. You decide what you give.',
  },
  code: 'XM-YB-0208',
  level: 1,
  facts: {
    who: { zh: '在厦门参加医保的人', en: 'Anyone insured in Xiamen' },
    time: { zh: '当场', en: 'At once' },
    fee: { zh: '不收费', en: 'Free' },
  },
  services: [
    { zh: '参保信息查询', en: 'Insurance details' },
    { zh: '医保账户余额', en: 'Account balance' },
    { zh: '生育津贴申领', en: 'Maternity benefit' },
    { zh: '新生儿参保', en: 'Cover for a newborn' },
    { zh: '门诊慢性病登记', en: 'Chronic illness registration' },
    { zh: '定点医院查询', en: 'Hospitals near you' },
  ],
  auth: 'private_key_jwt',
  scope: 'openid profile realname phone identity',
  acrValues: 'urn:egret:r1a1',
  sessionMinutes: 20,
};

/** What was asked, item by item: the claim that proves it came, what happens without it, the level it takes. */
const items: readonly { scope: string; claim: string; name: Text; without: Text; level?: number }[] = [
  {
    scope: 'realname',
    claim: 'realname_name',
    name: { zh: '实名状态、姓名', en: 'Verification and name' },
    without: { zh: '不能确认是本人，请到窗口办', en: 'We cannot tell it is you: come to a counter' },
  },
  {
    scope: 'profile',
    claim: 'nickname',
    name: { zh: '称呼', en: 'How to address you' },
    without: { zh: '页面上不称呼你', en: 'The page does not greet you by name' },
  },
  {
    scope: 'phone',
    claim: 'phone_number',
    name: { zh: '手机号', en: 'Mobile number' },
    without: { zh: '办好了不发短信，请自己回来看', en: 'No text message: come back to see the result' },
  },
  {
    scope: 'identity',
    claim: 'id_number',
    name: { zh: '证件号码', en: 'ID number' },
    without: { zh: '查不到参保记录，请到窗口查', en: 'Your record cannot be found: ask at a counter' },
    level: 2,
  },
];

const words = {
  given: { zh: '✓ 给了', en: '✓ Given' },
  missing: { zh: '! 同意了，但这一项现在还没有', en: '! Agreed, but there is none yet' },
  tooLow: { zh: '– 没有给：要高级实名', en: '– Not given: it takes advanced verification' },
  declined: { zh: '– 没有给', en: '– Declined' },
} satisfies Record<string, Text>;

/** 医保: asks for sensitive items one by one, takes what it gets, and says what follows from what was declined. */
export async function yibao(setting: Setting, clock: Clock): Promise<Website> {
  const site = await createWebsite(department, setting, clock);
  serverSignIn(site, givenSection);
  return site;
}

function givenSection(session: Session, lang: Lang): string {
  const zh = lang === 'zh';
  const claims = allClaims(session);
  const reached = Number(claims.realname_level ?? 0);
  const rows = items.map(({ scope, claim, name, without, level = 0 }) => {
    const allowed = session.tokens.scope.includes(scope);
    const came = claim in claims;
    const tooLow = reached < level;
    const outcome = words[came && allowed ? 'given' : allowed ? 'missing' : tooLow ? 'tooLow' : 'declined'][lang];
    return [
      html`${name[lang]} <code>${scope}</code>`,
      html`<span data-item="${scope}" data-given="${String(allowed && came)}">${outcome}</span>`,
      html`${allowed && came ? (zh ? '可以办' : 'Can go ahead') : without[lang]}`,
    ];
  });
  const { level } = readAcr(session.tokens.idClaims.acr);
  const below = level < department.level ? oneStepMissing(department, level, lang) : '';
  return html`!${below}<section id="given" aria-labelledby="given-h"><h2 id="given-h">${zh ? '你给了什么，没给什么' : 'What you gave, and what you did not'}</h2>
!${table('items', zh ? '逐项看' : 'Item by item', zh ? ['项目', '给了吗', '结果'] : ['Item', 'Given?', 'What follows'], rows)}
<p class="small">${
    zh
      ? '想改，在白鹭通行证“授权”里收回，再登录一次。'
      : 'To change it, withdraw at Egret under authorisations, then sign in again.'
  }</p></section>`;
}
