import fc from 'fast-check';
import t from 'tap';
import { isReservedMobile, isReservedNumber } from '../../../src/demo/province/people/guard.ts';
import {
  ageAt,
  checkCharacter,
  creditCodeCheck,
  isCreditCode,
  isResidentNumber,
  maskMobile,
  maskName,
  maskNumber,
  normaliseNumber,
  organisationCheck,
} from '../../../src/demo/province/people/identifiers.ts';
import { organisations } from '../../../src/demo/province/people/organisations.ts';
import { poolPerson, poolPersonOf, poolSize } from '../../../src/demo/province/people/pool.ts';
import { mobileOf, table } from '../../../src/demo/province/people/table.ts';
import { hasPersonalNumber } from '../../../src/demo/province/sim/ledger.ts';

const days = fc.date({ min: new Date('1900-01-01'), max: new Date('2026-11-24'), noInvalidDate: true });
const numbers = fc.tuple(fc.integer({ min: 110000, max: 999999 }), days, fc.integer({ min: 0, max: 999 })).map((of) => {
  const first17 = `${of[0]}${of[1].toISOString().slice(0, 10).replaceAll('-', '')}${String(of[2]).padStart(3, '0')}`;
  return first17 + checkCharacter(first17);
});
const alphabet = '0123456789ABCDEFGHJKLMNPQRTUWXY';
const credit = fc.string({ unit: fc.constantFrom(...alphabet), minLength: 16, maxLength: 16 }).map((text) => {
  const first17 = text + organisationCheck(text.slice(8));
  return first17 + creditCodeCheck(first17);
});

t.test('the published vectors', async (t) => {
  t.ok(isResidentNumber('11010519491231002X'), 'GB 11643-1999');
  for (const code of ['91350100M000100Y43', '91512081MA62K0260E']) t.ok(isCreditCode(code), code);
  for (const { creditCode, name } of organisations) t.ok(isCreditCode(creditCode), name);
  t.notOk(isResidentNumber('350299199102290011'), 'no such day');
  t.equal(new Set(organisations.map(({ creditCode }) => creditCode)).size, 8);
});

t.test('a resident number with one wrong digit, or two neighbours swapped, is none', async () => {
  fc.assert(
    fc.property(numbers, fc.nat(16), fc.integer({ min: 1, max: 9 }), (number, place, by) => {
      const digit = (Number(number[place]) + by) % 10;
      const wrong = number.slice(0, place) + digit + number.slice(place + 1);
      return isResidentNumber(number) && !isResidentNumber(wrong);
    }),
  );
  fc.assert(
    fc.property(numbers, fc.nat(15), (number, place) => {
      const [one, other] = [number[place]!, number[place + 1]!];
      return one === other || !isResidentNumber(number.slice(0, place) + other + one + number.slice(place + 2));
    }),
  );
});

t.test('a credit code with one wrong character, or two neighbours swapped, is none', async () => {
  fc.assert(
    fc.property(credit, fc.nat(17), fc.constantFrom(...alphabet), (code, place, character) => {
      const other = code.slice(0, place) + character + code.slice(place + 1);
      return isCreditCode(code) && (other === code || !isCreditCode(other));
    }),
  );
  fc.assert(
    fc.property(credit, fc.nat(15), (code, place) => {
      const swapped = code.slice(0, place) + code[place + 1] + code[place] + code.slice(place + 2);
      return swapped === code || !isCreditCode(swapped);
    }),
  );
});

t.test('numbers are read however they are typed, and masked', async (t) => {
  const typed = [
    '35029919880808004X',
    '35029919880808004x',
    '３５０２９９１９８８０８０８００４Ｘ',
    ' 350299 19880808 004ｘ　',
  ];
  for (const one of typed) t.equal(normaliseNumber(one), '35029919880808004X', one);
  t.equal(maskNumber('350299199001010117'), '350*************17');
  t.equal(maskMobile('15400000117'), '154****0117');
  t.same(['张三', '欧阳娜娜', '阿依·测试', '测试𠮷'].map(maskName), ['张*', '欧*娜', '阿*试', '测*𠮷']);
});

t.test('under fourteen until the birthday in Beijing', async (t) => {
  const number = '350299201606010443';
  t.equal(ageAt(number, Date.UTC(2030, 4, 31, 15, 59)), 13);
  t.equal(ageAt(number, Date.UTC(2030, 4, 31, 16, 0)), 14);
});

t.test('the table keeps to the reserved space', async (t) => {
  for (const { key, number, mobile } of table) {
    t.ok(isResidentNumber(number) && isReservedNumber(number), key);
    t.ok(isReservedMobile(mobile), key);
    if (!['one-mobile-2', 'two-accounts-2'].includes(key)) t.equal(mobile, mobileOf(number), key);
  }
  t.equal(new Set(table.map(({ key }) => key)).size, table.length);
  t.equal(new Set(table.map(({ number }) => number)).size, table.length - 1, 'one has two accounts');
  t.equal(new Set(table.map(({ mobile }) => mobile)).size, table.length - 1, 'two share a mobile');
  t.equal(new Set(table.map(({ name }) => name)).size, table.length - 2, 'two share a name, one has two accounts');
});

t.test('the guard takes no number that could be given out', async (t) => {
  for (const number of ['11010519491231002X', '350203199001010119', '810000199001010163', '935840199001010130'])
    t.notOk(isReservedNumber(number), number);
  for (const other of ['ABC123456789012', '350299900101011', '', 'x'.repeat(100), '3502991990010101 17'])
    t.notOk(isReservedNumber(other), other);
  fc.assert(
    fc.property(numbers, (number) => {
      const outside = !number.startsWith('350299') && number.slice(6, 10) !== '1901';
      return !outside || !isReservedNumber(number);
    }),
  );
  t.notOk(isReservedMobile('13800138000'));
});

t.test('people of the pool: valid, each only once, found by their number', async (t) => {
  fc.assert(
    fc.property(fc.nat(poolSize - 1), (place) => {
      const person = poolPerson(place);
      const found = poolPersonOf(person.number);
      const valid =
        isResidentNumber(person.number) && isReservedNumber(person.number) && isReservedMobile(person.mobile);
      return valid && found?.mobile === person.mobile && found.name === person.name;
    }),
  );
  const many = Array.from({ length: 20_000 }, (_, place) => poolPerson(place));
  for (const field of ['number', 'mobile', 'name'] as const)
    t.equal(new Set(many.map((person) => person[field])).size, many.length, field);
  const tableNumbers = new Set(table.map(({ number }) => number));
  t.notOk(
    [...tableNumbers].some((number) => poolPersonOf(number)),
    'nobody of the table',
  );
  t.equal(poolPersonOf('350299196002300011'), undefined, 'no such day');
  t.throws(() => poolPerson(poolSize), RangeError);
});

t.test('a personal number in a URL is seen, whatever way it is written', async (t) => {
  const withOne = [
    '/x?id=350299199001010117',
    '/x?m=15400000117',
    '/x?m=%2B8615400000117',
    `/x?returnurl=${encodeURIComponent('http://localhost/?id=35029919880808004x')}`,
    `/x?q=${encodeURIComponent('３５０２９９１９９００１０１０１１７')}`,
    '/x/350299199001010117',
    '/x?a=%31%35%34%30%30%30%30%30%31%31%37',
  ];
  for (const url of withOne) t.ok(hasPersonalNumber(url), url);
  for (const url of ['/x?t=1795512799002', '/x?nonce=ab15400000117cd', '/x?broken=%E4%B', '/x'])
    t.notOk(hasPersonalNumber(url), url);
});
