import { existsSync } from 'node:fs';
import { DatabaseSync } from 'node:sqlite';
import { AppError } from '../../../shared/domain/errors.ts';
import type { ItemColumns } from './data-source.ts';

/** Name of the file beside the packed arrays that says what each image was and is. Sets of earlier versions lack it. */
export const ITEMS_FILE = 'items.db';

/** What is known of one image beside its pixels, class and split. */
export interface ItemRow {
  /** Row of the packed arrays. */
  readonly position: number;
  /** Its file below the source's root, or `images[17]` for a row of an array. */
  readonly name: string;
  /** In pixels, as in the source, upright. */
  readonly width: number;
  readonly height: number;
  /** Mean of the packed pixels, in [0, 1]. */
  readonly brightness: number;
  /** Standard deviation of the packed pixels, in [0, 0.5]. */
  readonly contrast: number;
  /** First 16 bytes of the SHA-256 of the packed pixels. */
  readonly hash: Uint8Array;
  /** 64-bit perceptual hash as 16 hexadecimal digits, where near duplicates were looked for. */
  readonly phash: string | null;
  /** Further values that the source gives. */
  readonly columns: ItemColumns | null;
}

/** Values that a filter or an order goes by, one entry per image. */
export interface ItemValues {
  readonly width: Float64Array;
  readonly height: Float64Array;
  readonly brightness: Float64Array;
  readonly contrast: Float64Array;
}

export type ItemDetails = Omit<ItemRow, 'hash' | 'phash'>;

/** An items file, open for reading. */
export interface Items {
  /** Number of images. */
  readonly count: number;
  /** Rows at these positions, in their order; null where there is none. */
  rows(positions: ArrayLike<number>): (ItemRow | null)[];
  /** Numbers of all images by position; NaN where there is no row. */
  values(): ItemValues;
  /** What is known of all images but their hashes, in ascending order of position, one at a time. */
  details(): IterableIterator<ItemDetails>;
  /** Calling it twice is harmless. */
  close(): void;
}

/** As the table has it: columns are JSON. */
type RawRow = Omit<ItemRow, 'columns'> & { readonly columns: string | null };

const SCHEMA = `CREATE TABLE IF NOT EXISTS items (
  position INTEGER PRIMARY KEY, name TEXT NOT NULL, width INTEGER NOT NULL, height INTEGER NOT NULL,
  brightness REAL NOT NULL, contrast REAL NOT NULL, hash BLOB NOT NULL, phash TEXT, columns TEXT)`;

/** Makes the table of images where it is missing. */
export function createItemsTable(db: DatabaseSync): void {
  db.exec(SCHEMA);
}

/** A function that adds rows, within whatever transaction is open. */
export function itemInserter(db: DatabaseSync): (row: ItemRow) => void {
  const insert = db.prepare('INSERT INTO items VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)');
  return (row) => {
    const columns = row.columns && Object.keys(row.columns).length > 0 ? JSON.stringify(row.columns) : null;
    const { position, name, width, height, brightness, contrast, hash, phash } = row;
    insert.run(position, name, width, height, brightness, contrast, hash, phash, columns);
  };
}

/**
 * Writes a whole items file at once, in place of any that is there.
 * @param rows in ascending order of position.
 */
export function writeItems(file: string, rows: Iterable<ItemRow>): void {
  const db = new DatabaseSync(file);
  try {
    db.exec('DROP TABLE IF EXISTS items');
    createItemsTable(db);
    const add = itemInserter(db);
    db.exec('BEGIN');
    for (const row of rows) add(row);
    db.exec('COMMIT');
  } finally {
    db.close();
  }
}

/**
 * Opens an items file.
 * @returns null where there is none: the data set was imported by an earlier version.
 * @throws AppError `bad-data` if it is damaged.
 */
export function openItems(file: string): Items | null {
  if (!existsSync(file)) return null;
  let db: DatabaseSync | null = null;
  try {
    db = new DatabaseSync(file, { readOnly: true });
    const { count } = db.prepare('SELECT COALESCE(MAX(position) + 1, 0) AS count FROM items').get() as {
      readonly count: number;
    };
    return reader(db, count);
  } catch (cause) {
    db?.close();
    throw new AppError('bad-data', `${file} is damaged: what it says of the images cannot be read.`, {
      cause,
      details: { file },
    });
  }
}

function reader(db: DatabaseSync, count: number): Items {
  const one = db.prepare('SELECT * FROM items WHERE position = ?');
  let open = true;
  return {
    count,
    rows: (positions) =>
      Array.from(positions, (position) => {
        const raw = one.get(position) as unknown as RawRow | undefined;
        return raw ? { ...raw, columns: parseColumns(raw.columns) } : null;
      }),
    values: () => {
      const empty = (): Float64Array => new Float64Array(count).fill(Number.NaN);
      const values = { width: empty(), height: empty(), brightness: empty(), contrast: empty() };
      const all = db.prepare('SELECT position, width, height, brightness, contrast FROM items');
      for (const raw of all.iterate() as Iterable<unknown>) {
        const { position, width, height, brightness, contrast } = raw as RawRow;
        values.width[position] = width;
        values.height[position] = height;
        values.brightness[position] = brightness;
        values.contrast[position] = contrast;
      }
      return values;
    },
    *details() {
      const all = db.prepare(
        'SELECT position, name, width, height, brightness, contrast, columns FROM items ORDER BY position',
      );
      for (const raw of all.iterate() as Iterable<unknown>) {
        const { position, name, width, height, brightness, contrast, columns } = raw as RawRow;
        yield { position, name, width, height, brightness, contrast, columns: parseColumns(columns) };
      }
    },
    close: () => {
      if (open) db.close();
      open = false;
    },
  };
}

function parseColumns(text: string | null): ItemColumns | null {
  return text === null ? null : (JSON.parse(text) as ItemColumns);
}
