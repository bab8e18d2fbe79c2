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
  const exact = exactPairs(journal, images, splits, labels);
  const found =
    plan.nearDuplicates === null
      ? null
      : await nearPairs(journal.perceptualHashes(images), plan.nearDuplicates, MOST_NEAR, () => control.checkpoint());
  const near = found?.pairs.filter(([a, b]) => exact.firstOf[a] !== exact.firstOf[b]) ?? [];
  const listed = [...exact.pairs, ...near.toSorted((x, y) => x[2] - y[2])].slice(0, MOST_LISTED);
  const total = exact.count + near.length;
  const file = join(folder, DUPLICATES_FILE);
  if (total === 0) await rm(file, { force: true });
  else await writeAtomic(file, JSON.stringify({ pairs: listed, total }));

  const across = exact.across + near.filter(([a, b]) => splits[a] !== splits[b]).length;
  const notes: string[] = [];
  if (across > 0) {
    notes.push(
      `Leakage: of ${pieceOf(across, 'pair')} of equal or similar images one lies in another split than the other, so that results on held-out images are too good. Import again without exact duplicates, and exclude one of each similar pair.`,
    );
  }
  if (exact.contradicting > 0) {
    notes.push(`Images with equal pixels are in different classes: ${pieceOf(exact.contradicting, 'pair')}.`);
  }
  if (found && !found.complete) {
    notes.push(`There are more than ${pieceOf(MOST_NEAR, 'pair')} of similar images: the search ended there.`);
  }
  return {
    counts: { exact: exact.count, near: found ? near.length : null, acrossSplits: across },
    notes,
  };
}

interface ExactPairs {
  /** The first of them, ascending. */
  readonly pairs: readonly Pair[];
  readonly count: number;
  /** Of all: those in different splits, and those in different classes. */
  readonly across: number;
  readonly contradicting: number;
  /** For every image the first with the same pixels. */
  readonly firstOf: Uint32Array;
}

/** Pairs of each image with the first of the same pixels. */
function exactPairs(journal: Journal, images: number, splits: Uint8Array, labels: readonly SplitItem[]): ExactPairs {
  const firstOf = Uint32Array.from({ length: images }, (_, position) => position);
  let first = 0;
  // No hash is empty.
  let before = Buffer.alloc(0);
  for (const { hash, position } of journal.hashes()) {
    const bytes = Buffer.from(hash);
    if (before.equals(bytes)) firstOf[position] = first;
    else [before, first] = [bytes, position];
  }
  const pairs: Pair[] = [];
  let [count, across, contradicting] = [0, 0, 0];
  firstOf.forEach((first, position) => {
    if (first === position) return;
    count += 1;
    if (pairs.length < MOST_LISTED) pairs.push([first, position, 0]);
    if (splits[first] !== splits[position]) across += 1;
    if (labels[first]?.label !== labels[position]?.label) contradicting += 1;
  });
  return { pairs: pairs.sort((x, y) => x[0] - y[0] || x[1] - y[1]), count, across, contradicting, firstOf };
}
