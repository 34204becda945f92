/**
 * Rows in which every pair of values of every two factors stands together at least once: each row is the one that
 * covers most of what is still missing (first of equals, so the cover is the same every time).
 *
 * @param sizes how many values each factor has
 */
export function pairwise(sizes: readonly number[]): number[][] {
  const missing = new Set<string>();
  const pairs = (row: readonly number[]): string[] =>
    row.flatMap((value, a) => row.slice(a + 1).map((other, n) => `${a}:${value} ${a + 1 + n}:${other}`));
  const rows = combinations(sizes);
  for (const row of rows) for (const pair of pairs(row)) missing.add(pair);
  const cover: number[][] = [];
  while (missing.size > 0) {
    let best: number[] = [];
    let most = 0;
    for (const row of rows) {
      const count = pairs(row).filter((pair) => missing.has(pair)).length;
      if (count > most) [best, most] = [row, count];
    }
    for (const pair of pairs(best)) missing.delete(pair);
    cover.push(best);
  }
  return cover;
}

const combinations = (sizes: readonly number[]): number[][] =>
  sizes.reduce<number[][]>(
    (rows, size) => rows.flatMap((row) => Array.from({ length: size }, (_, value) => [...row, value])),
    [[]],
  );
