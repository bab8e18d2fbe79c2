import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { opendir, readFile, stat } from 'node:fs/promises';
import { join, relative } from 'node:path';
import { DatabaseSync } from 'node:sqlite';
import { z } from 'zod';
import type { DatasetManifest } from '../../../../shared/domain/dataset.ts';
import type { Relocation } from '../../../../shared/domain/dataset-view.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import { writeAtomic } from '../../arrays/atomic.ts';
import type { Control } from '../../jobs/control.ts';
import { ITEMS_FILE } from '../items.ts';
import { readManifest } from '../packed.ts';

/** Where originals lie that are no longer where they were imported from: files below a folder, by position. */
const RELOCATED_FILE = 'originals.json';
const relocatedOriginals = z.object({ folder: z.string(), files: z.record(z.string(), z.string()) });
type RelocatedOriginals = z.infer<typeof relocatedOriginals>;

/** Most names of missing files in an answer. */
const MOST_NAMED = 1000;

interface Original {
  readonly position: number;
  readonly file: string;
  readonly bytes: number;
  readonly sha256: Uint8Array;
}

/**
 * Looks below a folder for the originals that an import referenced: files of their size, then by SHA-256, whatever they
 * are called now. What is found is written beside the arrays, in place of what an earlier search found.
 * @throws AppError `conflict` for a set without referenced originals, `not-found` for a folder that cannot be read,
 *   `cancelled`, and the errors of writing.
 */
export async function relocateOriginals(folder: string, path: string, control: Control): Promise<Relocation> {
  const originals = referencedOriginals(folder);
  if (originals.length === 0) {
    throw new AppError(
      'conflict',
      'This data set has no originals that could have moved: it was imported without a reference to them.',
    );
  }
  const wanted = new Map<number, Map<string, Original[]>>();
  for (const original of originals) {
    const key = Buffer.from(original.sha256).toString('hex');
    const ofSize = wanted.get(original.bytes) ?? new Map<string, Original[]>();
    wanted.set(original.bytes, ofSize);
    ofSize.set(key, [...(ofSize.get(key) ?? []), original]);
  }
  const found = new Map<number, string>();
  let looked = 0;
  for await (const file of filesBelow(path)) {
    looked += 1;
    control.progress({
      done: found.size,
      total: originals.length,
      unit: 'originals',
      message: `${looked} files looked at`,
    });
    await control.checkpoint();
    const size = (await stat(file).catch(() => null))?.size;
    const ofSize = size === undefined ? undefined : wanted.get(size);
    if (!ofSize) continue;
    const hash = await sha256(file).catch(() => null);
    for (const { position } of (hash === null ? undefined : ofSize.get(hash)) ?? []) {
      if (!found.has(position)) found.set(position, relative(path, file));
    }
    if (found.size === originals.length) break;
  }
  if (found.size > 0) {
    const files = Object.fromEntries([...found].map(([position, file]) => [String(position), file]));
    await writeAtomic(
      join(folder, RELOCATED_FILE),
      JSON.stringify({ folder: path, files } satisfies RelocatedOriginals),
    );
  }
  const missing = originals.filter(({ position }) => !found.has(position)).map(({ file }) => file);
  return { originals: originals.length, found: found.size, missing: missing.slice(0, MOST_NAMED) };
}

/** Originals of a set with their hashes, by position; none where the import kept no reference. */
function referencedOriginals(folder: string): Original[] {
  // Copies lie in the library itself.
  if (readManifest(folder).plan?.originals !== 'reference') return [];
  return withOriginals(folder, (db) => {
    const rows = db.prepare('SELECT position, file, bytes, sha256 FROM originals ORDER BY position').all();
    return rows as unknown as Original[];
  });
}

/** Calls `read` if the set has a list of originals. */
function withOriginals<T>(folder: string, read: (db: DatabaseSync) => T[]): T[] {
  const file = join(folder, ITEMS_FILE);
  if (!existsSync(file)) return [];
  const db = new DatabaseSync(file, { readOnly: true });
  try {
    const table = db.prepare(`SELECT 1 FROM sqlite_schema WHERE type = 'table' AND name = 'originals'`).get();
    return table ? read(db) : [];
  } finally {
    db.close();
  }
}

/**
 * Where the originals of some images lie: in the library, where they were imported from, or where an earlier search has
 * found them. Null for images without one. Nothing is looked for.
 */
export async function originalPaths(
  folder: string,
  { plan }: Pick<DatasetManifest, 'plan'>,
  positions: readonly number[],
): Promise<(string | null)[]> {
  if (!plan || plan.originals === 'none') return [];
  const moved = await readRelocated(folder);
  return withOriginals(folder, (db) => {
    const one = db.prepare('SELECT file FROM originals WHERE position = ?');
    return positions.map((position) => {
      const file = (one.get(position) as { readonly file: string } | undefined)?.file;
      if (file === undefined) return null;
      if (plan.originals === 'copy') return join(folder, 'originals', file);
      const found = moved?.files[String(position)];
      return moved && found !== undefined ? join(moved.folder, found) : join(plan.path, file);
    });
  });
}

/** What an earlier search found; null without one, or if its file is damaged: it can be searched for again. */
async function readRelocated(folder: string): Promise<RelocatedOriginals | null> {
  const text = await readFile(join(folder, RELOCATED_FILE), 'utf8').catch(() => null);
  if (text === null) return null;
  try {
    return relocatedOriginals.parse(JSON.parse(text));
  } catch {
    return null;
  }
}

/** Every file below a folder; links are not followed, and what cannot be read is passed over. */
async function* filesBelow(folder: string, top = true): AsyncGenerator<string> {
  const directory = await opendir(folder).catch((cause: unknown) => {
    if (!top) return null;
    throw new AppError('not-found', `${folder} cannot be read. Choose a folder that this user may read.`, { cause });
  });
  if (!directory) return;
  for await (const entry of directory) {
    const path = join(folder, entry.name);
    if (entry.isDirectory()) yield* filesBelow(path, false);
    else if (entry.isFile()) yield path;
  }
}

async function sha256(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
