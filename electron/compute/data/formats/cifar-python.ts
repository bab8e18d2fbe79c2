import { posix } from 'node:path';
import { badData, contentOf, headOf, takeBytes } from '../../arrays/byte-stream.ts';
import type { NamedFile } from '../../arrays/byte-stream.ts';
import { looksLikePickle, pickledText, readPickle } from '../../arrays/pickle.ts';
import type { PickledArray } from '../../arrays/pickle.ts';
import { imageBlocks } from '../../arrays/image-blocks.ts';
import { imageLayout } from '../../arrays/image-layout.ts';
import { shapeSize } from '../../arrays/npy.ts';
import type { StoredArray } from '../../arrays/stored.ts';
import { NO_CLASS } from '../data-source.ts';
import type { ArrayBlock, ArraySource, DataFormat, DataItem } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { findBatches } from './batches.ts';
import { firstOfMostStrays, listStrays } from './stray-labels.ts';
import { onDisk, pathIn } from './tree-names.ts';

interface PythonKind {
  readonly name: string;
  readonly file: RegExp;
  readonly labels: string;
  readonly meta: string;
  readonly names: string;
  readonly classes: number;
}

const KINDS: readonly PythonKind[] = [
  {
    name: 'CIFAR-10',
    file: /^(data_batch_\d+|test_batch)$/,
    labels: 'labels',
    meta: 'batches.meta',
    names: 'label_names',
    classes: 10,
  },
  {
    name: 'CIFAR-100',
    file: /^(train|test)$/,
    labels: 'fine_labels',
    meta: 'meta',
    names: 'fine_label_names',
    classes: 100,
  },
];

/** A batch has 10,000 to 50,000 images; what is much larger is none. */
const BATCH_BYTES = 512 * 2 ** 20;

/**
 * CIFAR-10 or CIFAR-100 (fine classes) as pickles of Python: `data_batch_1` to `data_batch_5` and `test_batch`, or `train`
 * and `test`. They are read without executing anything. One
 * batch at a time is in memory while labels are read; pixels are read where they lie in the file.
 */
export const cifarPython: DataFormat = {
  name: 'cifar-python',
  async fits(tree) {
    const found = findBatches(tree, KINDS);
    const [first] = found?.batches ?? [];
    return first !== undefined && looksLikePickle(await headOf(await onDisk(tree, first), 2));
  },
  open: openBatches,
};

interface Batch {
  readonly path: string;
  readonly labels: readonly number[];
  /** Where its pixels lie in the file; null where they are coded in a way that they have to be unpickled from. */
  readonly place: { readonly file: NamedFile; readonly offset: number; readonly data: PickledArray } | null;
}

async function openBatches(tree: FileTree): Promise<ArraySource> {
  const found = findBatches(tree, KINDS);
  if (!found) {
    throw badData(
      tree.root,
      'holds no batches of CIFAR for Python. Choose the folder or archive of data_batch_1 and test_batch (CIFAR-10), or of train and test (CIFAR-100)',
    );
  }
  const { kind, folder } = found;
  const batches: Batch[] = [];
  for (const path of found.batches) batches.push(await locateBatch(tree, path, kind));
  const given = batches.flatMap(({ labels }) => labels);
  const items = batches.flatMap(({ path, labels }) => {
    const split = /^test/.test(posix.basename(path)) ? 'test' : 'train';
    return labels.map((label, row): DataItem => {
      return { name: `${path}[${row}]`, label: isClass(label, kind) ? label : NO_CLASS, split };
    });
  });
  return {
    kind: 'cifar-python',
    form: 'array',
    suggestedName: kind.name,
    shape: [32, 32, 3],
    samples: 'u8',
    keepsClasses: true,
    classes: await classNames(tree, folder, kind),
    items,
    skipped: [...tree.skipped, ...listStrays(items, (item) => given[item])],
    blocks: (from) => blocksOf(tree, batches, kind, from),
  };
}

function isClass(label: number, { classes }: PythonKind): boolean {
  return Number.isInteger(label) && label >= 0 && label < classes;
}

async function locateBatch(tree: FileTree, path: string, kind: PythonKind): Promise<Batch> {
  const { labels, data, whole } = await readBatch(tree, path, kind);
  const within = data.bytes.buffer === whole.buffer;
  const offset = data.bytes.byteOffset - whole.byteOffset;
  // Of the array only its description is kept.
  const described = { ...data, bytes: new Uint8Array(0) };
  return { path, labels, place: within ? { file: await onDisk(tree, path), offset, data: described } : null };
}

async function readBatch(
  tree: FileTree,
  path: string,
  kind: PythonKind,
): Promise<{ readonly labels: readonly number[]; readonly data: PickledArray; readonly whole: Uint8Array }> {
  const whole = await readFile(tree, path);
  const batch = mapOf(whole, path);
  const data = batch.get('data');
  const labels = batch.get(kind.labels);
  if (!isArray(data) || !Array.isArray(labels)) {
    const keys = [...batch.keys()].join(', ');
    throw badData(path, `has no array "data" with a list "${kind.labels}" (it has ${keys || 'nothing'})`);
  }
  const [images = 0, pixels = 0] = data.shape;
  if (data.type !== 'u8' || pixels !== 3072 || data.shape.length !== 2 || data.bytes.length !== shapeSize(data.shape)) {
    throw badData(path, `has data of shape [${data.shape.join(', ')}], where [images, 3072] of bytes was expected`);
  }
  if (labels.length !== images) throw badData(path, `has ${images} images, but ${labels.length} labels`);
  const wrong = firstOfMostStrays(labels as number[], (label) => isClass(label, kind));
  if (wrong >= 0) {
    throw badData(
      path,
      `has the label ${String(labels[wrong])} for image ${wrong}, where 0 to ${kind.classes - 1} were expected`,
    );
  }
  return { labels: labels as number[], data, whole };
}

function storedOf(
  name: string,
  { shape, columnMajor }: PickledArray,
  bytes: (start: number) => AsyncIterable<Uint8Array>,
): StoredArray {
  return { kind: 'numbers', name, shape, columnMajor, type: 'u8', stored: 'u8', bigEndian: false, bytes };
}

/** The pixels of a batch: read where they lie, or unpickled. */
async function pixelsOf(tree: FileTree, { path, place }: Batch, kind: PythonKind): Promise<StoredArray> {
  if (place) {
    const { file, offset, data } = place;
    const length = shapeSize(data.shape);
    return storedOf(path, data, (start) => takeBytes(contentOf(file, offset + start), length - start));
  }
  const { data } = await readBatch(tree, path, kind);
  return storedOf(path, data, async function* (start) {
    yield await Promise.resolve(data.bytes.subarray(start));
  });
}

/** A pickled dictionary by the text of its keys. */
function mapOf(bytes: Uint8Array, path: string): ReadonlyMap<string, unknown> {
  const value = readPickle(bytes, path);
  if (!(value instanceof Map)) throw badData(path, 'holds no dictionary, as batches of CIFAR do');
  return new Map([...value].map(([key, item]) => [pickledText(key) ?? '', item as unknown]));
}

async function readFile(tree: FileTree, path: string): Promise<Uint8Array> {
  const size = tree.files.find((file) => file.path === path)?.bytes ?? 0;
  if (size > BATCH_BYTES) throw badData(path, `has ${size} bytes, far more than a batch of CIFAR`);
  return tree.read(path);
}

async function* blocksOf(
  tree: FileTree,
  batches: readonly Batch[],
  kind: PythonKind,
  from: number,
): AsyncGenerator<ArrayBlock> {
  let base = 0;
  for (const batch of batches) {
    const { labels } = batch;
    const start = Math.max(0, from - base);
    if (start < labels.length) {
      const array = await pixelsOf(tree, batch, kind);
      for await (const { first, count, pixels } of imageBlocks(array, imageLayout(array, labels.length), start)) {
        yield { first: base + first, count, pixels };
      }
    }
    base += labels.length;
  }
}

/** Names of the pickle beside the batches; numbers where it is missing. */
async function classNames(tree: FileTree, folder: string, kind: PythonKind): Promise<string[]> {
  const path = pathIn(folder, kind.meta);
  const listed = tree.files.some((file) => file.path === path)
    ? mapOf(await readFile(tree, path), path).get(kind.names)
    : null;
  const names: readonly unknown[] = Array.isArray(listed) ? listed : [];
  return Array.from({ length: kind.classes }, (_, label) => pickledText(names[label]) ?? String(label));
}

function isArray(value: unknown): value is PickledArray {
  return typeof value === 'object' && value !== null && 'kind' in value && value.kind === 'array' && 'bytes' in value;
}
