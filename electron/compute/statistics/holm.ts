/**
 * Holm's step-down correction for several tests (Holm 1979, Scandinavian Journal of Statistics 6, 65–70): the adjusted
 * value of the i-th smallest of m is the largest of (m − j + 1) · p_j over j ≤ i, at most 1.
 * @param values p values in [0, 1].
 * @returns adjusted values in the order of `values`; below α where the test holds at a family-wise level of α.
 */
export function holm(values: readonly number[]): number[] {
  const order = [...values.keys()].sort((a, b) => (values[a] ?? 1) - (values[b] ?? 1));
  const adjusted = new Array<number>(values.length).fill(1);
  let largest = 0;
  order.forEach((position, rank) => {
    largest = Math.max(largest, (values.length - rank) * (values[position] ?? 1));
    adjusted[position] = Math.min(1, largest);
  });
  return adjusted;
}
