import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import { SPLITS } from '../../../shared/domain/shape.ts';
import type { Split } from '../../../shared/domain/shape.ts';
import { stream } from '../random/stream.ts';
import type { SourceItem } from './source.ts';

type SplitOptions = Pick<ImportPlan, 'seed' | 'validationShare' | 'testShare'>;

const indexOf = (split: Split): number => SPLITS.indexOf(split);

/**
 * The split of each item, as positions in SPLITS. A split that the source gives is kept; test and validation parts
 * that it does not give are held out of the other images, stratified by class and drawn from the seed. Each share counts
 * all images that the source leaves to training; the parts have exactly round(share × images) images where no class is
 * too small for that.
 */
export function assignSplits(items: readonly SourceItem[], options: SplitOptions): Uint8Array {
  const train = indexOf('train');
  const splits = Uint8Array.from(items, (item) => indexOf(item.split ?? 'train'));
  const pool = new Map<number, number[]>();
  splits.forEach((split, position) => {
    const label = items[position]?.label ?? 0;
    if (split !== train) return;
    const positions = pool.get(label);
    if (positions) positions.push(position);
    else pool.set(label, [position]);
  });
  const classes = [...pool].sort(([a], [b]) => a - b);
  for (const [split, share] of [
    ['test', options.testShare],
    ['validation', options.validationShare],
  ] as const) {
    if (items.some((item) => item.split === split)) continue;
    const quotas = apportion(
      classes.map(([, positions]) => ({
        images: positions.length,
        free: positions.filter((position) => splits[position] === train).length,
      })),
      share,
    );
    classes.forEach(([label, positions], index) => {
      const free = positions.filter((position) => splits[position] === train);
      const order = stream(options.seed, 'split', split, label).permutation(free.length);
      for (const pick of order.subarray(0, quotas[index])) splits[free[pick] ?? 0] = indexOf(split);
    });
  }
  return splits;
}

/** How many images each split has. */
export function countSplits(splits: Uint8Array): { train: number; validation: number; test: number } {
  const counts = { train: 0, validation: 0, test: 0 };
  for (const index of splits) counts[SPLITS[index] ?? 'train'] += 1;
  return counts;
}

/** Largest-remainder shares of each class that sum to round(share × images); one free image of each class stays. */
function apportion(classes: readonly { readonly images: number; readonly free: number }[], share: number): number[] {
  const exact = classes.map(({ images }) => images * share);
  const most = classes.map(({ free }) => Math.max(0, free - 1));
  const quotas = exact.map((value, index) => Math.min(Math.floor(value), most[index] ?? 0));
  const sum = (values: readonly number[]): number => values.reduce((total, value) => total + value, 0);
  let missing = Math.round(sum(exact)) - sum(quotas);
  const byRemainder = exact
    .map((value, index) => ({ index, remainder: value - Math.floor(value) }))
    .sort((a, b) => b.remainder - a.remainder || a.index - b.index);
  for (const { index } of byRemainder) {
    const quota = quotas[index] ?? 0;
    if (missing <= 0 || quota >= (most[index] ?? 0)) continue;
    quotas[index] = quota + 1;
    missing -= 1;
  }
  return quotas;
}
