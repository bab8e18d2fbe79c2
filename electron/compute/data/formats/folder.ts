import type { SkippedFile } from '../../../../shared/domain/dataset.ts';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImportPlan } from '../../../../shared/domain/import-plan.ts';
import type { Split } from '../../../../shared/domain/shape.ts';
import type { DataFormat, EncodedSource } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { byName, encodedSource, imagesOf, isImageName, NO_IMAGE, noteOnCase } from './coded-images.ts';
import { splitNamed } from './split-names.ts';
import { nameOfFolder } from './tree-names.ts';

/**
 * One folder per class, or folders `train`, `val`, `test` with one folder per class each, as torchvision's ImageFolder
 * takes them. A single folder around all that is stepped into.
 */
export const folder: DataFormat = {
  name: 'folder',
  fits: async (tree) => tree.chosen === null && tree.files.some(({ path }) => isImageName(path)),
  open: openFolders,
};

interface Found {
  readonly path: string;
  readonly className: string;
  readonly split: Split | null;
}

async function openFolders(tree: FileTree, plan: ImportPlan): Promise<EncodedSource> {
  if (tree.chosen !== null) {
    throw new AppError(
      'invalid-input',
      `${tree.chosen} is a file where a folder is expected: choose the folder that holds one folder of images per class.`,
      { details: { file: tree.chosen, field: 'path' } },
    );
  }
  const images = imagesOf(tree, plan);
  const base = baseOf(images);
  const parts = images.map((path) => path.slice(base.length).split('/'));
  const isSplit = hasSplits(parts);
  const skipped: SkippedFile[] = tree.files.flatMap(({ path }) =>
    isImageName(path) ? [] : [{ file: path, reason: NO_IMAGE }],
  );
  const found: Found[] = [];
  images.forEach((path, at) => {
    const [first = '', second = '', third] = parts[at] ?? [];
    if (second === '') skipped.push({ file: path, reason: 'lies outside the class folders' });
    else if (!isSplit) found.push({ path, className: first, split: null });
    else if (splitNamed(first) === null)
      skipped.push({ file: path, reason: `lies in ${first}, which is none of the splits beside it` });
    else if (third === undefined)
      skipped.push({ file: path, reason: `lies in ${first}, but in no class folder there` });
    else found.push({ path, className: second, split: splitNamed(first) });
  });
  if (found.length === 0) throw noClasses(tree, images.length, skipped);
  const classes = [...new Set(found.map(({ className }) => className))].sort(byName);
  const labelOf = new Map(classes.map((name, label) => [name, label]));
  const items = found
    .map(({ path, className, split }) => ({ name: path, label: labelOf.get(className) ?? 0, split }))
    .sort((a, b) => a.label - b.label || byName(a.name, b.name));
  return encodedSource(tree, {
    kind: 'folder',
    suggestedName: nameOfFolder(tree, base.replace(/\/$/, '')),
    classes,
    items,
    skipped,
    notes: noteOnCase(classes),
  });
}

/** The folder, with a slash at its end, that the class or split folders lie in; empty for the root. */
function baseOf(images: readonly string[]): string {
  for (let base = ''; ;) {
    const parts = images.map((path) => path.slice(base.length).split('/'));
    const [top] = parts[0] ?? [];
    const isWrapped = parts.length > 0 && parts.every((one) => one[0] === top && one.length > 2);
    if (!isWrapped || top === undefined || hasSplits(parts)) return base;
    base += `${top}/`;
  }
}

/**
 * Whether the outermost folders are splits: all are named so and one at least has folders of classes, or two different
 * splits have, whatever lies beside them, such as masks.
 */
function hasSplits(parts: readonly (readonly string[])[]): boolean {
  const within = parts.filter((one) => one.length > 1);
  const withClasses = within.flatMap(([first = '', ...rest]) => (rest.length > 1 ? [splitNamed(first)] : []));
  const different = new Set(withClasses.filter((split) => split !== null));
  const isAll = within.every(([first = '']) => splitNamed(first) !== null);
  return different.size > 1 || (different.size === 1 && isAll);
}

function noClasses(tree: FileTree, images: number, skipped: readonly SkippedFile[]): AppError {
  const { root } = tree;
  if (images > 0) {
    return new AppError(
      'bad-data',
      `${root} has no subfolders with images. Put the images of each class into a folder of its own, named after the class.`,
      { details: { file: root } },
    );
  }
  const first = skipped[0] ?? tree.skipped[0];
  const example = first ? ` For example, ${first.file} ${first.reason}.` : '';
  return new AppError('bad-data', `${root} has no class folder with an image that can be read.${example}`, {
    details: { file: root, skipped: skipped.length },
  });
}
