import { AppError } from '../../../shared/domain/errors.ts';
import type { ExampleChoice } from '../../../shared/domain/evaluation.ts';
import type { PackedDataset } from '../data/packed.ts';
import { stream } from '../random/stream.ts';

/**
 * Positions in the data set that a choice means, ascending: the first `count` of the split, or a seeded sample of it.
 * A count beyond the split's size means all of it.
 * @throws AppError `invalid-input` for an empty split.
 */
export function choosePositions(dataset: PackedDataset, choice: ExampleChoice): Uint32Array {
  const all = dataset.positions(choice.split);
  if (all.length === 0) {
    throw new AppError(
      'invalid-input',
      `${dataset.manifest.name} has no ${choice.split} images. Choose another split, or import it with a ${choice.split} share.`,
      { details: { field: 'examples.split', found: choice.split } },
    );
  }
  const count = Math.min(choice.count ?? all.length, all.length);
  if (!choice.sample) return all.slice(0, count);
  const order = stream(choice.seed, 'sample').permutation(all.length);
  return Uint32Array.from(order.subarray(0, count), (position) => all[position] ?? 0).sort();
}
