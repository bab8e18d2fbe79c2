import { posix } from 'node:path';
import { badData, headOf } from '../../arrays/byte-stream.ts';
import type { NamedFile } from '../../arrays/byte-stream.ts';
import { looksLikeHdf5, openHdf5 } from '../../arrays/hdf5.ts';
import { looksLikeMat5, openMat5 } from '../../arrays/mat5.ts';
import type { MatEntry, MatValue } from '../../arrays/mat5.ts';
import type { AnyStored } from '../../arrays/stored.ts';
import type { ArraySource, DataFormat } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { readName } from './array-names.ts';
import { arraySource } from './array-set.ts';
import type { NamedArray } from './array-set.ts';
import { filesOfSet, hasPictures, requireOneSet, stemOf } from './file-set.ts';
import { folderOf, nameOfFolder, onDisk } from './tree-names.ts';

/** SVHN's cropped digits: `train_32x32.mat`, `test_32x32.mat`, `extra_32x32.mat`. */
const SVHN = /^(train|test|extra)_32x32\.mat$/i;
/** Files beside a set that name its classes, as CIFAR has them for MATLAB. */
const NAMES = /(^|[._-])meta\.mat$/i;

/**
 * MATLAB files with arrays of images and labels, version 5 (streamed) or 7.3 (HDF5, read in place): SVHN, CIFAR for MATLAB,
 * or any with `images`, `X` or `data` beside `labels`, `y` or `fine_labels`.
 */
export const mat: DataFormat = {
  name: 'mat',
  fits: async (tree) => Promise.resolve(filesOfSet(tree, '.mat').length > 0 && !hasPictures(tree)),
  open: openSet,
};

async function openSet(tree: FileTree): Promise<ArraySource> {
  const found = filesOfSet(tree, '.mat');
  const files = found.filter((file) => !NAMES.test(file));
  const [first] = files;
  if (first === undefined) throw badData(tree.root, 'holds no MAT-file with images and labels');
  requireOneSet(files, tree.root);
  const beside = tree.files
    .map(({ path }) => path)
    .filter((path) => NAMES.test(path) && folderOf(path) === folderOf(first));
  const closing: (() => void)[] = [];
  const close = (): Promise<void> => {
    for (const one of closing) one();
    return Promise.resolve();
  };
  try {
    const arrays: NamedArray[] = [];
    for (const file of [...files, ...beside]) {
      const { arrays: own, close: closeFile } = await openMat(await onDisk(tree, file));
      closing.push(closeFile);
      const { split } = readName(stemOf(file));
      for (const [key, array] of own) arrays.push({ key, group: file, split, array });
    }
    const svhn = files.every((file) => SVHN.test(posix.basename(file)));
    const alone = files.length === 1 && readName(stemOf(first)).split === null;
    return await arraySource(tree, arrays, {
      kind: 'mat',
      suggestedName: svhn ? 'SVHN' : alone ? stemOf(first) : nameOfFolder(tree, folderOf(first)),
      policy: { keepsNumbers: false, fromOne: true, tenIsZero: svhn },
      notes: files
        .filter((file) => svhn && /^extra/i.test(posix.basename(file)))
        .map((file) => `The images of ${file} are taken as training images.`),
      close,
    });
  } catch (cause) {
    await close();
    throw cause;
  }
}

async function openMat(
  file: NamedFile,
): Promise<{ readonly arrays: ReadonlyMap<string, AnyStored>; readonly close: () => void }> {
  const head = await headOf(file, 520);
  if (looksLikeHdf5(head)) return openHdf5(file);
  if (!looksLikeMat5(head)) {
    throw badData(
      file.name,
      "is no MAT-file of version 5 or 7.3, or is damaged. In MATLAB, save it with save(…, '-v7')",
    );
  }
  const entries = await openMat5(file);
  return { arrays: new Map(entries.map((entry) => [entry.name, storedOf(file.name, entry)])), close: () => undefined };
}

function storedOf(file: string, entry: MatEntry): AnyStored {
  const name = `${file}: ${entry.name}`;
  const { shape, type, stored, bigEndian } = entry;
  if (type !== null && stored !== null) {
    return {
      kind: 'numbers',
      name,
      shape,
      columnMajor: true,
      type,
      stored,
      bigEndian,
      bytes: (start) => entry.bytes(start),
    };
  }
  return { kind: 'texts', name, shape, texts: async () => textsOf(name, await entry.value()) };
}

function textsOf(name: string, value: MatValue | null): readonly string[] {
  if (value?.kind === 'text') return [value.text];
  if (value?.kind !== 'cells') throw badData(name, 'is no list of texts');
  return value.cells.map((cell) => (cell?.kind === 'text' ? cell.text : ''));
}
