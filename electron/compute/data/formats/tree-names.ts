import { posix } from 'node:path';
import type { NamedFile } from '../../arrays/byte-stream.ts';
import type { FileTree } from '../tree/tree.ts';

const ARCHIVE = /\.(zip|tar|tgz|tar\.(gz|xz|zst)|txz|tzst)$/i;

/** The folder of a path within a tree; the empty string for the root. */
export function folderOf(path: string): string {
  const folder = posix.dirname(path);
  return folder === '.' ? '' : folder;
}

/** A name for what lies in a folder of the tree: that folder's, or that of the tree's root without the suffix of an archive. */
export function nameOfFolder(tree: FileTree, folder: string): string {
  if (folder !== '') return posix.basename(folder);
  const root = tree.root.split(/[\\/]/).pop() ?? '';
  return root.replace(ARCHIVE, '') || root;
}

/** A file of the tree as one on disk, called by its path within the tree. */
export async function onDisk(tree: FileTree, path: string): Promise<NamedFile> {
  return { path: await tree.onDisk(path), name: path };
}

/** Path of a file in a folder of the tree. */
export function pathIn(folder: string, name: string): string {
  return folder === '' ? name : `${folder}/${name}`;
}

/** Paths of the tree by folder, folders in the order of their first file. */
export function byFolder(paths: readonly string[]): ReadonlyMap<string, readonly string[]> {
  const folders = new Map<string, string[]>();
  for (const path of paths) {
    const folder = folderOf(path);
    const list = folders.get(folder);
    if (list) list.push(path);
    else folders.set(folder, [path]);
  }
  return folders;
}
