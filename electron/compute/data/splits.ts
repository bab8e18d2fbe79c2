import { AppError } from '../../../shared/domain/errors.ts';
import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import { SPLITS } from '../../../shared/domain/shape.ts';
import type { Split } from '../../../shared/domain/shape.ts';
import { stream } from '../random/stream.ts';

type SplitOptions = Pick<ImportPlan, 'seed' | 'validationShare' | 'testShare'> &
  Partial<Pick<ImportPlan, 'splits' | 'folds' | 'fold'>>;

/** What the split of an image depends on. */
export interface SplitItem {
  readonly label: number;
  /** The split that the source gives, or null. */
  readonly split: Split | null;
}

const indexOf = (split: Split): number => SPLITS.indexOf(split);

/**
 * The split of each item, as positions in SPLITS. A split that the source gives is kept; test and validation parts
 * that it does not give are held out of the other images, stratified by class and drawn from the seed. Each share counts
 * all images that the source leaves to training; the parts have exactly round(share × images) images where no class is
 * too small for that. With `splits: 'draw'` what the source gives does not count; with `'folds'` neither, and the test
 * part is one of `folds` parts that between them hold every image once, each with its share of every class.
 * @throws AppError `invalid-input` for a fold that there is not.
 */
export function assignSplits(given: readonly SplitItem[], options: SplitOptions): Uint8Array {
  const items =
    options.splits === 'folds' ? withFold(given, options) : options.splits === 'draw' ? undrawn(given) : given;
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

const undrawn = (items: readonly SplitItem[]): SplitItem[] => items.map(({ label }) => ({ label, split: null }));

/** Fold `fold` as the test part. Classes are dealt out one after the other, so that folds differ by one image at most. */
function withFold(items: readonly SplitItem[], { seed, folds = 5, fold = 0 }: SplitOptions): SplitItem[] {
  if (fold >= folds) {
    throw new AppError('invalid-input', `Fold ${fold} is none: ${folds} folds are numbered 0 to ${folds - 1}.`, {
      details: { field: 'fold' },
    });
  }
  if (folds > items.length) {
    throw new AppError('invalid-input', `${items.length} images do not make ${folds} folds. Choose fewer folds.`, {
      details: { field: 'folds' },
    });
  }
  const byClass = new Map<number, number[]>();
  items.forEach(({ label }, position) => {
    const positions = byClass.get(label);
    if (positions) positions.push(position);
    else byClass.set(label, [position]);
  });
  const split = new Array<Split | null>(items.length).fill(null);
  let dealt = 0;
  for (const [label, positions] of [...byClass].sort(([a], [b]) => a - b)) {
    for (const pick of stream(seed, 'fold', label).permutation(positions.length)) {
      if (dealt % folds === fold) split[positions[pick] ?? 0] = 'test';
      dealt += 1;
    }
  }
  return items.map(({ label }, position) => ({ label, split: split[position] ?? null }));
}

/** How many images each split has; excluded ones are in none. */
export function countSplits(splits: Uint8Array): { train: number; validation: number; test: number } {
  const counts = { train: 0, validation: 0, test: 0 };
  for (const index of splits) {
    const name = SPLITS[index];
    if (name) counts[name] += 1;
  }
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
