import { createHash } from 'node:crypto';
import { createReadStream, existsSync } from 'node:fs';
import { mkdtemp, opendir, readFile, rm, stat } from 'node:fs/promises';
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
import { archiveKind } from '../tree/archive-kind.ts';
import { openTree } from '../tree/open-tree.ts';

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
 * are called now; what is missing then, also in the archives that lie there. What is found is written beside the arrays,
 * in place of what an earlier search found.
 * @param scratch a folder for archives that have to be unpacked.
 * @throws AppError `conflict` for a set without referenced originals, `not-found` for a folder that cannot be read,
 *   `cancelled`, and the errors of writing.
 */
export async function relocateOriginals(
  folder: string,
  path: string,
  scratch: string,
  control: Control,
): Promise<Relocation> {
  const originals = referencedOriginals(folder);
  if (originals.length === 0) {
    throw new AppError(
      'conflict',
      'This data set has no originals that could have moved: it was imported without a reference to them.',
    );
  }
  const search = { originals: bySize(originals), found: new Map<number, string>(), count: originals.length, control };
  const archives: string[] = [];
  let looked = 0;
  for await (const file of filesBelow(path)) {
    looked += 1;
    await tell(search, `${looked} files looked at`);
    const size = (await stat(file).catch(() => null))?.size;
    const ofSize = size === undefined ? undefined : search.originals.get(size);
    if (ofSize) take(search, ofSize, await hashOfFile(file).catch(() => null), relative(path, file));
    if (search.found.size === originals.length) break;
    if ((await archiveKind(file).catch(() => null)) !== null) archives.push(file);
  }
  for (const archive of archives) {
    if (search.found.size === originals.length) break;
    await searchArchive(search, archive, relative(path, archive), scratch);
  }
  const { found } = search;
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

interface Search {
  /** By size, then by SHA-256. */
  readonly originals: ReadonlyMap<number, ReadonlyMap<string, readonly Original[]>>;
  /** Where each position's original is, below the folder. */
  readonly found: Map<number, string>;
  readonly count: number;
  readonly control: Control;
}

function bySize(originals: readonly Original[]): Search['originals'] {
  const sizes = new Map<number, Map<string, Original[]>>();
  for (const original of originals) {
    const key = Buffer.from(original.sha256).toString('hex');
    const ofSize = sizes.get(original.bytes) ?? new Map<string, Original[]>();
    sizes.set(original.bytes, ofSize);
    ofSize.set(key, [...(ofSize.get(key) ?? []), original]);
  }
  return sizes;
}

async function tell({ found, count, control }: Search, message: string): Promise<void> {
  control.progress({ done: found.size, total: count, unit: 'originals', message });
  await control.checkpoint();
}

function take(
  { found }: Search,
  ofSize: ReadonlyMap<string, readonly Original[]>,
  hash: string | null,
  where: string,
): void {
  for (const { position } of (hash === null ? undefined : ofSize.get(hash)) ?? []) {
    if (!found.has(position)) found.set(position, where);
  }
}

/** An archive that cannot be read holds nothing that is looked for. */
async function searchArchive(search: Search, archive: string, name: string, scratch: string): Promise<void> {
  const unpacked = await mkdtemp(join(scratch, 'archive-'));
  try {
    const tree = await openTree(archive, { scratch: unpacked, control: search.control });
    try {
      for (const { path, bytes } of tree.files) {
        await tell(search, name);
        const ofSize = search.originals.get(bytes);
        if (!ofSize) continue;
        const hash = createHash('sha256')
          .update(await tree.read(path))
          .digest('hex');
        take(search, ofSize, hash, `${name}/${path}`);
      }
    } finally {
      await tree.close();
    }
  } catch (thrown) {
    if (!(thrown instanceof AppError) || thrown.code === 'cancelled') throw thrown;
  } finally {
    await rm(unpacked, { recursive: true, force: true });
  }
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

async function hashOfFile(file: string): Promise<string> {
  const hash = createHash('sha256');
  for await (const chunk of createReadStream(file)) hash.update(chunk as Uint8Array);
  return hash.digest('hex');
}
