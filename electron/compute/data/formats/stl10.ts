import { posix } from 'node:path';
import { badData, contentOf } from '../../arrays/byte-stream.ts';
import { imageBlocks } from '../../arrays/image-blocks.ts';
import { imageLayout } from '../../arrays/image-layout.ts';
import type { StoredArray } from '../../arrays/stored.ts';
import { NO_CLASS } from '../data-source.ts';
import type { ArrayBlock, ArraySource, DataFormat, DataItem } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { firstOfMostStrays, listStrays } from './stray-labels.ts';
import { folderOf, onDisk, pathIn } from './tree-names.ts';

/**
 * STL-10 (Coates, Ng and Lee 2011) in its binary layout: `train_X.bin` and `test_X.bin` have 96×96 images, plane by plane
 * and within them column by column; `train_y.bin` and `test_y.bin` labels from 1 to 10; `class_names.txt` their names.
 */
export const stl10: DataFormat = {
  name: 'stl10',
  fits: async (tree) => Promise.resolve(findFolder(tree) !== null),
  open: openStl10,
};

const SIDE = 96;
const IMAGE_BYTES = 3 * SIDE * SIDE;
const CLASSES = 10;
const IMAGES = /^(train|test)_X\.bin$/;
const CHOSEN = /^((train|test)_[Xy]|unlabeled_X)\.bin$/;

function findFolder({ files, chosen }: FileTree): string | null {
  if (chosen !== null) return CHOSEN.test(posix.basename(chosen)) ? folderOf(chosen) : null;
  const found = files.find(({ path }) => IMAGES.test(posix.basename(path)));
  return found ? folderOf(found.path) : null;
}

interface Part {
  readonly split: 'train' | 'test';
  readonly array: StoredArray;
  readonly labels: Uint8Array;
}

async function openStl10(tree: FileTree): Promise<ArraySource> {
  const folder = findFolder(tree);
  if (folder === null) throw badData(tree.root, 'holds no train_X.bin or test_X.bin of STL-10');
  const parts: Part[] = [];
  for (const split of ['train', 'test'] as const) {
    const path = pathIn(folder, `${split}_X.bin`);
    if (tree.files.some((file) => file.path === path)) parts.push(await openPart(tree, path, split));
  }
  if (parts.length === 0) throw badData(tree.root, 'holds no train_X.bin or test_X.bin of STL-10, which have labels');
  const given = parts.flatMap(({ labels }) => [...labels]);
  const items = parts.flatMap(({ array, labels, split }) =>
    Array.from(labels, (label, row): DataItem => {
      return { name: `${array.name}[${row}]`, label: isClass(label) ? label - 1 : NO_CLASS, split };
    }),
  );
  const unlabelled = pathIn(folder, 'unlabeled_X.bin');
  const left = tree.files.some((file) => file.path === unlabelled);
  return {
    kind: 'stl10',
    form: 'array',
    suggestedName: 'STL-10',
    shape: [SIDE, SIDE, 3],
    samples: 'u8',
    keepsClasses: true,
    classes: await classNames(tree, pathIn(folder, 'class_names.txt')),
    items,
    skipped: [
      ...tree.skipped,
      ...(left ? [{ file: unlabelled, reason: 'its images have no labels' }] : []),
      ...listStrays(items, (item) => given[item]),
    ],
    blocks: (from) => blocksOf(parts, from),
  };
}

const isClass = (label: number): boolean => label >= 1 && label <= CLASSES;

async function openPart(tree: FileTree, path: string, split: 'train' | 'test'): Promise<Part> {
  const size = tree.files.find((file) => file.path === path)?.bytes ?? 0;
  if (size === 0 || size % IMAGE_BYTES !== 0) {
    throw badData(
      path,
      `has ${size} bytes, which is no whole number of images of ${IMAGE_BYTES} bytes: it is cut short or another file. Download it again`,
    );
  }
  const images = size / IMAGE_BYTES;
  const labelFile = pathIn(folderOf(path), `${split}_y.bin`);
  if (!tree.files.some((file) => file.path === labelFile)) {
    throw badData(path, `has no partner: ${labelFile} with its labels is missing`);
  }
  const labels = await tree.read(labelFile);
  if (labels.length !== images) {
    throw badData(labelFile, `has ${labels.length} labels, but ${path} has ${images} images`);
  }
  const wrong = firstOfMostStrays(labels, isClass);
  if (wrong >= 0) {
    throw badData(labelFile, `has the label ${labels[wrong]} for image ${wrong}, where 1 to ${CLASSES} were expected`);
  }
  const file = await onDisk(tree, path);
  const array: StoredArray = {
    kind: 'numbers',
    name: path,
    // Rows vary fastest, then columns, then channels.
    shape: [SIDE, SIDE, 3, images],
    columnMajor: true,
    type: 'u8',
    stored: 'u8',
    bigEndian: false,
    bytes: (start) => contentOf(file, start),
  };
  return { split, array, labels };
}

async function* blocksOf(parts: readonly Part[], from: number): AsyncGenerator<ArrayBlock> {
  let base = 0;
  for (const { array, labels } of parts) {
    const layout = imageLayout(array, labels.length);
    for await (const { first, count, pixels } of imageBlocks(array, layout, Math.max(0, from - base))) {
      yield { first: base + first, count, pixels };
    }
    base += labels.length;
  }
}

async function classNames(tree: FileTree, path: string): Promise<string[]> {
  const text = tree.files.some((file) => file.path === path) ? new TextDecoder().decode(await tree.read(path)) : '';
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return Array.from({ length: CLASSES }, (_, label) => lines[label]?.trim() ?? String(label + 1));
}
