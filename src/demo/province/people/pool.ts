import { checkCharacter } from './identifiers.ts';
import type { Row } from './table.ts';

/**
 * People for load: as many as are asked for, each with a valid number of the reserved area, a mobile and a name of its
 * own. A pool person is a function of its place, and the place of its number, so none of them is stored. They are born
 * 1960 to 1979, which no row of the table is.
 */

const firstDay = Date.UTC(1960, 0, 1);
const day = 86_400_000;
const days = (Date.UTC(1980, 0, 1) - firstDay) / day;
const serials = 999;

export const poolSize = days * serials;

const digits = '零一二三四五六七八九';

/** @throws RangeError outside the pool. */
export function poolPerson(place: number): Row {
  if (!Number.isInteger(place) || place < 0 || place >= poolSize)
    throw new RangeError(`The pool has ${poolSize} people.`);
  const born = new Date(firstDay + (place % days) * day).toISOString().slice(0, 10).replaceAll('-', '');
  const serial = String(Math.floor(place / days) + 1).padStart(3, '0');
  const first17 = `350299${born}${serial}`;
  const number = first17 + checkCharacter(first17);
  const called = [...String(place)].map((digit) => digits.charAt(Number(digit))).join('');
  const mobile = `1541${String(place).padStart(7, '0')}`;
  return { key: number, name: `测试池${called}`, number, mobile, level: '1', note: '压力测试用' };
}

/** Whose normalised number this is; undefined when it is none of the pool's. */
export function poolPersonOf(number: string): Row | undefined {
  const written = /^350299(\d{4})(\d{2})(\d{2})(\d{3})[\dX]$/.exec(number);
  if (!written) return undefined;
  const [year, month, date, serial] = written.slice(1).map(Number) as [number, number, number, number];
  const place = (serial - 1) * days + (Date.UTC(year, month - 1, date) - firstDay) / day;
  if (year < 1960 || year > 1979 || serial < 1 || place < 0 || place >= poolSize) return undefined;
  const person = poolPerson(place);
  // A day that does not exist, or a wrong check character, leads to somebody else.
  return person.number === number ? person : undefined;
}
