import { posix } from 'node:path';
import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import { SPLITS, type Split } from '../../../../shared/domain/shape.ts';
import { badData } from '../../arrays/byte-stream.ts';
import { readMatVariables } from '../../arrays/mat5.ts';
import type { DataFormat, EncodedSource } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { encodedSource, imagesOf } from './coded-images.ts';
import { folderOf } from './tree-names.ts';

/** The 17 Flower Category Database (Nilsback & Zisserman 2006): 80 images of each class, in this order. */
const CLASSES = [
  'daffodil',
  'snowdrop',
  'lily of the valley',
  'bluebell',
  'crocus',
  'iris',
  'tigerlily',
  'tulip',
  'fritillary',
  'sunflower',
  'daisy',
  "colt's foot",
  'dandelion',
  'cowslip',
  'buttercup',
  'windflower',
  'pansy',
] as const;
const PER_CLASS = 80;
const IMAGE = /^image_(\d{4})\.jpe?g$/i;
const SPLITS_FILE = 'datasplits.mat';
const BESIDE = new Set(['files.txt', 'files.txt~', SPLITS_FILE, 'readme.txt']);
/** Variables of datasplits.mat: the first of three ways to divide the images, by their numbers. */
const VARIABLES: Readonly<Record<Split, string>> = { train: 'trn1', validation: 'val1', test: 'tst1' };

/** The 17 flowers as their authors lay them out, in a folder or `17flowers.tgz`; the class follows from the image's number. */
export const flowers17: DataFormat = {
  name: 'flowers17',
  // Sets with a folder per class, such as Caltech's, number the images of each in the same way.
  fits: async (tree) => tree.chosen === null && foldersOf(tree).length === 1,
  open: openFlowers,
};

async function openFlowers(tree: FileTree, plan: ImportPlan): Promise<EncodedSource> {
  const [folder, ...more] = foldersOf(tree);
  if (folder === undefined || more.length > 0) {
    throw notFlowers(tree, 'holds no folder with image_0001.jpg to image_1360.jpg, or several');
  }
  const skipped: SkippedFile[] = [];
  const images = new Set(imagesOf(tree, plan));
  const numbers = new Map<string, number>();
  for (const { path } of tree.files) {
    const name = posix.basename(path);
    const number = folderOf(path) === folder ? Number(IMAGE.exec(name)?.[1] ?? 0) : 0;
    if (number > CLASSES.length * PER_CLASS) {
      throw notFlowers(tree, `holds ${name}, but the 17 flowers end with image_1360.jpg: these may be the 102 flowers`);
    }
    if (number > 0) numbers.set(path, number);
    else if (!BESIDE.has(name.toLowerCase()) && (images.has(path) || plan.masks === null)) {
      skipped.push({ file: path, reason: 'is none of image_0001.jpg to image_1360.jpg' });
    }
  }
  const { splits, note } = await readSplits(tree);
  const items = [...numbers].map(([name, number]) => ({
    name,
    label: Math.floor((number - 1) / PER_CLASS),
    split: splits?.get(number) ?? null,
  }));
  return encodedSource(tree, {
    kind: 'flowers17',
    suggestedName: '17 Flowers',
    classes: CLASSES,
    keepsClasses: true,
    items,
    skipped,
    notes: note === null ? [] : [note],
  });
}

/** Folders that hold images numbered as the flowers are. */
function foldersOf(tree: FileTree): string[] {
  const found = new Set<string>();
  for (const { path } of tree.files) if (IMAGE.test(posix.basename(path))) found.add(folderOf(path));
  return [...found];
}

/** The first of the three divisions in datasplits.mat, if that file is there. @throws AppError `bad-data` if it is damaged. */
async function readSplits(
  tree: FileTree,
): Promise<{ readonly splits: ReadonlyMap<number, Split> | null; readonly note: string | null }> {
  const file = tree.files.find(({ path }) => posix.basename(path).toLowerCase() === SPLITS_FILE);
  if (!file) return { splits: null, note: null };
  const variables = readMatVariables(await tree.read(file.path), file.path);
  const splits = new Map<number, Split>();
  for (const split of SPLITS) {
    const value = variables.get(VARIABLES[split]);
    if (value?.kind !== 'numbers') {
      throw badData(
        file.path,
        `has no list of numbers ${VARIABLES[split]}. Take the file away, and the parts are drawn from the seed`,
      );
    }
    for (const number of value.values) {
      const before = splits.get(number);
      if (before !== undefined) throw badData(file.path, `puts image ${number} into ${before} and ${split} both`);
      splits.set(number, split);
    }
  }
  return { splits, note: `The parts are the first of the three divisions in ${SPLITS_FILE}.` };
}

function notFlowers(tree: FileTree, why: string): AppError {
  return new AppError('bad-data', `${tree.root} ${why}. Choose 17flowers.tgz or the folder that it unpacks to.`, {
    details: { file: tree.root },
  });
}
