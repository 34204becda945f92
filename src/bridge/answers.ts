import type { Fields } from './strict-json.ts';

/** What is read of the province's answers. Nothing else of a record is looked at, logged or kept. */

/** The allow-listed fields of the user record. */
export interface ProvincePerson {
  readonly userId: string;
  /** Bound to our caller code there; 30 minutes, sliding. */
  readonly userToken: string;
  readonly userType: 'natural' | 'legal';
  /** Empty where the record has none: for a natural person only at level 0. */
  readonly name: string;
  /** As `name`. */
  readonly idNumber: string;
  /** Empty where the record has none. */
  readonly mobile: string;
  /** 111 resident ID, 114 officer, 414 passport, 511 Taiwan, 516 HK/Macao, 553 foreign permanent resident. */
  readonly cardType: string;
  /** The province's real-name level, PROVINCE.md section 3. */
  readonly level: Level;
}

export type Level = 0 | 1 | 2 | 3;

/** Service 103. Undefined when a field that is needed is missing or of another type. */
export function readPerson(record: Fields): ProvincePerson | undefined {
  const { USER_ID, USER_TOKEN, USER_TYPE, USER_NAME, USER_MOBILE, USER_IDCARD, CARD_TYPE, USER_AUTHLEVEL } = record;
  const level = readLevel(USER_AUTHLEVEL);
  if (!isText(USER_ID) || !isText(USER_TOKEN) || !isText(USER_TYPE) || level === undefined) return undefined;
  const [name, mobile, idNumber, cardType] = [USER_NAME, USER_MOBILE, USER_IDCARD, CARD_TYPE].map(textOrNone);
  if (name === undefined || mobile === undefined || idNumber === undefined || cardType === undefined) return undefined;
  const userType = USER_TYPE === '1' ? 'natural' : 'legal';
  if (userType === 'natural' && level > 0 && !(name && idNumber && cardType)) return undefined;
  return { userId: USER_ID, userToken: USER_TOKEN, userType, name, idNumber, mobile, cardType, level };
}

/** USER_AUTHLEVEL, as text. */
export function readLevel(value: unknown): Level | undefined {
  return value === '0' || value === '1' || value === '2' || value === '3' ? (Number(value) as Level) : undefined;
}

function isText(value: unknown): value is string {
  return typeof value === 'string' && value !== '';
}

/** Undefined for what is neither text nor absent. */
function textOrNone(value: unknown): string | undefined {
  return value === undefined || value === null ? '' : typeof value === 'string' ? value : undefined;
}
