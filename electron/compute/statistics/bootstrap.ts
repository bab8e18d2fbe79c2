import { AppError } from '../../../shared/domain/errors.ts';
import { stream } from '../random/stream.ts';

export interface BootstrapEstimate {
  readonly mean: number;
  readonly low: number;
  readonly high: number;
}

/**
 * Percentile bootstrap interval (Efron & Tibshirani 1993, chapter 13) of a statistic of rows drawn with replacement.
 * @param rows number of rows (examples).
 * @param statistic of a sample given as row numbers; paired quantities stay paired because rows are drawn.
 * @param options `resamples` (2,000), `seed` (0), `confidence` (0.95).
 * @returns the statistic of all rows, and the interval over the samples in which the statistic is finite (a ratio whose
 *   denominator happens to be 0 in a sample says nothing there).
 * @throws AppError `invalid-input` without rows.
 */
export function bootstrap(
  rows: number,
  statistic: (sample: Uint32Array) => number,
  options: { readonly resamples?: number; readonly seed?: number; readonly confidence?: number } = {},
): BootstrapEstimate {
  const { resamples = 2000, seed = 0, confidence = 0.95 } = options;
  if (rows < 1) throw new AppError('invalid-input', 'A bootstrap interval needs at least one example.');
  const random = stream(seed, 'bootstrap', rows);
  const sample = new Uint32Array(rows);
  const values = new Float64Array(resamples);
  for (let i = 0; i < resamples; i += 1) {
    for (let k = 0; k < rows; k += 1) sample[k] = random.integer(rows);
    values[i] = statistic(sample);
  }
  const finite = values.filter(Number.isFinite).sort();
  const tail = (1 - confidence) / 2;
  return {
    mean: statistic(Uint32Array.from({ length: rows }, (_, row) => row)),
    low: quantile(finite, tail),
    high: quantile(finite, 1 - tail),
  };
}

/**
 * Bootstrap interval of a mean.
 * @param values one for each example.
 */
export function bootstrapMean(
  values: ArrayLike<number>,
  options: { readonly resamples?: number; readonly seed?: number; readonly confidence?: number } = {},
): BootstrapEstimate {
  return bootstrap(values.length, (sample) => meanOver(values, sample), options);
}

/**
 * Bootstrap interval of the ratio of two means over the same examples.
 * @returns Infinity or NaN where the denominators' mean is 0.
 */
export function bootstrapRatio(
  numerators: ArrayLike<number>,
  denominators: ArrayLike<number>,
  options: { readonly resamples?: number; readonly seed?: number; readonly confidence?: number } = {},
): BootstrapEstimate {
  return bootstrap(
    numerators.length,
    (sample) => meanOver(numerators, sample) / meanOver(denominators, sample),
    options,
  );
}

/**
 * Quantile of ascending values by linear interpolation (Hyndman & Fan 1996, type 7; NumPy's default).
 * @param share in [0, 1].
 */
export function quantile(ascending: ArrayLike<number>, share: number): number {
  const position = share * (ascending.length - 1);
  const below = Math.floor(position);
  const low = ascending[below] ?? Number.NaN;
  const high = ascending[Math.min(below + 1, ascending.length - 1)] ?? Number.NaN;
  return low + (position - below) * (high - low);
}

function meanOver(values: ArrayLike<number>, sample: Uint32Array): number {
  let sum = 0;
  for (const row of sample) sum += values[row] ?? Number.NaN;
  return sum / sample.length;
}
