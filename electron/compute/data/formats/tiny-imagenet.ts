import { posix } from 'node:path';
import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import { badData } from '../../arrays/byte-stream.ts';
import type { DataFormat, DataItem, EncodedSource, ItemColumns } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { encodedSource, imagesOf } from './coded-images.ts';
import { folderOf, pathIn } from './tree-names.ts';

const CLASSES_FILE = 'wnids.txt';
const WORDS_FILE = 'words.txt';
const ANNOTATIONS = 'val/val_annotations.txt';

/**
 * Tiny ImageNet (Stanford CS231n): `train/<wnid>/images/*`, `val/images/*` with `val_annotations.txt`, `wnids.txt` and
 * `words.txt`. Images of the test part have no classes and are left out. Boxes are kept as columns.
 */
export const tinyImagenet: DataFormat = {
  name: 'tiny-imagenet',
  fits: async (tree) => tree.chosen === null && baseOf(tree) !== null,
  open: openTiny,
};

async function openTiny(tree: FileTree, plan: ImportPlan): Promise<EncodedSource> {
  const base = baseOf(tree);
  if (base === null) {
    throw badData(
      tree.root,
      'holds no wnids.txt beside train/<class>/images. Choose tiny-imagenet-200.zip or the folder that it unpacks to',
    );
  }
  const paths = new Set(tree.files.map(({ path }) => path));
  const ids = (await linesOf(tree, pathIn(base, CLASSES_FILE))).map((line) => line.trim());
  if (ids.length === 0) throw badData(pathIn(base, CLASSES_FILE), 'names no class. Download the set again');
  const labels = new Map(ids.map((id, label) => [id, label]));
  const words = paths.has(pathIn(base, WORDS_FILE)) ? await tableOf(tree, pathIn(base, WORDS_FILE)) : [];
  const meaning = new Map(words.map(([id = '', text = '']) => [id, text]));
  const val = paths.has(pathIn(base, ANNOTATIONS)) ? await tableOf(tree, pathIn(base, ANNOTATIONS)) : [];
  const annotations = new Map(val.map(([file = '', ...rest]) => [file, rest]));
  const boxes = await trainBoxes(tree, base, ids, paths);

  const items: DataItem[] = [];
  const skipped: SkippedFile[] = [];
  let unlabelled = 0;
  for (const path of imagesOf(tree, plan)) {
    const [part = '', id = '', ...rest] = (base === '' ? path : path.slice(base.length + 1)).split('/');
    const file = posix.basename(path);
    if (part === 'test') unlabelled += 1;
    else if (part === 'train' && rest.length > 0) {
      const label = labels.get(id);
      if (label === undefined) skipped.push({ file: path, reason: `is of ${id}, a class that ${CLASSES_FILE} lacks` });
      else items.push({ name: path, label, split: 'train', columns: columnsOf(id, boxes.get(file)) });
    } else if (part === 'val') {
      const [wnid, ...box] = annotations.get(file) ?? [];
      const label = wnid === undefined ? undefined : labels.get(wnid);
      if (wnid !== undefined && label !== undefined) {
        items.push({ name: path, label, split: 'validation', columns: columnsOf(wnid, box) });
      } else {
        const why =
          wnid === undefined ? `is not in ${ANNOTATIONS}` : `is of ${wnid}, a class that ${CLASSES_FILE} lacks`;
        skipped.push({ file: path, reason: why });
      }
    } else skipped.push({ file: path, reason: 'lies outside train, val and test' });
  }
  for (const file of annotations.keys()) {
    const path = pathIn(base, `val/images/${file}`);
    if (!paths.has(path)) skipped.push({ file: path, reason: `is in ${ANNOTATIONS}, but not there` });
  }
  if (unlabelled > 0) {
    const reason = `holds ${unlabelled.toLocaleString('en')} images whose classes were never published`;
    skipped.push({ file: pathIn(base, 'test'), reason });
  }
  return encodedSource(tree, {
    kind: 'tiny-imagenet',
    suggestedName: 'Tiny ImageNet',
    classes: classNames(ids, meaning),
    keepsClasses: true,
    items: items.sort((a, b) => a.label - b.label),
    skipped,
  });
}

/** The folder of wnids.txt, if `train` with images lies beside it. */
function baseOf(tree: FileTree): string | null {
  for (const { path } of tree.files) {
    if (posix.basename(path) !== CLASSES_FILE) continue;
    const base = folderOf(path);
    const start = pathIn(base, 'train/');
    if (tree.files.some((file) => file.path.startsWith(start) && file.path.includes('/images/'))) return base;
  }
  return null;
}

async function linesOf(tree: FileTree, path: string): Promise<string[]> {
  const text = Buffer.from(await tree.read(path)).toString('utf8');
  return text.split(/\r?\n/).filter((line) => line.trim() !== '');
}

async function tableOf(tree: FileTree, path: string): Promise<string[][]> {
  return (await linesOf(tree, path)).map((line) => line.split('\t').map((cell) => cell.trim()));
}

async function trainBoxes(
  tree: FileTree,
  base: string,
  ids: readonly string[],
  paths: ReadonlySet<string>,
): Promise<ReadonlyMap<string, readonly string[]>> {
  const boxes = new Map<string, readonly string[]>();
  for (const id of ids) {
    const path = pathIn(base, `train/${id}/${id}_boxes.txt`);
    if (!paths.has(path)) continue;
    for (const [file = '', ...box] of await tableOf(tree, path)) boxes.set(file, box);
  }
  return boxes;
}

function columnsOf(wnid: string, box: readonly string[] = []): ItemColumns {
  const [x0, y0, x1, y1] = box.map(Number);
  if (x0 === undefined || y0 === undefined || x1 === undefined || y1 === undefined) return { wnid };
  return { wnid, x0, y0, x1, y1 };
}

/** The first word of each class, with its number in WordNet where words are missing or shared. */
function classNames(ids: readonly string[], meaning: ReadonlyMap<string, string>): string[] {
  const first = ids.map((id) => meaning.get(id)?.split(',')[0]?.trim() || id);
  return first.map((name, at) => (first.indexOf(name) === first.lastIndexOf(name) ? name : `${name} (${ids[at]})`));
}
