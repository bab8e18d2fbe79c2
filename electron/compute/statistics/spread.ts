/**
 * Mean and sample standard deviation (n − 1) of some values.
 * @returns `std` is null for fewer than two values; the mean of none is NaN.
 */
export function spread(values: readonly number[]): { readonly mean: number; readonly std: number | null } {
  const mean = values.reduce((sum, value) => sum + value, 0) / values.length;
  if (values.length < 2) return { mean, std: null };
  const squares = values.reduce((sum, value) => sum + (value - mean) ** 2, 0);
  return { mean, std: Math.sqrt(squares / (values.length - 1)) };
}
