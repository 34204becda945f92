import { createHash } from 'node:crypto';
import { birthDay } from './identifiers.ts';
import type { Person } from './people.ts';

/**
 * The user record as such platforms hand it out: over 100 fields, most of them empty, some of them nobody's business
 * (digests of passwords among them). It is what a caller has to take little of.
 */

const empty = {
  USER: `NICKNAME EMAIL PHONE ADDRESS POSTCODE HEADPORTRAIT WECHAT_OPENID WECHAT_UNIONID ALIPAY_ID QQ WEIBO
    QUESTION1 ANSWER1 QUESTION2 ANSWER2 UNITNAME UNITADDR JOB FAX HOMEPHONE REMARK CANCELTIME LOCKTIME LASTLOGINIP
    DEVICE CERTSN CERTISSUER CERTENDTIME CTID_BID CTID_TIME AREA_NAME DEPT_CODE DEPT_NAME STAFF_NO EXT1 EXT2 EXT3`,
  POPULATION: `NATION NATIVEPLACE POLITICS EDUCATION MARRIAGE HEALTH RELIGION OCCUPATION BLOODTYPE FORMERNAME
    HOUSEHOLDADDR LIVEADDR HOUSEHOLDTYPE ISSUEORGAN CARDBEGIN CARDEND PHOTO`,
  LEGALPERSON: `COMPANYNAME IDNUM NAME IDCARD PHONE EMAIL CARDTYPE JBRNAME JBRIDCARD JBRPHONE JBRCARDTYPE JBREMAIL
    TYPE ADDRESS REGCAPITAL REGORGAN REGTIME ENDTIME SCOPE STATUS INDUSTRY ORGCODE TAXNO REGNO LICENCESN LICENCETIME
    BANK BANKACCOUNT STAFFNUM AREACODE POSTCODE WEBSITE PASSWORD AUTHLEVEL`,
} as const;

const blanks: Readonly<Record<string, string>> = Object.fromEntries(
  Object.entries(empty).flatMap(([prefix, names]) => names.split(/\s+/).map((name) => [`${prefix}_${name}`, ''])),
);

/** 111 resident ID, 511 Taiwan permit, 516 HK/Macao permit, 553 foreign permanent resident. */
function cardTypeOf(number: string): string {
  if (number.startsWith('83')) return '511';
  if (number.startsWith('8')) return '516';
  return number.startsWith('9') ? '553' : '111';
}

/** Every value is text, as in the classic answer. Level 0 has a verified mobile only: no name, no number. */
export function userRecord(person: Person, token: string): Record<string, string> {
  const { userId, name, number, mobile, level, key } = person;
  const known = level !== '0';
  const male = Number(number[16]) % 2 === 1;
  return {
    ...blanks,
    USER_ID: userId,
    USER_TOKEN: token,
    USER_TYPE: '1',
    USER_LOGINNAME: `test_${userId.slice(0, 8)}`,
    USER_NAME: known ? name : '',
    USER_MOBILE: mobile,
    USER_IDCARD: known ? number : '',
    CARD_TYPE: known ? cardTypeOf(number) : '',
    USER_AUTHLEVEL: level,
    USER_JUNIORCHANNEL: known ? '1' : '',
    USER_HIGHCHANNEL: Number(level) > 1 ? '2' : '',
    NATION_LEVEL: level,
    USER_SEX: known ? (male ? '1' : '2') : '',
    USER_STATUS: '1',
    USER_CREATETIME: '2020-01-01 08:00:00',
    USER_UPDATETIME: '2020-01-01 08:00:00',
    USER_SOURCE: 'PC',
    USER_AREACODE: '350200',
    // Digests of nothing: no test person has a password.
    USER_PASSWORD: digest('md5', key),
    USER_PASSWORD_SM3: digest('sm3', key),
    USER_GESTURE: digest('md5', `gesture ${key}`),
    POPULATION_SEX: known ? (male ? '男' : '女') : '',
    POPULATION_BIRTHDAY: known ? birthDay(number) : '',
  };
}

const digest = (algorithm: string, of: string) => createHash(algorithm).update(`no password ${of}`).digest('hex');
