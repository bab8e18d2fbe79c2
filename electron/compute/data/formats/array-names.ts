import type { Split } from '../../../../shared/domain/shape.ts';
import { SPLIT_NAMES } from './split-names.ts';

/** What the name of an array or of its file says. */
export interface NamedRole {
  readonly split: Split | null;
  /** What is left of the name without the split. */
  readonly stem: string;
}

const SPLITS: ReadonlyMap<string, Split> = new Map([...SPLIT_NAMES, ['extra', 'train'], ['t10k', 'test']]);

/** Names of arrays of images, the surest first. */
export const IMAGE_NAMES = ['adversarial', 'images', 'image', 'imgs', 'img', 'x', 'data', 'pixels', 'inputs'];
export const LABEL_NAMES = ['labels', 'label', 'y', 'targets', 'target', 'fine_labels', 'fine_label'];
export const CLASS_NAMES = ['class_names', 'classes', 'label_names', 'fine_label_names', 'names'];

/** Splits `train_images`, `x_val`, `data_batch_3` into the part that it belongs to and the rest. */
export function readName(name: string): NamedRole {
  // CIFAR calls the batches of its training part data_batch_1 to data_batch_5, and the other test_batch.
  const plain = name.toLowerCase().replace(/^data_batch_\d+$/, 'train_batch');
  const words = plain.split(/[_\-. ]+/).filter((word) => word !== '');
  const at = words.findIndex((word) => SPLITS.has(word));
  const split = SPLITS.get(words[at] ?? '') ?? null;
  return { split, stem: words.filter((_, index) => index !== at).join('_') };
}

const ORDER: readonly (Split | null)[] = ['train', 'validation', 'test', null];

/** Compares parts of a set: training, validation, test, none. */
export function bySplit(a: Split | null, b: Split | null): number {
  return ORDER.indexOf(a) - ORDER.indexOf(b);
}
