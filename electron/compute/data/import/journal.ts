import { DatabaseSync } from 'node:sqlite';
import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import { createItemsTable, itemInserter } from '../items.ts';
import type { ItemRow } from '../items.ts';

/** How far an import is: everything that going on after a crash needs, beside the rows and the pixels themselves. */
export interface ImportState {
  /** Names source and plan: with another one the import begins anew. */
  readonly fingerprint: string;
  /** Chosen items that are dealt with. */
  readonly next: number;
  /** Images written. */
  readonly images: number;
  /** Of them those with a key area, and those whose colour was lost. */
  readonly masks: number;
  readonly lostColour: number;
  /** Sums of each channel's samples and of their squares. */
  readonly sums: readonly number[];
  readonly squares: readonly number[];
}

/** The original file of an image. */
export interface OriginalRow {
  readonly position: number;
  /** Below the source's root; of a copy: its name in the folder `originals`. */
  readonly file: string;
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

/**
 * What an import knows, in the data set's items file: rows and state change together, in one transaction. Once the
 * import is done only what the data set keeps is left in it.
 */
export interface Journal {
  /** The state that was saved last; null at the beginning. */
  readonly state: ImportState | null;
  add(row: ItemRow, item: number): void;
  addOriginal(row: OriginalRow): void;
  skip(skipped: SkippedFile): void;
  /** Makes everything so far last. */
  save(state: ImportState): void;
  /** Source items of the images, by position. */
  items(): Uint32Array;
  /** Hash of each image and its position, equal ones one after the other. */
  hashes(): Iterable<{ readonly hash: Uint8Array; readonly position: number }>;
  /** Perceptual hashes by position, [high, low] each. */
  perceptualHashes(count: number): Uint32Array;
  names(positions: readonly number[]): string[];
  originals(): Iterable<OriginalRow>;
  skipped(): Iterable<SkippedFile>;
  skippedCount(): number;
  /** Removes what the data set does not keep. */
  finish(): void;
  /** Calling it twice is harmless; what was not saved is lost. */
  close(): void;
}

const TABLES = `
  CREATE TABLE IF NOT EXISTS import_state (id INTEGER PRIMARY KEY, state TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS import_items (position INTEGER PRIMARY KEY, item INTEGER NOT NULL);
  CREATE TABLE IF NOT EXISTS import_skipped (file TEXT NOT NULL, reason TEXT NOT NULL);
  CREATE TABLE IF NOT EXISTS originals (position INTEGER PRIMARY KEY, file TEXT NOT NULL, bytes INTEGER NOT NULL, sha256 BLOB NOT NULL)`;

/** @throws AppError `library-full`, `io` or `bad-data` that names the file; so do its functions. */
export function openJournal(file: string): Journal {
  const attempt = <T>(work: () => T): T => {
    try {
      return work();
    } catch (cause) {
      throw journalError(file, cause);
    }
  };
  const db = attempt(() => new DatabaseSync(file));
  try {
    return attempt(() => journalIn(db, attempt));
  } catch (error) {
    db.close();
    throw error;
  }
}

function journalIn(db: DatabaseSync, attempt: <T>(work: () => T) => T): Journal {
  db.exec('PRAGMA synchronous = FULL');
  createItemsTable(db);
  db.exec(TABLES);
  const saved = db.prepare('SELECT state FROM import_state').get() as { readonly state: string } | undefined;
  const insert = itemInserter(db);
  const insertItem = db.prepare('INSERT INTO import_items VALUES (?, ?)');
  const insertOriginal = db.prepare('INSERT INTO originals VALUES (?, ?, ?, ?)');
  const insertSkipped = db.prepare('INSERT INTO import_skipped VALUES (?, ?)');
  const setState = db.prepare('INSERT OR REPLACE INTO import_state VALUES (1, ?)');
  const nameOf = db.prepare('SELECT name FROM items WHERE position = ?');
  const all = <Row>(sql: string): Iterable<Row> => db.prepare(sql).iterate() as Iterable<unknown> as Iterable<Row>;
  db.exec('BEGIN');
  let open = true;
  return {
    state: saved ? (JSON.parse(saved.state) as ImportState) : null,
    add: (row, item) =>
      attempt(() => {
        insert(row);
        insertItem.run(row.position, item);
      }),
    addOriginal: ({ position, file, bytes, sha256 }) =>
      void attempt(() => insertOriginal.run(position, file, bytes, sha256)),
    skip: ({ file, reason }) => void attempt(() => insertSkipped.run(file, reason)),
    save: (state) =>
      attempt(() => {
        setState.run(JSON.stringify(state));
        db.exec('COMMIT');
        db.exec('BEGIN');
      }),
    items: () =>
      Uint32Array.from(
        all<{ readonly item: number }>('SELECT item FROM import_items ORDER BY position'),
        ({ item }) => item,
      ),
    hashes: () => all('SELECT hash, position FROM items ORDER BY hash, position'),
    perceptualHashes: (count) => {
      const hashes = new Uint32Array(2 * count);
      for (const { position, phash } of all<{ readonly position: number; readonly phash: string }>(
        'SELECT position, phash FROM items WHERE phash IS NOT NULL',
      )) {
        hashes[2 * position] = Number.parseInt(phash.slice(0, 8), 16);
        hashes[2 * position + 1] = Number.parseInt(phash.slice(8), 16);
      }
      return hashes;
    },
    names: (positions) =>
      positions.map((position) => (nameOf.get(position) as { readonly name: string } | undefined)?.name ?? ''),
    originals: () => all('SELECT position, file, bytes, sha256 FROM originals ORDER BY position'),
    skipped: () => all('SELECT file, reason FROM import_skipped ORDER BY rowid'),
    skippedCount: () => (db.prepare('SELECT COUNT(*) AS count FROM import_skipped').get() as { count: number }).count,
    finish: () =>
      attempt(() => {
        db.exec('DROP TABLE import_items; DROP TABLE import_skipped; DROP TABLE import_state');
        const { count } = db.prepare('SELECT COUNT(*) AS count FROM originals').get() as { count: number };
        if (count === 0) db.exec('DROP TABLE originals');
        db.exec('COMMIT');
        db.exec('VACUUM');
        db.exec('BEGIN');
      }),
    close: () => {
      if (open) db.close();
      open = false;
    },
  };
}

const SQLITE_IOERR = 10;
const SQLITE_FULL = 13;

function journalError(file: string, cause: unknown): AppError {
  if (cause instanceof AppError) return cause;
  const status = (cause as { readonly errcode?: number }).errcode ?? 0;
  const reason = cause instanceof Error ? cause.message : String(cause);
  // A full disk shows as either, and the lower byte is the kind.
  if ((status & 0xff) === SQLITE_FULL) {
    return new AppError('library-full', `There is no space left to write ${file}. Free some and try again.`, {
      cause,
      details: { file },
      retry: true,
    });
  }
  if ((status & 0xff) === SQLITE_IOERR) {
    return new AppError('io', `${file} could not be written: ${reason}. Is the disk full or gone?`, {
      cause,
      details: { file },
      retry: true,
    });
  }
  return new AppError('io', `${file} cannot be used: ${reason}.`, { cause, details: { file } });
}
