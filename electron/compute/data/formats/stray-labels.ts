import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import { NO_CLASS } from '../data-source.ts';
import type { DataItem } from '../data-source.ts';

/** @returns the first of the labels that are no class if that is half of them or more: the file is damaged or another one. Else -1. */
export function firstOfMostStrays(labels: ArrayLike<number>, isClass: (label: number) => boolean): number {
  let [first, strays] = [-1, 0];
  for (let at = 0; at < labels.length; at += 1) {
    if (isClass(labels[at] ?? NO_CLASS)) continue;
    if (first < 0) first = at;
    strays += 1;
  }
  return 2 * strays >= labels.length ? first : -1;
}

/** Images without a class, each with the label that the source gives it. */
export function listStrays(items: readonly DataItem[], given: (item: number) => unknown): SkippedFile[] {
  return items.flatMap(({ name, label }, item) =>
    label === NO_CLASS ? [{ file: name, reason: `has the label ${String(given(item))}, which is no class` }] : [],
  );
}
