import { createReadStream, createWriteStream } from 'node:fs';
import { rename, rm } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify';
import type { DatasetManifest, SkippedFile } from '../../../../shared/domain/dataset.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import { writeAtomic, writeError } from '../../arrays/atomic.ts';
import type { Control } from '../../jobs/control.ts';
import { PACKED_FILES, SKIPPED_FILE } from '../packed.ts';
import { assignSplits, countSplits } from '../splits.ts';
import type { SplitItem } from '../splits.ts';
import { tooFew } from './chosen-items.ts';
import type { ChosenItems } from './chosen-items.ts';
import { findDuplicates } from './find-duplicates.ts';
import type { ImportJob } from './import-dataset.ts';
import type { Journal } from './journal.ts';
import type { OpenedSource } from './open-source.ts';
import type { PackedImages } from './pack-images.ts';
import { pieceOf } from './reasons.ts';
import { statisticsOf } from './sums.ts';
import type { Survey } from './survey.ts';

/** More skipped files than this are counted in the manifest, not listed. */
const SKIPPED_LISTED = 500;

export interface SetToComplete {
  readonly job: ImportJob;
  readonly opened: OpenedSource;
  readonly chosen: ChosenItems;
  readonly seen: Survey;
  readonly packed: PackedImages;
  readonly journal: Journal;
}

/** Labels, splits, duplicates, lists and at last the manifest of a set whose images are written. */
export async function completeSet(set: SetToComplete, control: Control): Promise<DatasetManifest> {
  const { job, opened, chosen, seen, packed, journal } = set;
  const { folder, options: plan } = job;
  const { source } = opened;
  const { classes, items } = labelled(set);
  for (const name of chosen.classes.filter((one) => !classes.includes(one))) {
    journal.skip({ file: name, reason: 'is a class without an image that can be read' });
  }
  if (classes.length < 2) throw tooFew(resolve(plan.path), classes);
  const splits = assignSplits(items, plan);
  const labels = new Uint8Array(items.length * 2);
  const view = new DataView(labels.buffer);
  const classCounts = classes.map(() => 0);
  items.forEach(({ label }, position) => {
    view.setUint16(2 * position, label, true);
    classCounts[label] = (classCounts[label] ?? 0) + 1;
  });
  await writeAtomic(join(folder, PACKED_FILES.labels), labels);
  await writeAtomic(join(folder, PACKED_FILES.splits), splits);
  packed.hash.update(labels).update(splits);
  if (packed.masks > 0) {
    for await (const chunk of createReadStream(join(folder, PACKED_FILES.masks))) packed.hash.update(chunk as Buffer);
  }
  const duplicates = await findDuplicates(
    { journal, folder, images: packed.images, splits, labels: items, plan },
    control,
  );
  await writeSkipped(folder, journal);

  const [height, width] = seen.shape;
  const manifest: DatasetManifest = {
    format: 1,
    id: job.id,
    name: plan.name ?? source.suggestedName,
    images: packed.images,
    shape: seen.shape,
    classes: [...classes],
    splits: countSplits(splits),
    pixels: seen.target.depth,
    classCounts,
    source: { kind: source.kind, paths: pathsOf(plan), attribution: plan.attribution ?? null },
    splitSeed: plan.seed,
    hash: packed.hash.digest('hex'),
    skipped: listed(journal),
    created: new Date().toISOString(),
    plan: { ...plan, path: resolve(plan.path) },
    ...(packed.masks > 0 && { masks: packed.masks }),
    statistics: statisticsOf(packed, packed.images * height * width, seen.target.depth === 'f32' ? 1 : 255),
    duplicates: duplicates.counts,
    notes: [...seen.notes, ...lostColour(packed.lostColour), ...duplicates.notes],
  };
  await writeAtomic(join(folder, PACKED_FILES.manifest), JSON.stringify(manifest, null, 2));
  return manifest;
}

/** Classes that have an image, and each image's. Where the source keeps its numbering, classes without one stay. */
function labelled({ opened, chosen, journal }: SetToComplete): {
  readonly classes: readonly string[];
  readonly items: readonly SplitItem[];
} {
  const { source } = opened;
  const kept = journal.items();
  // Both ascend.
  let at = 0;
  const labels = Uint16Array.from(kept, (item) => {
    while ((chosen.items[at] ?? item) < item) at += 1;
    return chosen.labels[at] ?? 0;
  });
  const used = new Set(labels);
  const taken = chosen.classes
    .map((name, label) => ({ name, label }))
    .filter(({ label }) => source.keepsClasses === true || used.has(label));
  const packedLabel = new Map(taken.map(({ label }, index) => [label, index]));
  return {
    classes: taken.map(({ name }) => name),
    items: Array.from(kept, (item, position) => ({
      label: packedLabel.get(labels[position] ?? 0) ?? 0,
      split: source.items[item]?.split ?? null,
    })),
  };
}

function pathsOf(plan: ImportPlan): string[] {
  const path = resolve(plan.path);
  return plan.only ? plan.only.map((name) => join(path, name)) : [path];
}

function lostColour(images: number): string[] {
  if (images === 0) return [];
  return [
    `${pieceOf(images, 'image')} had colour that was turned to grey, because all that were looked at first are grey. Import again in colour to keep it.`,
  ];
}

function listed(journal: Journal): SkippedFile[] {
  const first: SkippedFile[] = [];
  for (const { file, reason } of journal.skipped()) {
    if (first.length === SKIPPED_LISTED) {
      const more = journal.skippedCount() - SKIPPED_LISTED;
      first.push({ file: '…', reason: `and ${more.toLocaleString('en')} more, all of them in ${SKIPPED_FILE}` });
      break;
    }
    first.push({ file, reason });
  }
  return first;
}

/** Everything that was left out as CSV, beside the arrays; no file if that is nothing. */
async function writeSkipped(folder: string, journal: Journal): Promise<void> {
  const file = join(folder, SKIPPED_FILE);
  if (journal.skippedCount() === 0) {
    await rm(file, { force: true });
    return;
  }
  const rows = function* (): Generator<[string, string]> {
    for (const { file: name, reason } of journal.skipped()) yield [name, reason];
  };
  try {
    await pipeline(
      Readable.from(rows()),
      stringify({ header: true, columns: ['file', 'reason'] }),
      createWriteStream(`${file}.part`, { flush: true }),
    );
    await rename(`${file}.part`, file);
  } catch (cause) {
    throw writeError(file, cause);
  }
}
