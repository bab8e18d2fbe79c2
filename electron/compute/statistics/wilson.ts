/** 97.5 % quantile of the standard normal distribution. */
const Z95 = 1.959963984540054;

/**
 * Wilson score interval of a proportion (Wilson 1927; Brown, Cai & DasGupta 2001, equation 4), 95 % by default.
 * @param successes 0 … trials.
 * @param z quantile of the standard normal distribution.
 * @returns [low, high] within [0, 1]; [0, 1] without trials.
 */
export function wilsonInterval(successes: number, trials: number, z = Z95): [number, number] {
  if (trials <= 0) return [0, 1];
  const share = successes / trials;
  const z2 = z * z;
  const centre = (share + z2 / (2 * trials)) / (1 + z2 / trials);
  const half = (z / (1 + z2 / trials)) * Math.sqrt((share * (1 - share)) / trials + z2 / (4 * trials * trials));
  // The ends are exact at shares of 0 and 1, where the two terms cancel but for rounding.
  return [successes <= 0 ? 0 : Math.max(0, centre - half), successes >= trials ? 1 : Math.min(1, centre + half)];
}
