import { dictionary, type Lang, type Mode } from '../words.ts';

/** What a department can be given: one item a scope, named as people read it on the consent page and afterwards. */
export type Scope = 'openid' | 'profile' | 'phone' | 'realname' | 'identity';

/** How somebody signed in: password, text message code, provincial sign-in. */
export type Way = 'pwd' | 'sms' | 'tkt';

type Page = { readonly lang: Lang; readonly mode: Mode };

const itemWords = dictionary(
  {
    openid: '专用编号',
    profile: '打码的姓名',
    phone: '手机号',
    realname: '实名级别、姓名、打码的证件号码',
    identity: '姓名和完整证件号码',
    pwd: '密码',
    sms: '短信验证码',
    tkt: '福建省统一登录',
    comma: '、',
    and: '加',
  },
  {
    openid: 'a number of your own for this department',
    profile: 'your masked name',
    phone: 'your mobile number',
    realname: 'your level, name and masked ID number',
    identity: 'your full name and ID number',
    pwd: 'password',
    sms: 'text message code',
    tkt: 'Fujian provincial sign-in',
    comma: ', ',
    and: ' and ',
  },
);

export const scopeWord = (page: Page, scope: Scope): string => itemWords(page)[scope];

/** 手机号、专用编号 */
export const scopeList = (page: Page, scopes: readonly Scope[]): string =>
  scopes.map((scope) => scopeWord(page, scope)).join(itemWords(page).comma);

/** 密码加短信验证码 */
export const waysWord = (page: Page, ways: readonly Way[]): string =>
  ways.map((way) => itemWords(page)[way]).join(itemWords(page).and);

/** 市人社局、市医保局 */
export const listOf = (page: Page, names: readonly string[]): string => names.join(itemWords(page).comma);

/** The first letter of an English sentence or label. */
export const capital = (text: string): string => text.charAt(0).toUpperCase() + text.slice(1);
