import type { Split } from '../../../../shared/domain/shape.ts';

/** What sources call their splits, in small letters. */
export const SPLIT_NAMES: ReadonlyMap<string, Split> = new Map<string, Split>([
  ['train', 'train'],
  ['training', 'train'],
  ['trn', 'train'],
  ['val', 'validation'],
  ['valid', 'validation'],
  ['validation', 'validation'],
  ['dev', 'validation'],
  ['test', 'test'],
  ['testing', 'test'],
  ['tst', 'test'],
]);

/** The split that a folder, a column or part of a name calls by name, or null. */
export function splitNamed(name: string): Split | null {
  return SPLIT_NAMES.get(name.trim().toLowerCase()) ?? null;
}

/** The split in a name such as `imagenet-train-0001.tar`, or null. */
export function splitWithin(name: string): Split | null {
  for (const word of name.split(/[^A-Za-z]+/)) {
    const split = splitNamed(word);
    if (split) return split;
  }
  return null;
}
