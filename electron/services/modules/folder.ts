import { createHash } from 'node:crypto';
import { lstat, readdir, readFile } from 'node:fs/promises';
import { basename, join } from 'node:path';
import { toAppError } from '../../../shared/domain/errors.ts';
import { refuseLinkedFolder } from './trust.ts';

/** Larger files are no modules; 1 MiB is some 25,000 lines. */
const MOST_BYTES = 2 ** 20;

const ENDINGS = /\.(ts|js|mjs)$/;

/** A file of the modules folder, read but never run. */
export interface ModuleText {
  readonly file: string;
  /** null where it cannot be a module; `fault` says why. */
  readonly content: { readonly bytes: Uint8Array; readonly hash: string } | null;
  readonly fault: string | null;
}

/**
 * The modules of a folder, by name: files that end in `.ts`, `.js` or `.mjs` and lie in it directly. Hidden ones and
 * declarations (`.d.ts`) are left alone. A folder that is a link has no modules, and one row that says so.
 */
export async function readModuleFiles(folder: string): Promise<ModuleText[]> {
  try {
    refuseLinkedFolder(folder);
  } catch (thrown) {
    return [{ file: basename(folder), content: null, fault: toAppError(thrown).message }];
  }
  const names = await readdir(folder).catch(() => []);
  const own = names.filter((name) => ENDINGS.test(name) && !name.endsWith('.d.ts') && !name.startsWith('.'));
  return Promise.all(own.toSorted().map((name) => readOne(folder, name)));
}

async function readOne(folder: string, file: string): Promise<ModuleText> {
  const refuse = (what: string): ModuleText => ({ file, content: null, fault: `The module ${file} ${what}` });
  try {
    const found = await lstat(join(folder, file));
    if (found.isSymbolicLink()) {
      return refuse('is a link: what it leads to may change or go unseen. Put the file itself into the folder.');
    }
    if (!found.isFile()) return refuse('is a folder. A module is one file.');
    if (found.size > MOST_BYTES) {
      return refuse(`has ${found.size} bytes, and a module ${MOST_BYTES} at most. Keep data in other files.`);
    }
    const bytes = await readFile(join(folder, file));
    return { file, content: { bytes, hash: createHash('sha256').update(bytes).digest('hex') }, fault: null };
  } catch (thrown) {
    const why = thrown instanceof Error && 'code' in thrown ? String(thrown.code) : String(thrown);
    return refuse(`cannot be read (${why}). Check its permissions.`);
  }
}
