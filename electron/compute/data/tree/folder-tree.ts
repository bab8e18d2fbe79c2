import { accessSync, constants, createReadStream, lstatSync, readdirSync, realpathSync, statSync } from 'node:fs';
import type { Stats } from 'node:fs';
import { readFile } from 'node:fs/promises';
import { join, sep } from 'node:path';
import { AppError } from '../../../../shared/domain/errors.ts';
import { badData } from '../../arrays/byte-stream.ts';
import { openArchive } from './archive-tree.ts';
import { inWords, LARGEST_READ, type TreeOptions } from './limits.ts';
import { asUtf8, createListing, safePath, type Listing } from './listing.ts';
import { createCopies } from './scratch.ts';
import type { FileTree } from './tree.ts';

/** Entries of one folder between two looks at whether to go on. */
const CHECK_EVERY = 2000;
/** Errors of a disk, not of a file: it was taken away or breaks. */
const DISK_ERRORS = new Set(['EIO', 'ENXIO', 'ENODEV', 'ESTALE', 'ENOTCONN', 'EHOSTDOWN', 'ETIMEDOUT']);

const SLASH = Buffer.from(sep);

/** A path on disk: as bytes where it is no UTF-8, which a string cannot say. */
type DiskPath = string | Buffer;

interface Place {
  /** Below the root; the empty string for the root itself. */
  readonly path: string;
  readonly disk: DiskPath;
  /** Real paths of the folders that were gone through, this one last. */
  readonly chain: readonly string[];
}

interface Entry {
  readonly name: string;
  readonly disk: DiskPath;
  readonly isLink: boolean;
}

/**
 * The files of a folder. Links are followed where they stay within it and do not go in circles.
 * @param options `chosen`: the file that was pointed at; `deep`: whether folders below count.
 * @throws AppError `not-found` or `io` if the folder or one of `only` is not there or cannot be read.
 */
export async function openFolder(
  root: string,
  options: TreeOptions & { readonly chosen?: string; readonly deep?: boolean },
): Promise<FileTree> {
  const { control, only, chosen = null, deep = true } = options;
  const listing = createListing(root, false);
  const odd = new Map<string, Buffer>();
  const start: Place = { path: '', disk: root, chain: [realpathSync.native(root)] };
  const look = createLook(start, listing);
  const stack: Place[] = [];
  let seen = 0;

  const visit = (entry: Entry, parent: Place): void => {
    const path = parent.path === '' ? entry.name : `${parent.path}/${entry.name}`;
    if (listing.passOver(entry.name)) return;
    const found = look(path, entry, parent);
    if (found === null) return;
    const { stats, chain } = found;
    if (stats.isDirectory()) {
      if (deep) stack.push({ path, disk: entry.disk, chain });
    } else if (listing.take(path, stats.size) !== null && typeof entry.disk !== 'string') odd.set(path, entry.disk);
  };

  if (only) for (const name of only) visit(chosenEntry(root, name), start);
  else stack.push(start);
  for (let place = stack.pop(); place; place = stack.pop()) {
    const entries = entriesOf(place, listing, root);
    if (entries?.length === 0 && place.path !== '') listing.leaveOut(place.path, 'is an empty folder');
    for (const entry of entries ?? []) {
      visit(entry, place);
      seen += 1;
      if (seen % CHECK_EVERY === 0) await control?.checkpoint();
    }
    await control?.checkpoint();
  }

  const { files, skipped: leftOut } = listing.finish();
  // What else lies beside a chosen file is not meant.
  const skipped = deep ? leftOut : leftOut.filter(({ file }) => file === chosen);
  const sizes = new Map(files.map(({ path, bytes }) => [path, bytes]));
  const copies = createCopies(options.scratch, root);
  const diskPath = (path: string): DiskPath => {
    if (!sizes.has(path)) throw badData(path, 'is not there');
    return odd.get(path) ?? join(root, path);
  };
  const tree: FileTree = {
    root,
    chosen,
    files,
    skipped,
    async read(path) {
      const disk = diskPath(path);
      const bytes = sizes.get(path) ?? 0;
      if (bytes > LARGEST_READ) throw tooLarge(path, bytes);
      try {
        return await readFile(disk);
      } catch (error) {
        throw readProblem(root, path, error);
      }
    },
    async onDisk(path) {
      const disk = diskPath(path);
      if (typeof disk === 'string') return disk;
      return copies(path, sizes.get(path) ?? 0, async () => createReadStream(disk) as AsyncIterable<Uint8Array>);
    },
    async openInner(path) {
      return openArchive(await tree.onDisk(path), options);
    },
    close: async () => undefined,
  };
  return tree;
}

/** What the user named, which must lie below the root. */
function chosenEntry(root: string, name: string): Entry {
  const safe = safePath(name);
  if ('reason' in safe) {
    throw new AppError(
      'invalid-input',
      `${name} ${safe.reason.replace('archive', 'folder')}. Name what lies in ${root}.`,
    );
  }
  const disk = join(root, safe.path);
  const found = lstatSync(disk, { throwIfNoEntry: false });
  if (!found) throw new AppError('not-found', `${disk} does not exist.`, { details: { file: disk } });
  return { name: safe.path, disk, isLink: found.isSymbolicLink() };
}

/** What a folder holds, or null where it cannot be read. */
function entriesOf(place: Place, listing: Listing, root: string): Entry[] | null {
  const { disk } = place;
  try {
    if (typeof disk === 'string') {
      const entries = readdirSync(disk, { withFileTypes: true });
      if (!entries.some(({ name }) => name.includes('\ufffd'))) {
        return entries.map((entry) => ({
          name: entry.name,
          disk: join(disk, entry.name),
          isLink: entry.isSymbolicLink(),
        }));
      }
    }
    const folder = Buffer.from(disk);
    return readdirSync(folder, { withFileTypes: true, encoding: 'buffer' }).map((entry) => {
      const name = asUtf8(entry.name);
      return {
        // Latin-1 has a sign for every byte, so that different names stay different.
        name: name ?? entry.name.toString('latin1'),
        disk: name !== null && typeof disk === 'string' ? join(disk, name) : Buffer.concat([folder, SLASH, entry.name]),
        isLink: entry.isSymbolicLink(),
      };
    });
  } catch (error) {
    const reason = `cannot be read: ${inPlainWords(error)}`;
    if (place.path === '') throw new AppError('io', `${root} ${reason}.`, { cause: error, details: { file: root } });
    listing.leaveOut(place.path, reason);
    return null;
  }
}

/** Looks at what lies at a place, with links followed; the result is null for what is left out. */
function createLook(
  { chain: [root = ''] }: Place,
  listing: Listing,
): (path: string, entry: Entry, parent: Place) => { readonly stats: Stats; readonly chain: readonly string[] } | null {
  const linked = new Map<string, string>();

  const refusal = (path: string, target: string, isFolder: boolean, parent: Place): string | null => {
    if (target !== root && !target.startsWith(root.endsWith(sep) ? root : root + sep)) {
      return 'is a link that leads outside the folder: choose a folder that holds both, or copy what it points to';
    }
    if (!isFolder) return null;
    if (parent.chain.includes(target)) return 'is a link that leads back to a folder that it lies in';
    const before = linked.get(target);
    linked.set(target, before ?? path);
    return before === undefined ? null : `is a link to a folder that ${before} leads to already`;
  };

  return (path, { name, disk, isLink }, parent) => {
    try {
      const stats = statSync(disk);
      const target = isLink ? realpathSync.native(disk) : join(parent.chain.at(-1) ?? root, name);
      const reason = isLink ? refusal(path, target, stats.isDirectory(), parent) : null;
      if (reason === null && (stats.isDirectory() || stats.isFile())) {
        accessSync(disk, constants.R_OK);
        return { stats, chain: stats.isDirectory() ? [...parent.chain, target] : parent.chain };
      }
      const what = stats.isFIFO() ? 'a pipe' : stats.isSocket() ? 'a socket' : 'a device';
      listing.leaveOut(path, reason ?? `is ${what}, no file`);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === 'ELOOP') listing.leaveOut(path, 'is a link that leads in a circle');
      else if (code === 'ENOENT' && isLink) listing.leaveOut(path, 'is a link to something that is not there');
      else listing.leaveOut(path, `cannot be read: ${inPlainWords(error)}`);
    }
    return null;
  };
}

function tooLarge(path: string, bytes: number): AppError {
  return badData(
    path,
    `has ${inWords(bytes)}, more than the ${inWords(LARGEST_READ)} that are read of one file: it is no image`,
  );
}

/** Why a file that was listed cannot be read: a fault of the file alone, or of all that it lies on. */
function readProblem(root: string, path: string, error: unknown): AppError {
  const { code = '' } = error as NodeJS.ErrnoException;
  if (DISK_ERRORS.has(code) || (code === 'ENOENT' && !statSync(root, { throwIfNoEntry: false }))) {
    return new AppError(
      'io',
      `${root} is no longer there or its disk cannot be read (${path}). Connect it again, then go on.`,
      { cause: error, details: { file: root }, retry: true },
    );
  }
  return code === 'ENOENT'
    ? badData(path, 'is gone: it was there when the folder was listed', error)
    : badData(path, `cannot be read: ${inPlainWords(error)}`, error);
}

function inPlainWords(error: unknown): string {
  const { code, message } = error as NodeJS.ErrnoException;
  if (code === 'EACCES' || code === 'EPERM') return 'permission denied';
  if (code === 'ENAMETOOLONG') return 'its name is too long';
  return code === 'EMFILE' ? 'too many files are open' : message;
}
