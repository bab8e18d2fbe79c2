import { posix } from 'node:path';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { FileTree } from '../tree/tree.ts';
import { readName } from './array-names.ts';
import { byFolder, folderOf } from './tree-names.ts';

const PICTURE = /\.(png|jpe?g|webp|bmp|tiff?|gif)$/i;

/**
 * The files of one suffix that make up a set of arrays: the chosen file with those that differ in the name of their part
 * only (`train_32x32.mat`, `test_32x32.mat`), or those of the tree if they lie in one folder; else none.
 */
export function filesOfSet(tree: FileTree, suffix: string): readonly string[] {
  const all = tree.files.map(({ path }) => path).filter((path) => path.toLowerCase().endsWith(suffix));
  const { chosen } = tree;
  if (chosen !== null) {
    if (!chosen.toLowerCase().endsWith(suffix)) return [];
    if (readName(stemOf(chosen)).split === null) return [chosen];
    return all.filter((path) => setOf(path) === setOf(chosen) && readName(stemOf(path)).split !== null);
  }
  const [folder = []] = [...byFolder(all).values()];
  return folder.length === all.length ? folder : [];
}

/** Whether there are pictures in the folder that was chosen, beside which arrays are something else. */
export function hasPictures(tree: FileTree): boolean {
  return tree.chosen === null && tree.files.some(({ path }) => PICTURE.test(path));
}

/** @throws AppError `invalid-input` if files of a folder belong to several sets. */
export function requireOneSet(files: readonly string[], root: string): void {
  if (new Set(files.map(setOf)).size <= 1) return;
  const listed = files.slice(0, 12).map((file) => posix.basename(file));
  throw new AppError(
    'invalid-input',
    `${root} holds several data sets (${listed.join(', ')}). Choose the file that you want.`,
  );
}

/** The name of a file without its folder and suffix. */
export function stemOf(path: string): string {
  return posix.basename(path, posix.extname(path));
}

function setOf(path: string): string {
  return `${folderOf(path)}/${readName(stemOf(path)).stem}`;
}
