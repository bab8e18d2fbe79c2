import type { AppError } from '../../../../shared/domain/errors.ts';
import type { DatasetFormat } from '../../../../shared/domain/dataset-format.ts';
import { SPLITS } from '../../../../shared/domain/shape.ts';
import type { ImageShape, Split } from '../../../../shared/domain/shape.ts';
import { badData } from '../../arrays/byte-stream.ts';
import { imageBlocks, samplesOf } from '../../arrays/image-blocks.ts';
import type { Samples } from '../../arrays/image-blocks.ts';
import { imageLayout } from '../../arrays/image-layout.ts';
import type { ImageLayout } from '../../arrays/image-layout.ts';
import { readNumbers } from '../../arrays/stored.ts';
import type { AnyStored, StoredArray } from '../../arrays/stored.ts';
import type { ArrayBlock, ArraySource, DataItem } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { classify, readLabels } from './array-labels.ts';
import type { LabelPolicy, RawLabels } from './array-labels.ts';
import { listStrays } from './stray-labels.ts';
import { CLASS_NAMES, IMAGE_NAMES, LABEL_NAMES, bySplit, readName } from './array-names.ts';

/** One array, by its own name and the part that its file or folder belongs to. */
export interface NamedArray {
  /** `x_train`, `X`. */
  readonly key: string;
  /** Arrays of one group belong together: those of a file, or the files of a folder. */
  readonly group: string;
  /** The part that the file or the folder belongs to, if its name says so. */
  readonly split: Split | null;
  readonly array: AnyStored;
}

export interface ArraySet {
  readonly kind: DatasetFormat;
  readonly suggestedName: string;
  readonly policy: LabelPolicy;
  /** Names of the classes that stand elsewhere. */
  readonly classNames?: readonly string[] | null;
  /** The number of classes, if it is known otherwise. */
  readonly classCount?: number | null;
  readonly notes?: readonly string[];
  readonly close?: () => Promise<void>;
}

interface Part {
  readonly split: Split | null;
  readonly key: string;
  readonly array: StoredArray;
  readonly layout: ImageLayout;
  readonly samples: Samples;
  readonly labels: RawLabels;
  /** The part of each image, where an array tells. */
  readonly splits: readonly (Split | null)[] | null;
}

/**
 * Images and labels among the arrays of some files, as a source. Images and labels are found by their names, of which
 * those of one group and one part belong together.
 * @throws AppError `bad-data` that names the array and says what was expected.
 */
export async function arraySource(tree: FileTree, arrays: readonly NamedArray[], set: ArraySet): Promise<ArraySource> {
  const parts: Part[] = [];
  for (const group of groupsOf(arrays)) parts.push(await openPart(group));
  const [first] = parts;
  if (!first) throw noImages(tree.root, arrays);
  const shape = sameShape(parts, first);
  const several = parts.length > 1;
  const adversarial = parts.some(({ key }) => key === 'adversarial');
  const names = set.classNames ?? (await namesAmong(arrays));
  const { classes, labels, notes, keepsClasses } = classify(
    parts.map((part) => part.labels),
    { ...set.policy, keepsNumbers: set.policy.keepsNumbers && (adversarial || names !== null) },
    { names, count: set.classCount ?? null, file: first.array.name },
  );
  const split = (part: Part): Split | null => (several ? part.split : adversarial ? 'test' : null);
  const given = parts.flatMap((part) => [...part.labels.values]);
  const items = parts.flatMap((part, at) =>
    (labels[at] ?? []).map((label, row): DataItem => {
      const name = `${several ? part.array.name : part.key}[${row}]`;
      return { name, label, split: part.splits ? (part.splits[row] ?? null) : split(part) };
    }),
  );
  return {
    kind: set.kind,
    form: 'array',
    suggestedName: set.suggestedName,
    classes,
    ...(keepsClasses ? { keepsClasses } : {}),
    items,
    skipped: [...tree.skipped, ...listStrays(items, (item) => given[item])],
    notes: [
      ...parts.flatMap(({ layout }) => layout.note ?? []),
      ...parts.flatMap((part) => part.labels.note ?? []),
      ...notes,
    ],
    shape,
    samples: first.samples,
    blocks: (from) => blocksOf(parts, from),
    ...(set.close ? { close: set.close } : {}),
  };
}

/** Whether there are images among arrays of these names. */
export function hasImages(keys: readonly string[]): boolean {
  return keys.some((key) => IMAGE_NAMES.includes(readName(key).stem));
}

interface Group {
  readonly split: Split | null;
  readonly images: NamedArray;
  readonly labels: NamedArray;
  readonly splits: NamedArray | undefined;
}

function groupsOf(arrays: readonly NamedArray[]): Group[] {
  const byGroup = new Map<string, { split: Split | null; arrays: NamedArray[] }>();
  for (const named of arrays) {
    const split = readName(named.key).split ?? named.split;
    const id = `${split ?? ''}\n${named.group}`;
    const found = byGroup.get(id);
    if (found) found.arrays.push(named);
    else byGroup.set(id, { split, arrays: [named] });
  }
  const groups = [...byGroup.values()].flatMap(({ split, arrays: own }): Group[] => {
    const images = pick(own, IMAGE_NAMES);
    if (!images) return [];
    const labels = pick(own, LABEL_NAMES);
    if (!labels) {
      const others = own.map(({ key }) => `"${key}"`).join(', ');
      throw badData(
        images.array.name,
        `has no array "labels" or "y" beside it (there are ${others}). Without labels nothing can be learnt`,
      );
    }
    return [{ split, images, labels, splits: pick(own, ['splits']) }];
  });
  return groups.sort((a, b) => bySplit(a.split, b.split));
}

function pick(arrays: readonly NamedArray[], names: readonly string[]): NamedArray | undefined {
  for (const name of names) {
    const found = arrays.find(({ key }) => readName(key).stem === name);
    if (found) return found;
  }
  return undefined;
}

async function openPart({ split, images, labels, splits }: Group): Promise<Part> {
  const array = numbersOf(images.array);
  if (labels.array.kind === 'refused') throw labels.array.error;
  const read = await readLabels(labels.array, array.shape);
  const layout = imageLayout(array, read.values.length);
  const own = splits?.array.kind === 'numbers' ? await splitsOf(splits.array, layout.images) : null;
  return { split, key: images.key, array, layout, samples: samplesOf(array, layout), labels: read, splits: own };
}

/** Parts by their number: 0, 1 and 2 for training, validation and test, as exports of this program have them. */
async function splitsOf(array: StoredArray, images: number): Promise<readonly (Split | null)[]> {
  const numbers = await readNumbers(array);
  if (numbers.length !== images) {
    throw badData(array.name, `has ${numbers.length} numbers of parts for ${images} images`);
  }
  return numbers.map((number) => SPLITS[number] ?? null);
}

function numbersOf(array: AnyStored): StoredArray {
  if (array.kind === 'refused') throw array.error;
  if (array.kind === 'texts') throw badData(array.name, 'holds text where pixels were expected');
  return array;
}

function sameShape(parts: readonly Part[], first: Part): ImageShape {
  const odd = parts.find(
    (part) => part.layout.shape.join() !== first.layout.shape.join() || part.samples !== first.samples,
  );
  if (odd) {
    const text = ({ layout, array }: Part): string => `${layout.shape.join('×')} (${array.type})`;
    throw badData(
      odd.array.name,
      `holds images of ${text(odd)}, but ${first.array.name} holds ${text(first)}. The parts of one set must agree`,
    );
  }
  return first.layout.shape;
}

async function namesAmong(arrays: readonly NamedArray[]): Promise<readonly string[] | null> {
  for (const name of CLASS_NAMES) {
    const found = arrays.find(({ key, array }) => key.toLowerCase() === name && array.kind === 'texts');
    if (found?.array.kind === 'texts') return found.array.texts();
  }
  return null;
}

async function* blocksOf(parts: readonly Part[], from: number): AsyncGenerator<ArrayBlock> {
  let base = 0;
  for (const { array, layout } of parts) {
    const start = Math.max(0, from - base);
    for await (const { first, count, pixels } of imageBlocks(array, layout, start)) {
      yield { first: base + first, count, pixels };
    }
    base += layout.images;
  }
}

function noImages(root: string, arrays: readonly NamedArray[]): AppError {
  const keys = arrays.map(({ key }) => key).join(', ');
  return badData(
    root,
    `has no array "images", "x" or "adversarial" (it has ${keys || 'none'}). Name the arrays of images and labels "images" and "labels", or "x_train", "y_train", "x_test" and "y_test"`,
  );
}
