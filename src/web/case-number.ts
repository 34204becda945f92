// Crockford's alphabet: no I, L, O, U, so that a number can be read out over the telephone
const letters = '0123456789ABCDEFGHJKMNPQRSTVWXYZ';

/** `7K4M-20Q9`: 40 random bits, says nothing about anybody. */
export function caseNumber(random: (bytes: number) => Buffer): string {
  const drawn = [...random(8)].map((byte) => letters[byte & 31]).join('');
  return `${drawn.slice(0, 4)}-${drawn.slice(4)}`;
}
