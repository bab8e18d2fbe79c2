import { createWriteStream } from 'node:fs';
import { mkdir, open, readdir, rename, rm, rmdir, writeFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { stringify } from 'csv-stringify/sync';
import { encode } from 'fast-png';
import { ZipFile } from 'yazl';
import { EXCLUDED } from '../../../../shared/domain/dataset.ts';
import type { DatasetTaskSpecOf } from '../../../../shared/domain/dataset-task.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import { SPLITS } from '../../../../shared/domain/shape.ts';
import { writeError } from '../../arrays/atomic.ts';
import { formatNpy, npyHeader } from '../../arrays/npy.ts';
import type { Control } from '../../jobs/control.ts';
import { ITEMS_FILE, openItems, type ItemRow, type Items } from '../items.ts';
import { openPacked, type PackedDataset } from '../packed.ts';

type Selection = DatasetTaskSpecOf<'export'>;

interface Source {
  readonly dataset: PackedDataset;
  readonly items: Items | null;
  readonly positions: Uint32Array;
  readonly control: Control;
}

/** Images that are read at once. */
const CHUNK = 128;
const BASE_COLUMNS = ['position', 'class', 'label', 'split', 'name', 'width', 'height', 'brightness', 'contrast'];

/**
 * Writes some images of a data set, in the order given, as
 * - `folder`: one folder per class with a PNG per image (16 bits where pixels are floats), and `manifest.csv` with file,
 *   label and split, so that it can be imported again as it was;
 * - `npz`: `images` [n, H, W, C] as they are kept, `labels` u16, `splits` u8 (255: taken out), `positions` i32 and
 *   `settings` (JSON as bytes with the names of the classes), not compressed;
 * - `csv`: a line per image with everything that is known of it beside its pixels.
 * The file or folder appears whole or not at all.
 * @returns how many images.
 * @throws AppError `conflict` for a folder that is not empty, `unsupported` for PNG of other than 1 to 4 channels,
 *   `invalid-input` for positions that are none, `cancelled`, and the errors of writing.
 */
export async function exportSelection(work: Selection, control: Control): Promise<number> {
  const dataset = await openPacked(work.dataset);
  const items = openItems(join(work.dataset, ITEMS_FILE));
  try {
    const positions = work.positions ?? allLeft(dataset.splits);
    if (positions.length === 0) throw new AppError('invalid-input', 'positions: there is no image to export.');
    const beyond = positions.find((position) => position >= dataset.manifest.images);
    if (beyond !== undefined) {
      throw new AppError('invalid-input', `positions: ${dataset.manifest.name} has no image ${beyond}.`);
    }
    await inPlace(work, (target) => WRITERS[work.format]({ dataset, items, positions, control }, target));
    return positions.length;
  } finally {
    items?.close();
    dataset.close();
  }
}

const WRITERS: Readonly<Record<Selection['format'], (source: Source, target: string) => Promise<void>>> = {
  folder: writeFolder,
  npz: writeArrays,
  csv: writeTable,
};

/** Lets `write` make the target under another name, which it gets once it is whole. */
async function inPlace({ target, format }: Selection, write: (target: string) => Promise<void>): Promise<void> {
  const temporary = join(dirname(target), `.${basename(target)}.${process.pid}.tmp`);
  try {
    await mkdir(dirname(target), { recursive: true });
    if (format === 'folder') {
      const there = await readdir(target).catch(() => []);
      if (there.length > 0) {
        throw new AppError('conflict', `${target} is not empty. Choose a new folder, or an empty one.`);
      }
      await mkdir(temporary);
    }
    await write(temporary);
    if (format === 'folder') await rmdir(target).catch(() => undefined);
    await rename(temporary, target);
  } catch (cause) {
    await rm(temporary, { recursive: true, force: true }).catch(() => undefined);
    throw writeError(target, cause);
  }
}

function allLeft(splits: Uint8Array): Uint32Array {
  const left: number[] = [];
  splits.forEach((split, position) => {
    if (split !== EXCLUDED) left.push(position);
  });
  return Uint32Array.from(left);
}

/** Positions in pieces, with progress and a chance to stop between them. */
async function* pieces({ positions, control }: Source): AsyncGenerator<Uint32Array> {
  for (let start = 0; start < positions.length; start += CHUNK) {
    const piece = positions.subarray(start, start + CHUNK);
    yield piece;
    control.progress({ done: start + piece.length, total: positions.length, unit: 'images', message: '' });
    await control.checkpoint();
  }
}

const splitName = (split: number | undefined): string => SPLITS[split ?? 0] ?? 'excluded';

async function writeFolder(source: Source, target: string): Promise<void> {
  const { dataset, items } = source;
  const { shape, classes, pixels, images } = dataset.manifest;
  const [height, width, channels] = shape;
  if (channels > 4) {
    throw new AppError('unsupported', `PNG has 1 to 4 channels, these images have ${channels}. Export them as NPZ.`);
  }
  const folders = folderNames(classes);
  for (const folder of folders) await mkdir(join(target, folder));
  const size = height * width * channels;
  const digits = String(images - 1).length;
  const list = await open(join(target, 'manifest.csv'), 'w');
  try {
    const further = columnsOf(source);
    await list.appendFile(stringify([['file', 'label', 'split', 'position', 'name', ...further]]));
    for await (const piece of pieces(source)) {
      const rows = items?.rows(piece);
      const values = pixels === 'f32' ? sixteenBit(dataset.readImages(piece)) : dataset.readBytes(piece);
      const lines: (string | number | null)[][] = [];
      for (const [at, position] of piece.entries()) {
        const label = dataset.labels[position] ?? 0;
        const data = values.subarray(at * size, (at + 1) * size);
        const png = encode({
          width,
          height,
          channels,
          depth: pixels === 'f32' ? 16 : 8,
          data,
        });
        const file = `${folders[label] ?? ''}/${String(position).padStart(digits, '0')}.png`;
        await writeFile(join(target, file), png);
        const row = rows?.[at] ?? null;
        const columns = further.map((name) => row?.columns?.[name] ?? null);
        lines.push([
          file,
          classes[label] ?? '',
          splitName(dataset.splits[position]),
          position,
          row?.name ?? null,
          ...columns,
        ]);
      }
      await list.appendFile(stringify(lines));
    }
  } finally {
    await list.close();
  }
}

function sixteenBit(pixels: Float32Array): Uint16Array {
  return Uint16Array.from(pixels, (pixel) => Math.round(Math.min(1, Math.max(0, pixel)) * 65_535));
}

/** Class names that every file system takes, each different from the others whatever their case. */
function folderNames(classes: readonly string[]): string[] {
  const taken = new Set<string>();
  return classes.map((name, label) => {
    const plain = name.replaceAll(/[\\/:*?"<>|\p{Cc}]/gu, '_').replace(/[. ]+$/, '');
    const safe = plain === '' || plain.startsWith('.') ? `class ${label}` : plain;
    const unique = taken.has(safe.toLowerCase()) ? `${safe} (${label})` : safe;
    taken.add(unique.toLowerCase());
    return unique;
  });
}

async function writeArrays(source: Source, target: string): Promise<void> {
  const { dataset, positions } = source;
  const { shape, pixels, name, hash, classes } = dataset.manifest;
  const count = positions.length;
  const dtype = pixels === 'f32' ? 'f32' : 'u8';
  const header = npyHeader(dtype, [count, ...shape]);
  const bytesEach = shape[0] * shape[1] * shape[2] * (dtype === 'f32' ? 4 : 1);
  async function* imageBytes(): AsyncGenerator<Uint8Array> {
    yield header;
    for await (const piece of pieces(source)) {
      yield dtype === 'f32' ? new Uint8Array(dataset.readImages(piece).buffer) : dataset.readBytes(piece);
    }
  }
  const zip = new ZipFile();
  const options = { compress: false, mtime: new Date(1980, 0, 1) };
  const images = Readable.from(imageBytes(), { objectMode: false });
  let failure: unknown = null;
  images.once('error', (error) => {
    failure = error;
    (zip.outputStream as Readable).destroy(error);
  });
  zip.addReadStream(images, 'images.npy', { ...options, size: header.length + count * bytesEach });
  const settings = new TextEncoder().encode(JSON.stringify({ dataset: name, hash, classes }));
  const small = {
    labels: {
      dtype: 'u16',
      shape: [count],
      data: Uint16Array.from(positions, (position) => dataset.labels[position] ?? 0),
    },
    splits: {
      dtype: 'u8',
      shape: [count],
      data: Uint8Array.from(positions, (position) => dataset.splits[position] ?? 0),
    },
    positions: { dtype: 'i32', shape: [count], data: Int32Array.from(positions) },
    settings: { dtype: 'u8', shape: [settings.length], data: settings },
  } as const;
  for (const [key, array] of Object.entries(small)) zip.addBuffer(Buffer.from(formatNpy(array)), `${key}.npy`, options);
  zip.end();
  await pipeline(zip.outputStream, createWriteStream(target)).catch((error: unknown) => {
    throw failure ?? error;
  });
}

async function writeTable(source: Source, target: string): Promise<void> {
  const { dataset, items } = source;
  const further = columnsOf(source);
  const file = await open(target, 'w');
  try {
    await file.appendFile(stringify([[...BASE_COLUMNS, ...further]]));
    for await (const piece of pieces(source)) {
      const rows = items?.rows(piece);
      const lines = Array.from(piece, (position, at) => {
        const row: ItemRow | null = rows?.[at] ?? null;
        const label = dataset.labels[position] ?? 0;
        return [
          position,
          dataset.manifest.classes[label] ?? '',
          label,
          splitName(dataset.splits[position]),
          row?.name ?? null,
          row?.width ?? null,
          row?.height ?? null,
          row?.brightness ?? null,
          row?.contrast ?? null,
          ...further.map((name) => row?.columns?.[name] ?? null),
        ];
      });
      await file.appendFile(stringify(lines));
    }
  } finally {
    await file.close();
  }
}

/** Names of the further columns that any of the images has; none of them is that of a column of our own. */
function columnsOf({ items, positions }: Source): string[] {
  const names = new Set<string>();
  for (let start = 0; items && start < positions.length; start += CHUNK) {
    for (const row of items.rows(positions.subarray(start, start + CHUNK))) {
      for (const name of Object.keys(row?.columns ?? {})) names.add(name);
    }
  }
  return [...names].filter((name) => !BASE_COLUMNS.includes(name) && name !== 'file');
}
