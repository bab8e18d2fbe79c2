import { badData } from '../../arrays/byte-stream.ts';
import type { ParquetColumn, ParquetFile } from '../../arrays/parquet-file.ts';
import { mebibytes } from '../../arrays/stored.ts';
import { IMAGE_NAMES } from './array-names.ts';

/** A group of rows of images may have so many bytes unpacked. */
const GROUP_BYTES = 160 * 2 ** 20;
/** Further columns with more bytes than this are left out. */
const EXTRA_BYTES = 32 * 2 ** 20;

export interface ChosenColumns {
  readonly image: string;
  readonly label: string;
  /** Names of the classes that the labels number, if the file has them. */
  readonly names: readonly string[] | null;
  /** Plain columns that are kept with the images. */
  readonly extras: readonly string[];
}

/**
 * The columns of images and of labels: those that the Hugging Face library marked, else by name and kind.
 * @param labelNames what a column of labels may be called, the likeliest first.
 * @throws AppError `bad-data` with the columns that there are, or for groups of rows that are too large to read.
 */
export function columnsOf(file: ParquetFile, labelNames: readonly string[]): ChosenColumns {
  const { columns, features } = file;
  const listed = columns.map(({ name }) => name).join(', ');
  const holdsBytes = ({ binary, parts }: ParquetColumn): boolean => binary || parts.includes('bytes');
  const able = columns.filter(holdsBytes);
  const image =
    able.find(({ name }) => features.get(name)?.type === 'Image') ??
    able.find(({ name }) => IMAGE_NAMES.includes(name.toLowerCase())) ??
    able[0];
  if (!image) throw badData(file.name, `has no column of coded images (it has ${listed})`);
  const label =
    labelNames.flatMap((wanted) => columns.find(({ name }) => name === wanted) ?? [])[0] ??
    columns.find(({ name }) => features.get(name)?.type === 'ClassLabel');
  if (!label || label === image) {
    throw badData(file.name, `has no column of labels (it has ${listed}). Name the column, or call it "label"`);
  }
  const group = file.largestGroup(image.name);
  if (group > GROUP_BYTES) {
    throw badData(
      file.name,
      `has groups of rows of up to ${mebibytes(group)}, of which at most ${mebibytes(GROUP_BYTES)} can be read at once. Write it again with row_group_size=100`,
    );
  }
  const extras = columns
    .filter((column) => column !== image && column !== label && !holdsBytes(column))
    .filter(({ parts, repeated, bytes }) => parts.length === 0 && !repeated && bytes <= EXTRA_BYTES)
    .map(({ name }) => name);
  return { image: image.name, label: label.name, names: features.get(label.name)?.names ?? null, extras };
}

/**
 * Loads the coded images of rows, which are asked for in ascending order: of the groups of rows the last is kept.
 * @param column the column of images.
 */
export function imagesOf(
  rows: readonly { readonly file: ParquetFile; readonly row: number }[],
  column: string,
): (index: number) => Promise<Uint8Array> {
  let kept: {
    readonly file: ParquetFile;
    readonly group: number;
    readonly values: Promise<readonly unknown[]>;
  } | null = null;
  return async (index) => {
    const at = rows[index];
    if (!at) throw new RangeError(`There is no image ${index}.`);
    const { file, row } = at;
    const group = file.groups.findLastIndex((first) => first <= row);
    if (kept?.file !== file || kept.group !== group) kept = { file, group, values: file.group(group, column) };
    const value = (await kept.values)[row - (file.groups[group] ?? 0)];
    const bytes = value instanceof Uint8Array ? value : (value as { readonly bytes?: unknown } | null)?.bytes;
    if (bytes instanceof Uint8Array) return bytes;
    throw badData(`${file.name}[${row}]`, 'has no image in the file, only a reference to one or nothing');
  };
}
