import { posix } from 'node:path';
import { badData } from '../../arrays/byte-stream.ts';
import { openNpy } from '../../arrays/npz-stream.ts';
import type { ArraySource, DataFormat } from '../data-source.ts';
import type { FileTree, TreeFile } from '../tree/tree.ts';
import { CLASS_NAMES, IMAGE_NAMES, LABEL_NAMES, readName } from './array-names.ts';
import { arraySource, hasImages } from './array-set.ts';
import type { NamedArray } from './array-set.ts';
import { hasPictures, stemOf } from './file-set.ts';
import { folderOf, nameOfFolder, onDisk } from './tree-names.ts';

/**
 * NumPy files of images and of labels side by side: `images.npy` and `labels.npy`, `x_train.npy`, `y_train.npy` and the
 * like, or folders `train` and `test` of such. Any one of them stands for all.
 */
export const npy: DataFormat = {
  name: 'npy',
  async fits(tree) {
    if (tree.chosen !== null) return Promise.resolve(tree.chosen.toLowerCase().endsWith('.npy'));
    return Promise.resolve(hasImages(filesOf(tree).map(({ path }) => stemOf(path))) && !hasPictures(tree));
  },
  open: openSet,
};

async function openSet(tree: FileTree): Promise<ArraySource> {
  const arrays: NamedArray[] = [];
  for (const { path: file, bytes } of filesOf(tree)) {
    const folder = folderOf(file);
    const part = readName(posix.basename(folder));
    const ofPart = part.split !== null && part.stem === '';
    arrays.push({
      key: stemOf(file),
      group: ofPart ? folderOf(folder) : folder,
      split: ofPart ? part.split : null,
      array: await openNpy(await onDisk(tree, file), bytes),
    });
  }
  const groups = [...new Set(arrays.map(({ group }) => group))];
  if (groups.length > 1) {
    throw badData(tree.root, `holds several data sets (${groups.join(', ')}). Choose a file of the one that you want`);
  }
  return arraySource(tree, arrays, {
    kind: 'npy',
    suggestedName: nameOfFolder(tree, groups[0] ?? ''),
    policy: { keepsNumbers: true, fromOne: false, tenIsZero: false },
  });
}

const ROLES = new Set([...IMAGE_NAMES, ...LABEL_NAMES, ...CLASS_NAMES]);

function filesOf({ files, chosen }: FileTree): TreeFile[] {
  return files
    .filter(({ path }) => path.toLowerCase().endsWith('.npy') && ROLES.has(readName(stemOf(path)).stem))
    .filter(({ path }) => chosen === null || folderOf(path) === folderOf(chosen));
}
