import { SPLITS, type Split } from '../../shared/domain/shape.ts';

/** What the grid shows: classes by number (empty: all) and a split (null: all). */
export interface ImageFilter {
  readonly classes: readonly number[];
  readonly split: Split | null;
}

/**
 * Positions of the images that pass the filter, in the order of the data set.
 * @param labels class number of each image
 * @param splits position in SPLITS of each image
 */
export function filterPositions(
  labels: ArrayLike<number>,
  splits: ArrayLike<number>,
  filter: ImageFilter,
): Uint32Array {
  const classes = new Set(filter.classes);
  const split = filter.split === null ? -1 : SPLITS.indexOf(filter.split);
  const positions = new Uint32Array(labels.length);
  let count = 0;
  for (let i = 0; i < labels.length; i++) {
    if (classes.size > 0 && !classes.has(labels[i] ?? -1)) continue;
    if (split >= 0 && splits[i] !== split) continue;
    positions[count++] = i;
  }
  return positions.slice(0, count);
}

/** Images per class within a split (null: all), by class number. */
export function countClasses(
  labels: ArrayLike<number>,
  splits: ArrayLike<number>,
  split: Split | null,
  classes: number,
): readonly number[] {
  const wanted = split === null ? -1 : SPLITS.indexOf(split);
  const counts = new Array<number>(classes).fill(0);
  for (let i = 0; i < labels.length; i++) {
    const label = labels[i] ?? 0;
    if (wanted < 0 || splits[i] === wanted) counts[label] = (counts[label] ?? 0) + 1;
  }
  return counts;
}

/** Numbers of one image: least, greatest and mean pixel 0…1, and `bins` shares of its pixels over [0, 1]. */
export function imageStatistics(
  pixels: Float32Array,
  bins: number,
): { minimum: number; maximum: number; mean: number; histogram: readonly number[] } {
  const histogram = new Array<number>(bins).fill(0);
  let minimum = Infinity;
  let maximum = -Infinity;
  let sum = 0;
  for (const value of pixels) {
    minimum = Math.min(minimum, value);
    maximum = Math.max(maximum, value);
    sum += value;
    const bin = Math.min(bins - 1, Math.max(0, Math.floor(value * bins)));
    histogram[bin] = (histogram[bin] ?? 0) + 1 / pixels.length;
  }
  return { minimum, maximum, mean: sum / pixels.length, histogram };
}
