import { statSync } from 'node:fs';
import { statfs } from 'node:fs/promises';
import { resolve } from 'node:path';
import type { ImportPreview } from '../../../shared/domain/dataset.ts';
import type { ImportPlan } from '../../../shared/domain/import-plan.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { FORMAT_READERS } from './formats.ts';
import type { ImageSource } from './source.ts';
import { assignSplits, countSplits } from './splits.ts';

/**
 * Finds out what `options.path` holds.
 * @throws AppError `not-found`, `invalid-input` or `bad-data` that names the path and says what was expected.
 */
export async function openSource(options: ImportPlan): Promise<ImageSource> {
  const path = resolve(options.path);
  const kind = statSync(path, { throwIfNoEntry: false });
  if (!kind) throw new AppError('not-found', `${path} does not exist.`, { details: { file: path } });
  const reader = await readerOf(options.format, path, kind.isDirectory());
  if (options.format === 'folder' && !kind.isDirectory()) {
    throw new AppError(
      'invalid-input',
      `${path} is a file where a folder is expected: choose the folder that holds one folder of images per class.`,
      {
        details: { file: path, field: 'path' },
      },
    );
  }
  const source = await reader.open(path, options);
  requireClasses(source.classes, path);
  return source;
}

/**
 * What an import of `options` would make, without writing anything.
 * @param library folder on the disk that the data set would go to, for the free space.
 */
export async function previewSource(options: ImportPlan, library: string): Promise<ImportPreview> {
  const source = await openSource(options);
  const labels = Uint16Array.from(source.items, (item) => item.label);
  const splits = assignSplits(source.items, options);
  const counts = source.classes.map(() => 0);
  for (const label of labels) counts[label] = (counts[label] ?? 0) + 1;
  const disk = await statfs(library);
  return {
    path: resolve(options.path),
    format: source.kind,
    suggestedName: source.suggestedName,
    images: source.items.length,
    shape: source.shape,
    classes: source.classes.map((name, label) => ({ name, images: counts[label] ?? 0 })),
    splits: countSplits(splits),
    skipped: [...source.skipped],
    bytesNeeded: packedBytes(source),
    bytesFree: disk.bavail * disk.bsize,
  };
}

/** Size of the packed arrays of a source. */
export function packedBytes(source: ImageSource): number {
  const [height, width, channels] = source.shape;
  const bytesEach = source.pixels === 'f32' ? 4 : 1;
  return source.items.length * (bytesEach * height * width * channels + 3);
}

/** @throws AppError `bad-data` for fewer than two classes: nothing could be learnt or attacked. */
export function requireClasses(classes: readonly string[], path: string): void {
  if (classes.length >= 2) return;
  const only = classes[0] === undefined ? '' : ` (${classes[0]})`;
  throw new AppError('bad-data', `${path} has ${classes.length} class${only}; a classifier needs at least two.`, {
    details: { file: path, classes: classes.length },
  });
}

async function readerOf(
  format: ImportPlan['format'],
  path: string,
  isFolder: boolean,
): Promise<(typeof FORMAT_READERS)[number]> {
  for (const reader of FORMAT_READERS) {
    if (format === 'auto' ? await reader.fits(path, isFolder) : reader.name === format) return reader;
  }
  throw new AppError(
    'bad-data',
    `${path} is not a data set that can be read. Choose a folder with one folder of images per class, an IDX file such as train-images-idx3-ubyte.gz, a batch of CIFAR such as data_batch_1.bin, or an NPZ file with images and labels.`,
    { details: { file: path } },
  );
}
