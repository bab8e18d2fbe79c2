import { posix } from 'node:path';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImageShape, Split } from '../../../../shared/domain/shape.ts';
import { badData, contentOf } from '../../arrays/byte-stream.ts';
import type { NamedFile } from '../../arrays/byte-stream.ts';
import { cutRecords } from '../../arrays/records.ts';
import type { RecordBlock } from '../../arrays/records.ts';
import { NO_CLASS } from '../data-source.ts';
import type { ArrayBlock, ArraySource, DataFormat, DataItem } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { findBatches } from './batches.ts';
import { firstOfMostStrays, listStrays } from './stray-labels.ts';
import { onDisk, pathIn } from './tree-names.ts';

const SIDE = 32;
const PLANE = SIDE * SIDE;
const PIXELS = 3 * PLANE;
const SHAPE: ImageShape = [SIDE, SIDE, 3];

/**
 * CIFAR in its binary layout (Krizhevsky 2009): records of label bytes, the last of which is the class, and 3,072 bytes
 * of pixels, plane by plane.
 */
interface CifarKind {
  readonly name: string;
  readonly file: RegExp;
  readonly names: string;
  readonly classes: number;
  readonly labelBytes: number;
}

const KINDS: readonly CifarKind[] = [
  {
    name: 'CIFAR-10',
    file: /^(data_batch_\d+|test_batch)\.bin$/,
    names: 'batches.meta.txt',
    classes: 10,
    labelBytes: 1,
  },
  { name: 'CIFAR-100', file: /^(train|test)\.bin$/, names: 'fine_label_names.txt', classes: 100, labelBytes: 2 },
];

interface Batch {
  readonly file: NamedFile;
  readonly split: Split;
  readonly labels: Uint8Array;
}

/**
 * CIFAR-10 or CIFAR-100 (fine classes) from whichever batches are there; `test_batch.bin` or `test.bin` is the test part.
 */
export const cifar: DataFormat = {
  name: 'cifar',
  fits: async (tree) => Promise.resolve(findBatches(tree, KINDS) !== null),
  open: openCifar,
};

async function openCifar(tree: FileTree): Promise<ArraySource> {
  const found = findBatches(tree, KINDS);
  if (!found) {
    throw badData(
      tree.root,
      'holds no batches of CIFAR in binary layout. Choose the folder or archive of data_batch_1.bin and test_batch.bin (CIFAR-10), or of train.bin and test.bin (CIFAR-100)',
    );
  }
  const { kind, folder } = found;
  const batches: Batch[] = [];
  for (const path of found.batches) batches.push(await readLabels(tree, path, kind));
  const given = batches.flatMap(({ labels }) => [...labels]);
  const items = batches.flatMap(({ file, labels, split }) =>
    Array.from(labels, (label, row): DataItem => {
      return { name: `${file.name}[${row}]`, label: label < kind.classes ? label : NO_CLASS, split };
    }),
  );
  return {
    kind: 'cifar',
    form: 'array',
    suggestedName: kind.name,
    shape: SHAPE,
    samples: 'u8',
    keepsClasses: true,
    classes: await classNames(tree, folder, kind),
    items,
    skipped: [...tree.skipped, ...listStrays(items, (item) => given[item])],
    blocks: (from) => blocksOf(batches, kind, from),
  };
}

async function readLabels(tree: FileTree, path: string, kind: CifarKind): Promise<Batch> {
  const { name, classes, labelBytes } = kind;
  const stride = labelBytes + PIXELS;
  const size = tree.files.find((file) => file.path === path)?.bytes ?? 0;
  if (size === 0 || size % stride !== 0) {
    throw new AppError(
      'bad-data',
      `${path} has ${size} bytes, which is no whole number of ${name} records of ${stride} bytes: it is cut short or another file. Download it again.`,
      { details: { file: path, found: size, expected: stride } },
    );
  }
  const file = await onDisk(tree, path);
  const labels = new Uint8Array(size / stride);
  for await (const { first, count, bytes } of recordsOf(file, labels.length, stride, 0)) {
    for (let at = 0; at < count; at += 1) labels[first + at] = bytes[at * stride + labelBytes - 1] ?? 0;
  }
  const wrong = firstOfMostStrays(labels, (label) => label < classes);
  if (wrong >= 0) {
    throw new AppError(
      'bad-data',
      `${path}: image ${wrong} has class ${labels[wrong]}, but ${name} has classes 0 to ${classes - 1}. The file is damaged or another one.`,
      { details: { file: path, image: wrong, found: labels[wrong] ?? null } },
    );
  }
  return { file, split: /^test/.test(posix.basename(path)) ? 'test' : 'train', labels };
}

function recordsOf(file: NamedFile, count: number, stride: number, first: number): AsyncIterable<RecordBlock> {
  return cutRecords(contentOf(file, first * stride), { stride, count, first }, (expected, found) =>
    badData(file.name, `changed while it was read: it has ${found} bytes in place of ${expected}`),
  );
}

async function* blocksOf(
  batches: readonly Batch[],
  { labelBytes }: CifarKind,
  from: number,
): AsyncGenerator<ArrayBlock> {
  const stride = labelBytes + PIXELS;
  let base = 0;
  for (const { file, labels } of batches) {
    const start = Math.max(0, from - base);
    if (start < labels.length) {
      for await (const { first, count, bytes } of recordsOf(file, labels.length, stride, start)) {
        const pixels = new Uint8Array(count * PIXELS);
        for (let image = 0; image < count; image += 1) {
          interleave(bytes.subarray(image * stride + labelBytes, (image + 1) * stride), pixels, image * PIXELS);
        }
        yield { first: base + first, count, pixels };
      }
    }
    base += labels.length;
  }
}

/** [3, 32, 32] as [32, 32, 3]. */
function interleave(planes: Uint8Array, target: Uint8Array, offset: number): void {
  for (let at = 0; at < PLANE; at += 1) {
    for (let channel = 0; channel < 3; channel += 1) {
      target[offset + 3 * at + channel] = planes[channel * PLANE + at] ?? 0;
    }
  }
}

/** Names of the file beside the batches; numbers where it is missing. */
async function classNames(tree: FileTree, folder: string, { names, classes }: CifarKind): Promise<string[]> {
  const path = pathIn(folder, names);
  const text = tree.files.some((file) => file.path === path) ? new TextDecoder().decode(await tree.read(path)) : '';
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return Array.from({ length: classes }, (_, label) => lines[label]?.trim() ?? String(label));
}
