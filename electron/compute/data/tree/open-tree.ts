import { statSync } from 'node:fs';
import { basename, dirname, join, resolve } from 'node:path';
import { AppError } from '../../../../shared/domain/errors.ts';
import { archiveKind } from './archive-kind.ts';
import { openArchive, statOf } from './archive-tree.ts';
import { openFolder } from './folder-tree.ts';
import type { TreeOptions } from './limits.ts';
import type { FileTree } from './tree.ts';

/** Files that name others, which may lie in folders below them. */
const NAMES_OTHERS = /\.(csv|tsv|json|jsonl|ndjson)$/i;

/**
 * The files of a folder, of an archive (zip, tar, tar.gz, tar.xz, tar.zst; told by its content), or those beside a file.
 * A tar that is compressed is unpacked into the scratch folder once, with progress.
 * A folder with nothing but one archive is taken for that archive.
 * @param options `only`: names within the folder; a single one that is an archive is opened as if it had been chosen.
 * @throws AppError `not-found`, `io`, `unsupported`, `library-full`, `cancelled`, or `bad-data` for an archive of which
 *   nothing can be had or that is a bomb.
 */
export async function openTree(path: string, options: TreeOptions): Promise<FileTree> {
  const full = resolve(path);
  const found = statOf(full);
  if (found.isDirectory()) {
    const [single, ...more] = options.only ?? [];
    if (single !== undefined && more.length === 0) {
      const below = join(full, single);
      const is = statSync(below, { throwIfNoEntry: false });
      if (is?.isFile() && dirname(below) === full && (await archiveKind(below)) !== null) {
        return openTree(below, { ...options, only: undefined });
      }
    }
    const tree = await openFolder(full, options);
    const [file, ...others] = tree.files;
    return (file && others.length === 0 && (await tree.openInner?.(file.path))) || tree;
  }
  if (!found.isFile()) {
    throw new AppError('bad-data', `${full} is neither a folder nor a file. Choose one of these.`, {
      details: { file: full },
    });
  }
  return (await openArchive(full, options)) ?? openFolder(dirname(full), asChosen(basename(full), options));
}

function asChosen(
  chosen: string,
  options: TreeOptions,
): TreeOptions & { readonly chosen: string; readonly deep: boolean } {
  return { ...options, only: undefined, chosen, deep: NAMES_OTHERS.test(chosen) };
}
