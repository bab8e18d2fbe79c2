import { rm } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetManifest } from '../../../../shared/domain/dataset.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import { writeAtomic } from '../../arrays/atomic.ts';
import type { Control } from '../../jobs/control.ts';
import { DUPLICATES_FILE } from '../packed.ts';
import type { SplitItem } from '../splits.ts';
import type { Journal } from './journal.ts';
import { nearPairs } from './near-duplicates.ts';
import type { Pair } from './near-duplicates.ts';
import { pieceOf } from './reasons.ts';

/** So many pairs are listed at most. */
const MOST_LISTED = 10_000;
/** So many near pairs are counted at most: a set of images that are all alike has billions. */
const MOST_NEAR = 200_000;

export interface Duplicates {
  readonly counts: NonNullable<DatasetManifest['duplicates']>;
  readonly notes: readonly string[];
}

/**
 * Lists pairs of images with equal pixels (each with the first of its kind) and, if the plan wants that, with like
 * perceptual hashes, in `duplicates.json`; equal ones first, then the nearest.
 */
export async function findDuplicates(
  {
    journal,
    folder,
    images,
    splits,
    labels,
    plan,
  }: {
    readonly journal: Journal;
    readonly folder: string;
    readonly images: number;
    readonly splits: Uint8Array;
    readonly labels: readonly SplitItem[];
    readonly plan: ImportPlan;
  },
  control: Control,
): Promise<Duplicates> {
  control.progress({ done: 0, total: 1, unit: 'images', message: 'Looking for duplicates' });
  const { pairs: exact, firstOf } = exactPairs(journal, images);
  const found =
    plan.nearDuplicates === null
      ? null
      : await nearPairs(journal.perceptualHashes(images), plan.nearDuplicates, MOST_NEAR, () => control.checkpoint());
  const near = found?.pairs.filter(([a, b]) => firstOf[a] !== firstOf[b]) ?? [];
  const all = [...exact, ...near.toSorted((x, y) => x[2] - y[2])];
  const file = join(folder, DUPLICATES_FILE);
  if (all.length === 0) await rm(file, { force: true });
  else await writeAtomic(file, JSON.stringify({ pairs: all.slice(0, MOST_LISTED), total: all.length }));

  const across = all.filter(([a, b]) => splits[a] !== splits[b]).length;
  const contradicting = exact.filter(([a, b]) => labels[a]?.label !== labels[b]?.label).length;
  const notes: string[] = [];
  if (across > 0) {
    notes.push(
      `Leakage: of ${pieceOf(across, 'pair')} of equal or similar images one lies in another split than the other, so that results on held-out images are too good. Import again without exact duplicates, and exclude one of each similar pair.`,
    );
  }
  if (contradicting > 0) {
    notes.push(`Images with equal pixels are in different classes: ${pieceOf(contradicting, 'pair')}.`);
  }
  if (found && !found.complete) {
    notes.push(`There are more than ${pieceOf(MOST_NEAR, 'pair')} of similar images: the search ended there.`);
  }
  return {
    counts: { exact: exact.length, near: found ? near.length : null, acrossSplits: across },
    notes,
  };
}

/** Pairs of each image with the first of the same pixels; `firstOf` names that for every image. */
function exactPairs(journal: Journal, images: number): { readonly pairs: Pair[]; readonly firstOf: Uint32Array } {
  const pairs: Pair[] = [];
  const firstOf = Uint32Array.from({ length: images }, (_, position) => position);
  let before: { readonly hash: Buffer; readonly position: number } | null = null;
  for (const { hash, position } of journal.hashes()) {
    const bytes = Buffer.from(hash);
    if (before && before.hash.equals(bytes)) {
      pairs.push([before.position, position, 0]);
      firstOf[position] = before.position;
    } else before = { hash: bytes, position };
  }
  return { pairs: pairs.sort((x, y) => x[0] - y[0] || x[1] - y[1]), firstOf };
}
