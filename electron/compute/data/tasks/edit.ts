import { createHash } from 'node:crypto';
import { copyFile, link, mkdir, open, readFile, readdir, rm } from 'node:fs/promises';
import { join } from 'node:path';
import { EXCLUDED, type DatasetEdit, type DatasetManifest } from '../../../../shared/domain/dataset.ts';
import type { DatasetTaskSpecOf } from '../../../../shared/domain/dataset-task.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import { SPLITS } from '../../../../shared/domain/shape.ts';
import { writeAtomic, writeError } from '../../arrays/atomic.ts';
import type { Control } from '../../jobs/control.ts';
import { PACKED_FILES, openPacked, type PackedDataset } from '../packed.ts';
import { MEAN_FILE, STATISTICS_FILE } from './statistics.ts';

/** Every edit of a version, also where the manifest does not list them. */
export const EDITS_FILE = 'edits.json';
/** Splits as they were imported, u8 [images]: where an image goes that is included again. */
const FIRST_SPLITS = 'splits.first.u8';
/** A manifest is read often: it lists no more positions than this. */
const MOST_LISTED = 1000;
const READ_BYTES = 2 ** 22;
/** What a version has of its own, or has yet to be worked out. */
const OWN: readonly string[] = [
  PACKED_FILES.labels,
  PACKED_FILES.splits,
  PACKED_FILES.manifest,
  EDITS_FILE,
  STATISTICS_FILE,
  MEAN_FILE,
  'job.log',
];

/**
 * Makes the folder of an edited version: pixels and everything else that stays are shared with the parent by hard links
 * (copied where the file system has none), labels and splits are its own. Positions never change. Nothing of the parent
 * changes, and each can be deleted without the other.
 * @returns its manifest, which is written last: a folder without one is no data set.
 * @throws AppError `invalid-input` for an edit that names no image or class, changes nothing or leaves nothing;
 *   `cancelled`, and the errors of writing. The folder is then removed.
 */
export async function makeVersion(work: DatasetTaskSpecOf<'edit'>, control: Control): Promise<DatasetManifest> {
  const parent = await openPacked(work.dataset);
  parent.close();
  const first = await firstSplits(parent);
  const labels = parent.labels.slice();
  const splits = parent.splits.slice();
  for (const edit of work.edits) apply(edit, parent.manifest, labels, splits, first);
  const changed = changesOf(parent, labels, splits);
  requireUse(parent.manifest, splits, changed);
  try {
    await mkdir(work.target, { recursive: true });
    await shareFiles(work.dataset, work.target);
    await write(join(work.target, PACKED_FILES.labels), littleEndian(labels));
    await write(join(work.target, PACKED_FILES.splits), splits);
    await write(join(work.target, FIRST_SPLITS), first);
    await writeAtomic(join(work.target, EDITS_FILE), JSON.stringify(work.edits));
    const hash = await contentHash(work.target, parent.manifest, control);
    const manifest = manifestOf(work, parent.manifest, { labels, splits, hash, changed });
    await writeAtomic(join(work.target, PACKED_FILES.manifest), JSON.stringify(manifest, null, 2));
    return manifest;
  } catch (error) {
    await rm(work.target, { recursive: true, force: true });
    throw error;
  }
}

async function firstSplits({ folder, splits }: PackedDataset): Promise<Uint8Array> {
  const kept = await readFile(join(folder, FIRST_SPLITS)).catch(() => null);
  return kept ? new Uint8Array(kept) : splits.slice();
}

function apply(
  edit: DatasetEdit,
  { name, images, classes }: DatasetManifest,
  labels: Uint16Array,
  splits: Uint8Array,
  first: Uint8Array,
): void {
  const beyond = edit.positions.find((position) => position >= images);
  if (beyond !== undefined) {
    throw new AppError('invalid-input', `edits: ${name} has images 0 to ${images - 1}; ${beyond} is not one.`);
  }
  if (edit.kind === 'relabel' && edit.label >= classes.length) {
    throw new AppError(
      'invalid-input',
      `edits: ${name} has classes 0 to ${classes.length - 1}; ${edit.label} is not one.`,
    );
  }
  for (const position of edit.positions) {
    if (edit.kind === 'relabel') labels[position] = edit.label;
    else if (edit.kind === 'exclude') splits[position] = EXCLUDED;
    // An import that took an image out itself has no split to give it back.
    else splits[position] = first[position] === EXCLUDED ? 0 : (first[position] ?? 0);
  }
}

interface Changes {
  readonly relabelled: number;
  readonly excluded: number;
  readonly included: number;
}

function changesOf(parent: PackedDataset, labels: Uint16Array, splits: Uint8Array): Changes {
  const changed = { relabelled: 0, excluded: 0, included: 0 };
  labels.forEach((label, position) => {
    const [before, after] = [parent.splits[position] === EXCLUDED, splits[position] === EXCLUDED];
    if (label !== parent.labels[position]) changed.relabelled += 1;
    if (!before && after) changed.excluded += 1;
    if (before && !after) changed.included += 1;
  });
  return changed;
}

function requireUse({ name }: DatasetManifest, splits: Uint8Array, changed: Changes): void {
  if (changed.relabelled + changed.excluded + changed.included === 0) {
    throw new AppError('invalid-input', `edits: they change nothing; ${name} is like that already.`);
  }
  if (splits.some((split) => split !== EXCLUDED)) return;
  throw new AppError('invalid-input', `edits: no image of ${name} would be left. Leave some of it in.`);
}

async function shareFiles(from: string, to: string): Promise<void> {
  for (const entry of await readdir(from, { withFileTypes: true })) {
    if (OWN.includes(entry.name) || entry.name === FIRST_SPLITS) continue;
    const [source, target] = [join(from, entry.name), join(to, entry.name)];
    if (entry.isDirectory()) {
      await mkdir(target);
      await shareFiles(source, target);
    } else if (entry.isFile()) {
      await link(source, target).catch(() =>
        copyFile(source, target).catch((cause: unknown) => {
          throw writeError(target, cause);
        }),
      );
    }
  }
}

async function write(file: string, bytes: Uint8Array): Promise<void> {
  const handle = await open(file, 'w').catch((cause: unknown) => {
    throw writeError(file, cause);
  });
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } catch (cause) {
    throw writeError(file, cause);
  } finally {
    await handle.close();
  }
}

function littleEndian(labels: Uint16Array): Uint8Array {
  const bytes = new Uint8Array(2 * labels.length);
  const view = new DataView(bytes.buffer);
  labels.forEach((label, at) => view.setUint16(2 * at, label, true));
  return bytes;
}

/** SHA-256 over the images, labels, splits and, if there are any, key areas, in this order. */
async function contentHash(folder: string, manifest: DatasetManifest, control: Control): Promise<string> {
  const hash = createHash('sha256');
  const pixels = manifest.pixels === 'f32' ? PACKED_FILES.floats : PACKED_FILES.images;
  const files = [pixels, PACKED_FILES.labels, PACKED_FILES.splits];
  const block = new Uint8Array(READ_BYTES);
  const each = manifest.shape[0] * manifest.shape[1] * manifest.shape[2] * (manifest.pixels === 'f32' ? 4 : 1);
  const total = manifest.images * each;
  let done = 0;
  for (const name of manifest.masks === undefined ? files : [...files, PACKED_FILES.masks]) {
    const handle = await open(join(folder, name), 'r');
    try {
      for (;;) {
        const { bytesRead } = await handle.read(block, 0, block.length, null);
        if (bytesRead === 0) break;
        hash.update(block.subarray(0, bytesRead));
        done += bytesRead;
        control.progress({ done: Math.min(done, total), total, unit: 'bytes', message: '' });
        await control.checkpoint();
      }
    } finally {
      await handle.close();
    }
  }
  return hash.digest('hex');
}

function manifestOf(
  { id, name, edits, created }: DatasetTaskSpecOf<'edit'>,
  parent: DatasetManifest,
  { labels, splits, hash, changed }: { labels: Uint16Array; splits: Uint8Array; hash: string; changed: Changes },
): DatasetManifest {
  const counts = SPLITS.map(() => 0);
  const classCounts = parent.classes.map(() => 0);
  let excluded = 0;
  splits.forEach((split, position) => {
    if (split === EXCLUDED) {
      excluded += 1;
      return;
    }
    counts[split] = (counts[split] ?? 0) + 1;
    const label = labels[position] ?? 0;
    classCounts[label] = (classCounts[label] ?? 0) + 1;
  });
  const [train = 0, validation = 0, test = 0] = counts;
  const listed = edits.reduce((sum, { positions }) => sum + positions.length, 0) <= MOST_LISTED;
  const pixels = parent.parent?.pixels ?? parent.parent?.hash ?? parent.hash;
  const { excluded: _, ...kept } = parent;
  return {
    ...kept,
    id,
    name,
    hash,
    created,
    splits: { train, validation, test },
    classCounts,
    ...(excluded > 0 && { excluded }),
    parent: { id: parent.id, hash: parent.hash, edits: listed ? edits : [], pixels, changed },
  };
}
