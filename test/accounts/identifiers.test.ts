import fc from 'fast-check';
import t from 'tap';
import {
  maskIdNumber,
  maskMobile,
  maskName,
  normalizeNumber,
  parseIdNumber,
  parseLoginId,
  parseMobile,
  parseName,
} from '../../src/accounts/accounts.ts';
import { checkCharacter } from '../../src/accounts/identifiers.ts';

const now = Date.UTC(2026, 10, 24);

const digits = (length: number) =>
  fc.string({ unit: fc.constantFrom(...'0123456789'), minLength: length, maxLength: length });
const validNumber = fc
  .tuple(
    fc.constantFrom('350299', '110105', '810000', '820000', '830000', '935840', '659004'),
    fc.date({ min: new Date('1901-01-01'), max: new Date('2026-11-23'), noInvalidDate: true }),
    digits(3),
  )
  .map(([area, birth, serial]) => area + birth.toISOString().slice(0, 10).replaceAll('-', '') + serial)
  .map((first) => first + checkCharacter(first));
const fullWidth = (text: string) =>
  text.replace(/[!-~]/g, (letter) => String.fromCharCode(letter.charCodeAt(0) + 0xfee0));
/** The same number as people type it: full-width, blanks and dashes between, small x. */
const typedForms = (number: string) =>
  fc
    .array(fc.tuple(fc.boolean(), fc.constantFrom('', '', ' ', '\u3000', '\u200b', '-', '－', '\t')), {
      minLength: number.length,
      maxLength: number.length,
    })
    .map((ways) =>
      ways
        .map(([wide, blank], at) => (wide ? fullWidth(number[at] ?? '') : (number[at] ?? '').toLowerCase()) + blank)
        .join(''),
    );

t.test('ID numbers: the published vector, the test people, and every card type', async (t) => {
  t.match(parseIdNumber('11010519491231002X', now), {
    number: '11010519491231002X',
    cardType: '111',
    birth: '19491231',
  });
  const table = `350299199001010117 350299199001010221 350299194803150311 350299201606010443 350299201109090518 350299199202290629
    35029919880808004X 350299199002029012 35029919900202908X`;
  for (const number of table.split(/\s+/)) t.match(parseIdNumber(number, now), { number, cardType: '111' });
  t.match(parseIdNumber('810000190101010162', now), { cardType: '516' });
  t.match(parseIdNumber('820000190101010279', now), { cardType: '516' });
  t.match(parseIdNumber('830000190101010385', now), { cardType: '511' });
  t.match(parseIdNumber('935840190101010134', now), { cardType: '553', birth: '19010101' });
  t.match(parseIdNumber('fra 310119801234', now), { number: 'FRA310119801234', cardType: '553', birth: undefined });
  for (const bad of [
    '',
    '35029919900101011',
    '3502991990010101177',
    '350299199001010118',
    '350299199002300115',
    '350299199102290625',
    '350299209901010117',
    '00010519491231002X',
    '990105194912310',
    '16029919900101011X',
    'X50299199001010117',
  ])
    t.equal(parseIdNumber(bad, now), undefined, bad);
});

t.test('ID numbers: properties', async (t) => {
  fc.assert(fc.property(validNumber, (number) => parseIdNumber(number, now)?.number === number));
  // every typed form of a number is that number, and one login name
  fc.assert(
    fc.property(
      validNumber.chain((number) => fc.tuple(fc.constant(number), typedForms(number))),
      ([number, typed]) => {
        const login = parseLoginId(typed, now);
        return login?.kind === 'id-number' && login.value === number;
      },
    ),
  );
  // MOD 11-2 finds every single wrong digit and every swap of neighbours
  fc.assert(
    fc.property(validNumber, fc.nat(16), fc.integer({ min: 1, max: 9 }), (number, at, by) => {
      const wrong = number.slice(0, at) + ((Number(number[at]) + by) % 10) + number.slice(at + 1);
      return parseIdNumber(wrong, now) === undefined;
    }),
  );
  fc.assert(
    fc.property(validNumber, fc.nat(15), (number, at) => {
      const [one = '', other = ''] = [number[at], number[at + 1]];
      const swapped = number.slice(0, at) + other + one + number.slice(at + 2);
      return one === other || parseIdNumber(swapped, now) === undefined;
    }),
  );
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', maxLength: 40 }), (text) => {
      const parsed = parseIdNumber(text, now);
      return parsed === undefined || parsed.number === normalizeNumber(text);
    }),
  );
  fc.assert(
    fc.property(
      fc.string({ unit: 'binary' }),
      (text) => normalizeNumber(normalizeNumber(text)) === normalizeNumber(text),
    ),
  );
  t.pass('hold');
});

t.test('mobiles', async (t) => {
  const mobile = fc
    .tuple(fc.constantFrom('13', '14', '15', '16', '17', '18', '19'), digits(9))
    .map((parts) => parts.join(''));
  fc.assert(
    fc.property(
      mobile.chain((number) =>
        fc.tuple(fc.constant(number), typedForms(number), fc.constantFrom('', '+86', '86', '0086', '＋８６ ')),
      ),
      ([number, typed, code]) => {
        return parseMobile(code + typed) === number && parseLoginId(code + typed, now)?.kind === 'mobile';
      },
    ),
  );
  for (const bad of [
    '',
    '12345',
    '12345678901',
    '1540000011',
    '154000001177',
    '010-62781234',
    '+85212345678',
    '1540000011a',
    '+1 5400000117',
  ])
    t.equal(parseMobile(bad), undefined, bad);
});

t.test('names', async (t) => {
  for (const [typed, name] of [
    [' 张 三 ', '张三'],
    ['测试甲', '测试甲'],
    ['阿依•测试', '阿依·测试'],
    ['阿依 ・ 测试', '阿依·测试'],
    ['test  resident', 'TEST RESIDENT'],
    ['Ｔ', undefined],
    ['𠮷田测', '𠮷田测'],
    ['㐂测', '㐂测'],
    ["O'NEILL-TEST, ANN", "O'NEILL-TEST, ANN"],
    ['', undefined],
    ['张', undefined],
    ['张3', undefined],
    ['<b>张三</b>', undefined],
    ['张\ud800', undefined],
    ['··', undefined],
    ['长'.repeat(101), undefined],
  ] as const)
    t.equal(parseName(typed), name, typed);
  fc.assert(
    fc.property(fc.string({ unit: 'binary', maxLength: 30 }), (text) => {
      const name = parseName(text);
      return name === undefined || parseName(name) === name;
    }),
  );
});

t.test('masks', async (t) => {
  for (const [name, mask] of [
    ['张三', '张*'],
    ['欧阳娜', '欧*娜'],
    ['欧阳娜娜', '欧*娜'],
    ['𠮷田测', '𠮷*测'],
    ['阿依·测试', '阿*'],
    ['TEST RESIDENT', 'T*'],
  ] as const)
    t.equal(maskName(name), mask);
  t.equal(maskIdNumber('350299199001010117'), '350*************17');
  t.equal(maskIdNumber('FRA310119801234'), 'FRA**********34');
  t.equal(maskMobile('15400000117'), '154****0117');
  // nothing of the birth date or serial is left, and the form is fixed
  fc.assert(
    fc.property(validNumber, (number) => {
      const mask = maskIdNumber(number);
      return /^\d{3}\*{13}\d[\dX]$/.test(mask) && !mask.includes(number.slice(6, 14));
    }),
  );
  fc.assert(fc.property(digits(11), (number) => /^\d{3}\*{4}\d{4}$/.test(maskMobile(number))));
  fc.assert(
    fc.property(fc.string({ unit: 'grapheme', minLength: 1, maxLength: 40 }), (text) => {
      const name = parseName(text);
      return (
        name === undefined ||
        ([...maskName(name)].length <= 3 && maskName(name) !== name && maskName(name).includes('*'))
      );
    }),
  );
});
