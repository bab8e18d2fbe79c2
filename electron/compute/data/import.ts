import { createHash } from 'node:crypto';
import { open, statfs } from 'node:fs/promises';
import type { FileHandle } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetManifest, SkippedFile } from '../../../shared/domain/dataset.ts';
import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import type { EntityId } from '../../../shared/domain/ids.ts';
import { writeAtomic, writeError } from '../arrays/atomic.ts';
import type { Control } from '../jobs/control.ts';
import { PACKED_FILES } from './packed.ts';
import { openSource, packedBytes, requireClasses } from './probe.ts';
import type { ImageSource, SourceItem } from './source.ts';
import { assignSplits, countSplits } from './splits.ts';

/** More skipped files than this are counted, not listed. */
const SKIPPED_LISTED = 500;

export interface ImportJob {
  readonly id: EntityId;
  /** Existing folder of the data set under construction; on failure the caller removes it. */
  readonly folder: string;
  readonly options: ImportPlan;
}

/**
 * Reads a source image by image and writes a packed data set into `job.folder`; the manifest comes last, so a folder
 * with a manifest is whole. Good images are taken, the others are listed with reasons.
 * @throws AppError `bad-data`, `not-found`, `invalid-input`, `library-full`, `library-read-only`, `cancelled` or `io`.
 */
export async function importDataset(job: ImportJob, control: Control): Promise<DatasetManifest> {
  const { options, folder } = job;
  control.progress({ done: 0, total: 1, unit: 'images', message: 'Looking at the files' });
  const source = await openSource(options);
  await control.checkpoint();
  await requireSpace(source, folder);

  const hash = createHash('sha256');
  const { kept, skipped } = await writeImages(
    source,
    join(folder, source.pixels === 'f32' ? PACKED_FILES.floats : PACKED_FILES.images),
    hash,
    control,
  );
  const { items, classes } = source.keepsClasses
    ? { items: kept, classes: [...source.classes] }
    : dropEmptyClasses(kept, source.classes);
  for (const name of source.classes.filter((name) => !classes.includes(name))) {
    skipped.push({ file: name, reason: 'is a class folder without an image that decodes' });
  }
  requireClasses(classes, options.path);
  const splits = assignSplits(items, options);
  const labels = new Uint8Array(items.length * 2);
  const view = new DataView(labels.buffer);
  items.forEach((item, index) => view.setUint16(2 * index, item.label, true));
  hash.update(labels).update(splits);
  await writeAtomic(join(folder, PACKED_FILES.labels), labels);
  await writeAtomic(join(folder, PACKED_FILES.splits), splits);

  const classCounts = classes.map(() => 0);
  for (const { label } of items) classCounts[label] = (classCounts[label] ?? 0) + 1;
  const manifest: DatasetManifest = {
    format: 1,
    id: job.id,
    name: options.name ?? source.suggestedName,
    images: items.length,
    shape: source.shape,
    classes: [...classes],
    splits: countSplits(splits),
    pixels: source.pixels ?? 'u8',
    classCounts,
    source: { kind: source.kind, paths: [...source.paths], attribution: options.attribution ?? null },
    splitSeed: options.seed,
    hash: hash.digest('hex'),
    skipped: shorten(skipped),
    created: new Date().toISOString(),
  };
  await writeAtomic(join(folder, PACKED_FILES.manifest), JSON.stringify(manifest, null, 2));
  return manifest;
}

async function writeImages(
  source: ImageSource,
  file: string,
  hash: { update(bytes: Uint8Array): unknown },
  control: Control,
): Promise<{ kept: SourceItem[]; skipped: SkippedFile[] }> {
  const kept: SourceItem[] = [];
  const skipped: SkippedFile[] = [...source.skipped];
  const total = source.items.length;
  const handle = await openForWriting(file);
  try {
    for await (const block of source.read()) {
      const bytes = bytesOf(block.pixels);
      await writeAll(handle, bytes, file);
      hash.update(bytes);
      for (const index of block.items) {
        const item = source.items[index];
        if (item) kept.push(item);
      }
      skipped.push(...block.skipped);
      const done = kept.length + skipped.length - source.skipped.length;
      control.progress({ done, total, unit: 'images', message: 'Importing' });
      await control.checkpoint();
    }
    await handle.sync();
  } finally {
    await handle.close();
  }
  return { kept, skipped };
}

/** The same memory: every machine that this runs on is little-endian, as the files are. */
function bytesOf({ buffer, byteOffset, byteLength }: Uint8Array | Float32Array): Uint8Array {
  return new Uint8Array(buffer, byteOffset, byteLength);
}

async function openForWriting(file: string): Promise<FileHandle> {
  try {
    return await open(file, 'w');
  } catch (cause) {
    throw writeError(file, cause);
  }
}

async function writeAll(handle: FileHandle, bytes: Uint8Array, file: string): Promise<void> {
  try {
    for (let done = 0; done < bytes.length;) done += (await handle.write(bytes, done)).bytesWritten;
  } catch (cause) {
    throw writeError(file, cause);
  }
}

async function requireSpace(source: ImageSource, folder: string): Promise<void> {
  const needed = packedBytes(source);
  const disk = await statfs(folder);
  const free = disk.bavail * disk.bsize;
  if (free >= needed) return;
  const mebibytes = (bytes: number): string => `${Math.ceil(bytes / 2 ** 20)} MiB`;
  throw new AppError(
    'library-full',
    `The data set needs ${mebibytes(needed)}, but the disk of ${folder} has ${mebibytes(free)} left. Free some space and import again.`,
    { details: { needed, free, file: folder }, retry: true },
  );
}

/** Classes none of whose images decoded are no classes; the labels of the others close up. */
function dropEmptyClasses(
  items: readonly SourceItem[],
  classes: readonly string[],
): { items: SourceItem[]; classes: string[] } {
  const used = [...new Set(items.map((item) => item.label))].sort((a, b) => a - b);
  const labelOf = new Map(used.map((label, index) => [label, index]));
  return {
    items: items.map((item) => ({ ...item, label: labelOf.get(item.label) ?? 0 })),
    classes: used.map((label) => classes[label] ?? String(label)),
  };
}

function shorten(skipped: readonly SkippedFile[]): SkippedFile[] {
  if (skipped.length <= SKIPPED_LISTED) return [...skipped];
  const more = skipped.length - SKIPPED_LISTED;
  return [...skipped.slice(0, SKIPPED_LISTED), { file: '…', reason: `and ${more} more` }];
}
