import { join } from 'node:path';
import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import type { FilterColumn, ItemNumber } from '../../../shared/domain/dataset-filter.ts';
import { ITEMS_FILE, openItems, type ItemRow, type Items } from '../../compute/data/items.ts';
import { openPacked } from '../../compute/data/packed.ts';
import { naturalRanks } from './order.ts';
import { breathe } from './breathe.ts';

/** What is known of a set's images beside their pixels, in memory. */
export interface ItemIndex {
  readonly numbers: Readonly<Record<ItemNumber, Float64Array>>;
  /** In lower case. */
  readonly names: readonly string[];
  /** Name and the texts of all columns in lower case, one a line. */
  readonly texts: readonly string[];
  readonly columns: ReadonlyMap<string, FilterColumn>;
  /** Commonest values of each text column, as they are written. */
  readonly common: ReadonlyMap<string, readonly string[]>;
}

/** A data set that is being looked at. It never changes, so what was read once stays right. */
export interface OpenSet {
  readonly manifest: DatasetManifest;
  readonly labels: Uint16Array;
  readonly splits: Uint8Array;
  /** Rows of some images; nulls for sets of earlier versions. */
  rows(positions: readonly number[]): (ItemRow | null)[];
  /** Null for sets of earlier versions. Read on first need, a little at a time. */
  items(): Promise<ItemIndex | null>;
  /** Rank of each image by its name, numbers in it by their value; null where names are not known. */
  nameRanks(): Promise<Uint32Array | null>;
  /** Likewise by a text column. */
  columnRanks(name: string): Promise<Uint32Array | null>;
  close(): void;
}

/** Rows read in one go: some milliseconds. */
const CHUNK = 1_000;
/** Different values of a column that are counted, and how many are named. */
const COUNTED = 2_000;
const NAMED = 30;

/** @throws AppError of a damaged set. */
export async function openSet(folder: string): Promise<OpenSet> {
  const packed = await openPacked(folder);
  const { manifest, labels, splits } = packed;
  packed.close();
  const file: Items | null = openItems(join(folder, ITEMS_FILE));
  let index: Promise<ItemIndex | null> | null = null;
  const ranks = new Map<string, Promise<Uint32Array | null>>();
  const items = (): Promise<ItemIndex | null> =>
    (index ??= file ? readIndex(file, manifest.images) : Promise.resolve(null));
  const ranked = (
    key: string,
    values: (found: ItemIndex) => readonly (string | null)[] | null,
  ): Promise<Uint32Array | null> => {
    const known =
      ranks.get(key) ??
      items().then((found) => {
        const texts = found && values(found);
        return texts ? naturalRanks(texts) : null;
      });
    ranks.set(key, known);
    return known;
  };
  return {
    manifest,
    labels,
    splits,
    rows: (positions) => file?.rows(positions) ?? positions.map(() => null),
    items,
    nameRanks: () => ranked('name', ({ names }) => names),
    columnRanks: (name) =>
      ranked(`column.${name}`, ({ columns }) => {
        const column = columns.get(name);
        return column?.type === 'text' ? column.values : null;
      }),
    close: () => {
      // What is being read goes on to its end.
      void Promise.allSettled([index]).then(() => file?.close());
    },
  };
}

async function readIndex(file: Items, images: number): Promise<ItemIndex> {
  const empty = (): Float64Array => new Float64Array(images).fill(Number.NaN);
  const numbers = { width: empty(), height: empty(), brightness: empty(), contrast: empty() };
  const names = new Array<string>(images).fill('');
  const texts = new Array<string>(images).fill('');
  const raw = new Map<string, (string | number | null)[]>();
  let read = 0;
  for (const { position, name, columns, width, height, brightness, contrast } of file.details()) {
    numbers.width[position] = width;
    numbers.height[position] = height;
    numbers.brightness[position] = brightness;
    numbers.contrast[position] = contrast;
    const lower = name.toLowerCase();
    let text = lower;
    for (const key in columns) {
      const value = columns[key] ?? null;
      const values = raw.get(key) ?? new Array<string | number | null>(images).fill(null);
      raw.set(key, values);
      values[position] = value;
      if (value !== null) text += `\n${typeof value === 'string' ? value.toLowerCase() : value}`;
    }
    names[position] = lower;
    texts[position] = text;
    read += 1;
    if (read % CHUNK === 0) await breathe();
  }
  const columns = new Map<string, FilterColumn>();
  const common = new Map<string, readonly string[]>();
  for (const [name, values] of raw) {
    const column = columnOf(values);
    columns.set(name, column);
    if (column.type === 'text') common.set(name, commonest(values));
    await breathe();
  }
  return { numbers, names, texts, columns, common };
}

/** Numbers if every value is one, also where a file gave them as text. */
function columnOf(values: readonly (string | number | null)[]): FilterColumn {
  const isNumber = values.every(
    (value) => value === null || typeof value === 'number' || (value.trim() !== '' && Number.isFinite(Number(value))),
  );
  if (isNumber) {
    return {
      type: 'number',
      values: Float64Array.from(values, (value) => (value === null ? Number.NaN : Number(value))),
    };
  }
  return { type: 'text', values: values.map((value) => (value === null ? null : String(value).toLowerCase())) };
}

function commonest(values: readonly (string | number | null)[]): string[] {
  const counts = new Map<string, number>();
  for (const value of values) {
    if (value === null) continue;
    const text = String(value);
    const count = counts.get(text) ?? 0;
    if (count > 0 || counts.size < COUNTED) counts.set(text, count + 1);
  }
  return [...counts]
    .sort((a, b) => b[1] - a[1])
    .slice(0, NAMED)
    .map(([text]) => text);
}
