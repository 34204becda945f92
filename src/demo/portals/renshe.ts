import type { Clock } from './clock.ts';
import { type Department, readAcr, type Setting } from './website/department.ts';
import { oneStepMissing } from './website/level.view.ts';
import { notice } from './website/page.view.ts';
import { serverSignIn } from './website/sign-in.ts';
import { createWebsite, type Website } from './website/website.ts';

export const department: Department = {
  id: 'renshe',
  offset: 1,
  seal: '社',
  site: { zh: '厦门人社网上服务', en: 'Xiamen Social Security Online' },
  department: {
    zh: '厦门市人力资源和社会保障局',
    en: 'Xiamen Municipal Human Resources and Social Security Bureau',
  },
  matter: { zh: '社保待遇资格认证', en: 'Yearly pension eligibility check' },
  lead: {
    zh: '每年认证一次，养老金按时发。不用跑窗口，约 3 分钟办好。',
    en: 'Once a year, so that your pension keeps coming. No counter visit, about 3 minutes.',
  },
  code: 'XM-RS-0117',
  level: 1,
  facts: {
    who: { zh: '领取养老金的人', en: 'Anyone drawing a pension' },
    time: { zh: '当场', en: 'At once' },
    fee: { zh: '不收费', en: 'Free' },
  },
  services: [
    { zh: '参保证明打印', en: 'Insurance certificate' },
    { zh: '养老金测算', en: 'Pension estimate' },
    { zh: '社保卡进度', en: 'Social security card status' },
    { zh: '失业登记', en: 'Unemployment registration' },
    { zh: '灵活就业参保', en: 'Cover for the self-employed' },
    { zh: '劳动合同备案', en: 'Labour contract filing' },
  ],
  auth: 'private_key_jwt',
  scope: 'openid profile realname',
  acrValues: 'urn:egret:r1a1',
  sessionMinutes: 30,
};

/** 人社: signs its assertions with a key of its own, asks for level 1, and says so when someone stayed below. */
export async function renshe(setting: Setting, clock: Clock): Promise<Website> {
  const site = await createWebsite(department, setting, clock);
  serverSignIn(site, (session, lang) => {
    const zh = lang === 'zh';
    const { level } = readAcr(session.tokens.idClaims.acr);
    if (level >= department.level) {
      return notice(
        'tip',
        zh ? '级别够了' : 'Your level is sufficient',
        zh ? '认证可以办了。演示到这里为止。' : 'The check can go ahead. The demonstration ends here.',
      );
    }
    return oneStepMissing(department, level, lang);
  });
  return site;
}
