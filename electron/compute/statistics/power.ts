/** Quantiles of the standard normal distribution: two-sided 5 %, and a power of 80 %. */
const Z_LEVEL = 1.959963984540054;
const Z_POWER = 0.8416212335729143;

/**
 * The smallest difference of two accuracies that paired outcomes show with a power of 80 % at a two-sided level of 5 %
 * (Connor 1987, Biometrics 43, 207–211: n δ² = (z_{α/2} √ψ + z_β √(ψ − δ²))², solved for δ).
 * @param pairs number of examples n.
 * @param disagreement share ψ of examples on which the two differ, 0 … 1.
 * @returns δ in (0, ψ], or null where even the whole disagreement would not show: no, or too few, such examples.
 */
export function smallestDifference(pairs: number, disagreement: number): number | null {
  const shows = (difference: number): boolean =>
    pairs * difference ** 2 >=
    (Z_LEVEL * Math.sqrt(disagreement) + Z_POWER * Math.sqrt(Math.max(0, disagreement - difference ** 2))) ** 2;
  if (disagreement <= 0 || !shows(disagreement)) return null;
  let low = 0;
  let high = disagreement;
  // 60 halvings leave nothing that float64 could tell apart.
  for (let i = 0; i < 60; i += 1) {
    const middle = (low + high) / 2;
    if (shows(middle)) high = middle;
    else low = middle;
  }
  return high;
}
