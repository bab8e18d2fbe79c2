/**
 * The second image less the first, with its size.
 * @param a, b pixels in [0, 1] of one shape
 * @returns `linf` the greatest absolute difference, `l2` the Euclidean norm, `equal` the share of values that agree
 */
export function differenceOf(
  a: Float32Array,
  b: Float32Array,
): { readonly values: Float32Array; readonly linf: number; readonly l2: number; readonly equal: number } {
  let linf = 0;
  let squares = 0;
  let equal = 0;
  const values = a.map((value, index) => {
    const difference = (b[index] ?? 0) - value;
    linf = Math.max(linf, Math.abs(difference));
    squares += difference * difference;
    if (difference === 0) equal += 1;
    return difference;
  });
  return { values, linf, l2: Math.sqrt(squares), equal: equal / Math.max(1, a.length) };
}
