/**
 * The test people of PROVINCE.md section 6, whole. A row is an account on the platform: who has two accounts has two
 * rows. Which service gives which row's code stands in behaviour.ts.
 */

export type Level = '0' | '1' | '2' | '3';

export interface Row {
  /** How `/__sim/` calls this row. */
  readonly key: string;
  readonly name: string;
  readonly number: string;
  readonly mobile: string;
  readonly level: Level;
  /** A code of PROVINCE.md section 5 that this row exists for. */
  readonly code?: string;
  /** What this row does to every question about it. */
  readonly plays?: { readonly kind: 'latency'; readonly ms: number } | { readonly kind: 'hang' };
  /** What `POST /__sim/people/:key/later` turns this row into: a change at the platform, after the gateway linked it. */
  readonly later?: Change;
  readonly note: string;
}

/** What may change at the platform about a person. */
export interface Change {
  readonly name?: string;
  readonly mobile?: string;
  readonly level?: Level;
}

/** 154 0000 and the last four characters of the number, X as 0. */
export function mobileOf(number: string): string {
  return `1540000${number.slice(-4).replace('X', '0')}`;
}

type Rest = Omit<Partial<Row>, 'key' | 'number' | 'name' | 'note'>;

function row(key: string, name: string, number: string, note: string, rest: Rest = {}): Row {
  return { key, name, number, mobile: mobileOf(number), level: '1', note, ...rest };
}

const digits = '零一二三四五六七八九';

/** Rows that exist for a code are named 测试 and the code, read digit by digit. */
function forCode(code: string, number: string, note: string): Row {
  const read = [...code].map((digit) => digits.charAt(Number(digit))).join('');
  return row(code, `测试${read}`, number, note, { code });
}

export const table: readonly Row[] = [
  row('jia', '测试甲', '350299199001010117', '成年人，各项核验都通过', { level: '2' }),
  row('yi', '测试乙', '350299199001010221', '成年人'),
  row('bing', '测试丙', '350299194803150311', '老年人，没有银行卡'),
  row('xiaoding', '测试小丁', '350299201606010443', '不满十四周岁，监护人测试甲', { level: '0', code: '2301' }),
  row('wu', '测试戊', '350299201109090518', '十四到十七周岁，监护人同意'),
  row('leap', '测试闰日', '350299199202290629', '生日二月二十九'),
  row('check-x', '测试校验', '35029919880808004X', '校验码 X：小写、大写、全角都认'),
  forCode('2001', '350299199002029012', '姓名和号码不一致'),
  forCode('2002', '350299199002029020', '没有这个号码'),
  forCode('2003', '350299199002029039', '手机号码不一致'),
  forCode('2004', '350299199002029047', '银行卡不一致'),
  forCode('2101', '350299199002029055', '人脸照片不清楚'),
  forCode('2102', '350299199002029063', '活体没通过'),
  forCode('2103', '350299199002029071', '不是同一个人'),
  forCode('2104', '35029919900202908X', '没有底照'),
  forCode('2201', '350299199002029098', '已去世'),
  forCode('2202', '350299199002029100', '证件挂失或换发'),
  forCode('2203', '350299199002029119', '重号'),
  forCode('2501', '350299199002029127', '账号锁定，带解锁时间'),
  forCode('2502', '350299199002029135', '账号注销'),
  row('slow', '测试慢', '350299199002029143', '八秒才回应', { plays: { kind: 'latency', ms: 8_000 } }),
  row('hang', '测试停', '350299199002029151', '一直不回应', { plays: { kind: 'hang' } }),
  row('hong-kong', '测试港', '810000190101010162', '香港居民居住证', { level: '2' }),
  row('macao', '测试澳', '820000190101010279', '澳门居民居住证', { level: '2' }),
  row('taiwan', '测试台', '830000190101010385', '台湾居民居住证', { level: '2' }),
  row('foreign', 'TEST RESIDENT', '935840190101010134', '外国人永久居留身份证', { level: '2' }),

  row('same-name-1', '测试同名', '35029919850303101X', '同名的两个人之一'),
  row('same-name-2', '测试同名', '350299198604042025', '同名的两个人之二'),
  row('one-mobile-1', '测试合机一', '350299198505053036', '两个人共用一个手机号之一'),
  row('one-mobile-2', '测试合机二', '350299198706064049', '两个人共用一个手机号之二', { mobile: '15400003036' }),
  row('two-accounts-1', '测试双户', '350299198507075052', '一个人两个账号之一', { level: '2' }),
  row('two-accounts-2', '测试双户', '350299198507075052', '一个人两个账号之二，另一个手机号', {
    mobile: '15400015052',
  }),
  row('rare', '测试𠮷', '350299198508086060', '生僻字（四字节）'),
  row('ayi', '阿依·测试', '350299198509097079', '姓名带间隔号'),
  row('new-name', '测试旧名', '350299198510108089', '改名：改了以后叫测试新名', { later: { name: '测试新名' } }),
  row('new-mobile', '测试换号', '350299198511119097', '绑定以后换手机号', { later: { mobile: '15400019097' } }),
];
