import { posix } from 'node:path';
import type { FileTree } from '../tree/tree.ts';
import { byFolder, folderOf } from './tree-names.ts';

/** The files of a set that is known by their names. */
export interface Batches<Kind> {
  readonly kind: Kind;
  readonly folder: string;
  /** Paths, by name and number. */
  readonly batches: readonly string[];
}

/** The first folder, or that of the chosen file, with files that are named as those of one of the kinds. */
export function findBatches<Kind extends { readonly file: RegExp }>(
  { files, chosen }: FileTree,
  kinds: readonly Kind[],
): Batches<Kind> | null {
  if (chosen !== null && !kinds.some(({ file }) => file.test(posix.basename(chosen)))) return null;
  for (const [folder, own] of byFolder(files.map(({ path }) => path))) {
    if (chosen !== null && folder !== folderOf(chosen)) continue;
    for (const kind of kinds) {
      const batches = own.filter((path) => kind.file.test(posix.basename(path)));
      batches.sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
      if (batches.length > 0) return { kind, folder, batches };
    }
  }
  return null;
}
