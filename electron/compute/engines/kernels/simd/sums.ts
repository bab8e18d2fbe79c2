import { FunctionWriter, moduleBytes, type Local } from './assembler.ts';
import { partsOf } from './geometry.ts';

/** Rows that are summed before their sum is added to the total: rounding then grows with neither number. */
const CHUNK = 32;
/** Vectors of channels that are summed at once: one line of cache. */
const VECTORS = 4;

/**
 * What is summed over rows [rows, channels]. `values`: x. `squares`: (x − mean)². `products`: two results, y and
 * y · (x − mean), the second one `channels` behind the first.
 */
export type Summand = 'values' | 'squares' | 'products';

/**
 * Sums over rows for each channel, times a factor. Parameters: x, y, mean, sums, rows (≥ 1), images (≥ 1): each image
 * has `rows` rows and one row of sums. Channels are a multiple of 4; y and mean are used where the summand has them.
 */
export function columnSumsModule(
  channels: number,
  summand: Summand,
  factor: number,
  fused: boolean,
): Uint8Array<ArrayBuffer> {
  const f = new FunctionWriter(6, fused);
  const [x, y, mean, sums, rows, images] = [0, 1, 2, 3, 4, 5] as const;
  const locals = Array.from({ length: 7 }, () => f.local());
  const [p, q, group, other, left, count, means] = locals as [Local, Local, Local, Local, Local, Local, Local];
  const results = summand === 'products' ? 2 : 1;
  const totals = f.vectors(VECTORS * results);
  const parts = f.vectors(VECTORS * results);
  const centre = f.vectors(VECTORS);
  const [value, second] = f.vectors(2) as [Local, Local];
  const line = channels * 4;

  const writeGroup = (vectors: number): void => {
    const used = [...Array(vectors * results).keys()];
    for (const index of used) f.zero().set(totals[index] ?? 0);
    if (summand !== 'values') for (let v = 0; v < vectors; v++) f.load(means, v * 16).set(centre[v] ?? 0);
    f.move(p, group).move(q, other).move(left, rows);
    f.whileNotZero(left, () => {
      f.atMost(count, left, CHUNK).subtract(left, count);
      for (const index of used) f.zero().set(parts[index] ?? 0);
      f.countDown(count, () => {
        for (let v = 0; v < vectors; v++) {
          const [part = 0, product = 0] = [parts[v], parts[vectors + v]];
          f.load(p, v * 16);
          if (summand === 'values') {
            f.get(part).add().set(part);
            continue;
          }
          f.get(centre[v] ?? 0)
            .minus()
            .set(value);
          if (summand === 'squares') {
            f.multiplyAdd(part, value, value);
            continue;
          }
          f.load(q, v * 16).set(second);
          f.get(part).get(second).add().set(part).multiplyAdd(product, value, second);
        }
        f.advance(p, line).advance(q, line);
      });
      for (const index of used) {
        const [total = 0, part = 0] = [totals[index], parts[index]];
        f.get(total).get(part).add().set(total);
      }
    });
    for (const index of used) {
      f.get(totals[index] ?? 0)
        .splat(factor)
        .multiply()
        .set(value);
      f.store(sums, value, index < vectors ? index * 16 : line + (index - vectors) * 16);
    }
    for (const pointer of [group, other, means, sums]) f.advance(pointer, vectors * 16);
  };

  f.countDown(images, () => {
    f.move(group, x).move(other, y).move(means, mean);
    for (const { size, count: times } of partsOf(channels / 4, VECTORS)) f.repeat(times, () => writeGroup(size));
    f.advance(sums, (results - 1) * line);
    f.address(x, x, rows, line).address(y, y, rows, line);
  });
  return moduleBytes(6, f.finish());
}
