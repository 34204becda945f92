/**
 * Identifiers of people: what is a valid one, the one form it is compared in, and what may be shown of it.
 * GB 11643-1999 for resident IDs; residence permits of Hong Kong, Macao and Taiwan have the same form (81, 82, 83), and
 * so has the foreign permanent resident card (9…), whose old form of 15 characters is still valid.
 */

/** 111 居民身份证, 516 港澳居民, 511 台湾居民, 553 外国人永久居留身份证 (the province's CARD_TYPE). */
export type CardType = '111' | '516' | '511' | '553';

export interface IdNumber {
  readonly number: string;
  readonly cardType: CardType;
  /** YYYYMMDD, or undefined for the old form of the foreign card, which says only year and month. */
  readonly birth?: string;
}

export type LoginId =
  | { readonly kind: 'mobile'; readonly value: string }
  | { readonly kind: 'id-number'; readonly value: string };

/** Full-width letters and digits folded (NFKC), blanks and the dashes people type between digits dropped, capitals. */
export function normalizeNumber(typed: string): string {
  return typed
    .normalize('NFKC')
    .replace(/[\s\p{Cf}\p{Pd}]/gu, '')
    .toUpperCase();
}

const weights = [7, 9, 10, 5, 8, 4, 2, 1, 6, 3, 7, 9, 10, 5, 8, 4, 2];

/** The check character of the first 17 digits (ISO 7064 MOD 11-2). */
export function checkCharacter(first17: string): string {
  const sum = weights.reduce((total, weight, index) => total + weight * Number(first17[index]), 0);
  return '10X98765432'[sum % 11] as string;
}

/**
 * Reads an ID number as typed. Undefined when it cannot be one: form, area, birth date or check character.
 * @param now epoch ms: nobody is born later
 */
export function parseIdNumber(typed: string, now: number): IdNumber | undefined {
  const number = normalizeNumber(typed);
  if (/^[A-Z]{3}\d{12}$/.test(number)) return { number, cardType: '553' };
  if (!/^[1-9]\d{16}[\dX]$/.test(number) || checkCharacter(number) !== number[17]) return undefined;
  const birth = number.slice(6, 14);
  if (!isDate(birth) || birth > dayOf(now)) return undefined;
  const area = number.slice(0, 2);
  if (number.startsWith('9')) return { number, cardType: '553', birth };
  if (area === '81' || area === '82') return { number, cardType: '516', birth };
  if (area === '83') return { number, cardType: '511', birth };
  return provinces.has(area) ? { number, cardType: '111', birth } : undefined;
}

// GB/T 2260, first two digits
const provinces = new Set(
  '11 12 13 14 15 21 22 23 31 32 33 34 35 36 37 41 42 43 44 45 46 50 51 52 53 54 61 62 63 64 65 71'.split(' '),
);

function isDate(text: string): boolean {
  const [year, month, day] = [Number(text.slice(0, 4)), Number(text.slice(4, 6)), Number(text.slice(6))];
  if (year < 1850 || month < 1 || month > 12 || day < 1) return false;
  const leap = (year % 4 === 0 && year % 100 !== 0) || year % 400 === 0;
  return day <= (month === 2 ? (leap ? 29 : 28) : [4, 6, 9, 11].includes(month) ? 30 : 31);
}

/** Today in Beijing, YYYYMMDD. */
const dayOf = (now: number): string => new Date(now + 8 * 3_600_000).toISOString().slice(0, 10).replaceAll('-', '');

/** A mainland mobile in its national form (11 digits), with or without +86, 0086 or 86 in front; undefined otherwise. */
export function parseMobile(typed: string): string | undefined {
  return /^(?:\+?86|0086)?(1[3-9]\d{9})$/.exec(normalizeNumber(typed).replace(/[()]/g, ''))?.[1];
}

/** A login name: a mobile, or an ID number. They cannot be mistaken for each other. */
export function parseLoginId(typed: string, now: number): LoginId | undefined {
  const mobile = parseMobile(typed);
  if (mobile) return { kind: 'mobile', value: mobile };
  const id = parseIdNumber(typed, now);
  return id && { kind: 'id-number', value: id.number };
}

/**
 * A person's name in the form it is compared in: NFC (a rare character must stay itself, so no compatibility folding),
 * any of the dots people type instead of `·` U+00B7 made that one, blanks at the ends dropped and one between words.
 * Undefined when it cannot be a name.
 */
export function parseName(typed: string): string | undefined {
  if (!typed.isWellFormed()) return undefined;
  const name = typed
    .normalize('NFC')
    .replace(/[•‧∙⋅・･．]/gu, '·')
    .replace(/[\s\u3000]+/gu, ' ')
    .trim()
    .replace(/(?<=\p{Script=Han}) (?=\p{Script=Han})| ?· ?/gu, (found) => (found.includes('·') ? '·' : ''))
    .toUpperCase();
  const letters = [...name].length;
  if (letters < 2 || letters > 100) return undefined;
  return /^[\p{L}\p{M}\p{Co}·'’.,\- ]+$/u.test(name) && /\p{L}|\p{Co}/u.test(name) ? name : undefined;
}

/**
 * `张*`, `欧*娜`: the first character, a star, and the last one of a Chinese name of three or more. A foreign or dotted
 * name keeps its first character only: its last letter says little to its owner, its length much to others.
 */
export function maskName(name: string): string {
  const letters = [...name];
  const [first = ''] = letters;
  const short = letters.length < 3 || name.includes('·') || !/^\p{Script=Han}$/u.test(first);
  return short ? `${first}*` : `${first}*${letters.at(-1)}`;
}

/** `350*************17`: first 3 and last 2; the birth date is never shown. */
export const maskIdNumber = (number: string): string =>
  number.slice(0, 3) + '*'.repeat(Math.max(0, number.length - 5)) + number.slice(-2);

/** `154****0117`: first 3 and last 4. */
export const maskMobile = (mobile: string): string =>
  mobile.slice(0, 3) + '*'.repeat(Math.max(0, mobile.length - 7)) + mobile.slice(-4);

const uuid = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/** Whether this has the form of an account's id; there may be no such account. */
export const isAccountId = (wanted: string): boolean => uuid.test(wanted);
