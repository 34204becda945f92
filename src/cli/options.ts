import { EgretError } from '../errors.ts';

type Value = string | boolean | undefined;

/** One of these words, or nothing. */
export function oneOf<T extends string>(name: string, value: Value, words: readonly T[]): T | undefined {
  if (value === undefined || words.includes(value as T)) return value as T | undefined;
  throw new EgretError('EG-1902', { log: `${name} is one of ${words.join(', ')}` });
}

/** A whole number from 1 to 1000. */
export function count(name: string, value: Value): number {
  const number = Number(value);
  if (/^\d{1,4}$/.test(String(value)) && number >= 1 && number <= 1_000) return number;
  throw new EgretError('EG-1902', { log: `${name} is a whole number from 1 to 1000` });
}
