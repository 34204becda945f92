import { compact, normalizePassword, type Own, piecesOf } from './rules.ts';

/**
 * What is kept of a password between the step that chooses it and the step that learns name and number: keyed MACs of
 * every two, three and four characters that stand together in it, cut to 24 bits, without their order. It answers one
 * question, whether a given piece is in the password; the password is not to be read from it without the key, and it
 * goes when the registration ends.
 */
export type Mac = (piece: string) => Buffer;

const sizes = [2, 3, 4] as const;
const longest = 4;
const tag = 4; // base64url characters of 24 bits

export function tracesOf(password: string, mac: Mac): string {
  const characters = [...compact(normalizePassword(password).toLowerCase())];
  const found = new Set<string>();
  for (const size of sizes) for (const part of windows(characters, size)) found.add(tagOf(part, mac));
  return [...found].sort().join('');
}

/** Whether a piece of name or number is in the password. A longer one: every four characters of it are. */
export function showsOwn(traces: string, own: Own, mac: Mac): boolean {
  const found = new Set(traces.match(new RegExp(`.{${tag}}`, 'g')));
  return piecesOf(own).some((piece) => {
    const characters = [...compact(piece)];
    return windows(characters, Math.min(characters.length, longest)).every((part) => found.has(tagOf(part, mac)));
  });
}

const tagOf = (piece: string, mac: Mac): string => mac(piece).subarray(0, 3).toString('base64url');

const windows = (characters: readonly string[], size: number): string[] =>
  Array.from({ length: Math.max(0, characters.length - size + 1) }, (_, at) =>
    characters.slice(at, at + size).join(''),
  );
