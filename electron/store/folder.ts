import { closeSync, fsyncSync, mkdirSync, openSync, rmSync, writeSync } from 'node:fs';
import { readdir, stat } from 'node:fs/promises';
import { join, resolve } from 'node:path';
import type { EntityKind } from '../../shared/domain/ids.ts';
import { storeError } from './errors.ts';

const FOLDERS: Readonly<Record<EntityKind, string>> = {
  dataset: 'datasets',
  run: 'runs',
  model: 'models',
  evaluation: 'evaluations',
  plan: 'plans',
  gallery: 'galleries',
  check: 'checks',
  sweep: 'sweeps',
};

const MODULES = 'modules';

/** Where everything in a library lies. */
export interface LibraryFolder {
  readonly root: string;
  readonly database: string;
  readonly backups: string;
  /** The folder of one entity, which need not exist. */
  of(kind: EntityKind, id: string): string;
  /** The folder that holds all entities of a kind. */
  all(kind: EntityKind): string;
  scratch(name: string): string;
  /** Where the user's modules lie. */
  readonly modules: string;
  /** The copy of a module in the version of a hash, which stays when the file changes. Need not exist. */
  keptModule(hash: string, file: string): string;
}

/** Room that a library needs to be of any use, in bytes; the check writes this much. */
const PROBE_BYTES = 64 * 1024;

/**
 * Makes the library folder if needed and checks that it can be written.
 * @throws AppError `library-read-only`, `library-full`, `invalid-input` (a file stands there) or `io`.
 */
export function openFolder(path: string): LibraryFolder {
  const root = resolve(path);
  try {
    mkdirSync(root, { recursive: true });
    for (const name of [...Object.values(FOLDERS), 'scratch', MODULES])
      mkdirSync(join(root, name), { recursive: true });
  } catch (cause) {
    throw storeError(root, cause);
  }
  probe(root);
  return {
    root,
    database: join(root, 'library.db'),
    backups: join(root, 'backups'),
    of: (kind, id) => join(root, FOLDERS[kind], id),
    all: (kind) => join(root, FOLDERS[kind]),
    scratch: (name) => join(root, 'scratch', name),
    modules: join(root, MODULES),
    // As .mts and .mjs they are modules whatever a package.json above the library says.
    keptModule: (hash, file) => join(root, MODULES, '.kept', `${hash}.${file.endsWith('.ts') ? 'mts' : 'mjs'}`),
  };
}

function probe(root: string): void {
  const file = join(root, `.probe-${process.pid}`);
  let descriptor: number | null = null;
  try {
    descriptor = openSync(file, 'w');
    for (let written = 0; written < PROBE_BYTES;) {
      written += writeSync(descriptor, new Uint8Array(PROBE_BYTES - written));
    }
    fsyncSync(descriptor);
  } catch (cause) {
    throw storeError(root, cause);
  } finally {
    if (descriptor !== null) {
      closeSync(descriptor);
      rmSync(file, { force: true });
    }
  }
}

/** Bytes of all files below a folder; 0 if it does not exist. */
export async function folderBytes(path: string): Promise<number> {
  const entries = await readdir(path, { recursive: true, withFileTypes: true }).catch(() => []);
  const sizes = await Promise.all(
    entries
      .filter((entry) => entry.isFile())
      .map(async (entry) => (await stat(join(entry.parentPath, entry.name)).catch(() => null))?.size ?? 0),
  );
  return sizes.reduce((sum, size) => sum + size, 0);
}
