/**
 * Exact one-sided McNemar test on paired outcomes (McNemar 1947; exact binomial form).
 * @param more pairs where only the first member failed.
 * @param fewer pairs where only the second member failed.
 * @returns the probability of at least `more` such pairs out of `more + fewer` if both kinds are equally likely; 1 without any.
 */
export function mcnemarOneSided(more: number, fewer: number): number {
  const pairs = more + fewer;
  if (pairs === 0) return 1;
  let logTerm = logChoose(pairs, more) - pairs * Math.LN2;
  let sum = 0;
  for (let k = more; k <= pairs; k += 1) {
    sum += Math.exp(logTerm);
    logTerm += Math.log((pairs - k) / (k + 1));
  }
  return Math.min(1, sum);
}

/**
 * Exact two-sided McNemar test: twice the smaller tail, at most 1.
 * @param first pairs where only the first member failed, `second` where only the second did.
 */
export function mcnemarTwoSided(first: number, second: number): number {
  return Math.min(1, 2 * mcnemarOneSided(Math.max(first, second), Math.min(first, second)));
}

function logChoose(n: number, k: number): number {
  let sum = 0;
  const short = Math.min(k, n - k);
  for (let i = 1; i <= short; i += 1) sum += Math.log((n - short + i) / i);
  return sum;
}
