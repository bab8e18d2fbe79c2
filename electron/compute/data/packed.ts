import { readFileSync, statSync } from 'node:fs';
import { join } from 'node:path';
import { datasetManifest, EXCLUDED } from '../../../shared/domain/dataset.ts';
import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import { AppError } from '../../../shared/domain/errors.ts';
import { describeIssues } from '../../../shared/domain/settings.ts';
import { SPLITS } from '../../../shared/domain/shape.ts';
import type { Split } from '../../../shared/domain/shape.ts';
import { writePlain } from './augment.ts';
import { openImageFile, type ImageFile } from './image-file.ts';

/** Names of a packed data set's files, in the order in which its hash covers the arrays; images are in one of two. */
export const PACKED_FILES = {
  images: 'images.u8',
  floats: 'images.f32',
  labels: 'labels.u16',
  splits: 'splits.u8',
  masks: 'masks.u8',
  manifest: 'manifest.json',
} as const;

/** Beside the arrays: everything that the import left out, and the pairs of images that are alike. */
export const SKIPPED_FILE = 'skipped.csv';
export const DUPLICATES_FILE = 'duplicates.json';
/** Copies of the source's files, where the import kept them. */
export const ORIGINALS_FOLDER = 'originals';

/** A packed data set on disk. Labels and splits are in memory; images are read by position when asked for. */
export interface PackedDataset {
  readonly folder: string;
  readonly manifest: DatasetManifest;
  /** [images], class of each image. */
  readonly labels: Uint16Array;
  /** [images], position of each image's split in SPLITS; EXCLUDED for one that an edit took out. */
  readonly splits: Uint8Array;
  /** Positions of a split's images, ascending. */
  positions(split: Split): Uint32Array;
  /** Pixels of the images at `positions`: [positions, height, width, channels], 0…255; of float32 ones rounded. */
  readBytes(positions: ArrayLike<number>): Uint8Array;
  /** The same as float32 in [0, 1]. The caller owns the array: nothing else keeps a view of it. */
  readImages(positions: ArrayLike<number>): Float32Array;
  /**
   * Key areas of the images at `positions`: [positions, height, width], 255 inside, all 0 for an image without one.
   * @throws AppError `not-found` for a set without masks.
   */
  readMasks(positions: ArrayLike<number>): Uint8Array;
  /** Closes the files; calling it twice is harmless. */
  close(): void;
}

/**
 * Opens a packed data set for reading.
 * @throws AppError `not-found` without a manifest, `bad-data` where the files do not fit it or each other; each names the file.
 */
export async function openPacked(folder: string): Promise<PackedDataset> {
  const manifest = readManifest(folder);
  const [height, width, channels] = manifest.shape;
  const stride = height * width * channels;
  const labelBytes = readArray(folder, PACKED_FILES.labels, manifest.images * 2);
  const labels = new Uint16Array(manifest.images);
  const view = new DataView(labelBytes.buffer, labelBytes.byteOffset, labelBytes.byteLength);
  for (let i = 0; i < labels.length; i += 1) labels[i] = view.getUint16(2 * i, true);
  const splits = readArray(folder, PACKED_FILES.splits, manifest.images);
  checkValues(folder, manifest, labels, splits);
  const isFloat = manifest.pixels === 'f32';
  const file = join(folder, isFloat ? PACKED_FILES.floats : PACKED_FILES.images);
  const bytesEach = isFloat ? 4 * stride : stride;
  checkSize(file, manifest.images * bytesEach);
  const images = openImageFile({ file, name: manifest.name, images: manifest.images, stride: bytesEach });
  let masks: ImageFile | null = null;
  const floats = (positions: ArrayLike<number>): Float32Array<ArrayBuffer> => {
    const bytes = images.read(positions);
    const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    return Float32Array.from({ length: bytes.length / 4 }, (_, at) => view.getFloat32(4 * at, true));
  };

  return {
    folder,
    manifest,
    labels,
    splits,
    positions: (split) => positionsOf(splits, SPLITS.indexOf(split)),
    readBytes: (positions) =>
      isFloat ? Uint8Array.from(floats(positions), (pixel) => Math.round(255 * pixel)) : images.read(positions),
    readImages: (positions) => {
      if (isFloat) return floats(positions);
      const bytes = images.read(positions);
      const pixels = new Float32Array(bytes.length);
      writePlain(bytes, pixels);
      return pixels;
    },
    readMasks: (positions) => {
      if (manifest.masks === undefined) throw new AppError('not-found', `${manifest.name} has no masks.`);
      masks ??= openMasks(folder, manifest);
      return masks.read(positions);
    },
    close: () => {
      images.close();
      masks?.close();
    },
  };
}

/**
 * Reads and checks `manifest.json` of a packed data set.
 * @throws AppError `not-found` or `bad-data`.
 */
export function readManifest(folder: string): DatasetManifest {
  const file = join(folder, PACKED_FILES.manifest);
  let text: string;
  try {
    text = readFileSync(file, 'utf8');
  } catch (cause) {
    throw new AppError('not-found', `There is no data set in ${folder}: ${file} cannot be read. Import it again.`, {
      cause,
    });
  }
  let json: unknown;
  try {
    json = JSON.parse(text);
  } catch (cause) {
    throw new AppError('bad-data', `${file} is not valid JSON. Import the data set again.`, {
      cause,
      details: { file },
    });
  }
  const parsed = datasetManifest.safeParse(json);
  if (!parsed.success) {
    throw new AppError('bad-data', `${file} is damaged (${describeIssues(parsed.error)}). Import the data set again.`, {
      details: { file },
    });
  }
  return parsed.data;
}

function openMasks(folder: string, { name, images, shape: [height, width] }: DatasetManifest): ImageFile {
  const file = join(folder, PACKED_FILES.masks);
  checkSize(file, images * height * width);
  return openImageFile({ file, name, images, stride: height * width });
}

function positionsOf(splits: Uint8Array, index: number): Uint32Array {
  let count = 0;
  for (const value of splits) if (value === index) count += 1;
  const positions = new Uint32Array(count);
  let next = 0;
  splits.forEach((value, position) => {
    if (value === index) positions[next++] = position;
  });
  return positions;
}

function checkValues(folder: string, manifest: DatasetManifest, labels: Uint16Array, splits: Uint8Array): void {
  const badLabel = labels.findIndex((label) => label >= manifest.classes.length);
  if (badLabel >= 0) {
    const file = join(folder, PACKED_FILES.labels);
    throw new AppError(
      'bad-data',
      `${file} is damaged: image ${badLabel} has label ${labels[badLabel]}, but there are ${manifest.classes.length} classes. Import the data set again.`,
      { details: { file } },
    );
  }
  const badSplit = splits.findIndex((split) => split >= SPLITS.length && split !== EXCLUDED);
  if (badSplit >= 0) {
    const file = join(folder, PACKED_FILES.splits);
    throw new AppError('bad-data', `${file} is damaged: image ${badSplit} is in no split. Import the data set again.`, {
      details: { file },
    });
  }
}

function readArray(folder: string, name: string, bytes: number): Uint8Array {
  const file = join(folder, name);
  checkSize(file, bytes);
  return new Uint8Array(readFileSync(file));
}

function checkSize(file: string, expected: number): void {
  const found = statSync(file, { throwIfNoEntry: false })?.size;
  if (found === expected) return;
  const problem = found === undefined ? 'is missing' : `has ${found} bytes where ${expected} belong`;
  throw new AppError('bad-data', `${file} ${problem}. Import the data set again.`, {
    details: { file, expected, found: found ?? null },
  });
}
