/**
 * The probability that two samples of one distribution differ in rank as much as these do (Mann-Whitney U, two-sided, by
 * the normal approximation with continuity and ties corrected: good for samples of ten and more).
 */
export function sameDistribution(one: readonly number[], other: readonly number[]): number {
  const all = [...one.map((value) => ({ value, mine: true })), ...other.map((value) => ({ value, mine: false }))];
  all.sort((a, b) => a.value - b.value);
  const [n, m] = [one.length, other.length];
  let ranks = 0;
  let tied = 0;
  for (let from = 0; from < all.length; ) {
    let to = from;
    while (to < all.length && all[to]?.value === all[from]?.value) to += 1;
    const size = to - from;
    // equal values share the mean of their ranks, which are from + 1 to `to`
    ranks += ((from + 1 + to) / 2) * all.slice(from, to).filter(({ mine }) => mine).length;
    tied += size ** 3 - size;
    from = to;
  }
  const off = Math.abs(ranks - (n * (n + 1)) / 2 - (n * m) / 2);
  const sigma = Math.sqrt(((n * m) / 12) * (n + m + 1 - tied / ((n + m) * (n + m - 1))));
  return sigma === 0 ? 1 : Math.min(1, complement(Math.max(0, off - 0.5) / sigma / Math.SQRT2));
}

/** erfc for x ≥ 0, to 1.2e-7 of its value (Press et al., Numerical Recipes, 6.2). */
function complement(x: number): number {
  const t = 1 / (1 + x / 2);
  const series = [
    -1.26551223, 1.00002368, 0.37409196, 0.09678418, -0.18628806, 0.27886807, -1.13520398, 1.48851587, -0.82215223,
    0.17087277,
  ];
  return t * Math.exp(-x * x + series.reduceRight((sum, each) => each + t * sum, 0));
}

export function median(values: readonly number[]): number {
  const sorted = [...values].sort((a, b) => a - b);
  const middle = sorted.length >> 1;
  return sorted.length % 2 ? (sorted[middle] ?? 0) : ((sorted[middle - 1] ?? 0) + (sorted[middle] ?? 0)) / 2;
}

/**
 * How far one sample lies above the other: the median of all differences between one of each (Hodges-Lehmann), which a
 * busy machine moves less than it moves the difference of two medians.
 */
export const shift = (one: readonly number[], other: readonly number[]): number =>
  median(one.flatMap((value) => other.map((each) => value - each)));
