import { statSync } from 'node:fs';
import { open, readdir, readFile } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { AppError } from '../../../shared/domain/errors.ts';
import type { ImageShape, Split } from '../../../shared/domain/shape.ts';
import type { DecodedBlock, ImageSource, SourceItem } from './source.ts';

const SIDE = 32;
const PLANE = SIDE * SIDE;
const PIXELS = 3 * PLANE;
const SHAPE: ImageShape = [SIDE, SIDE, 3];
const BLOCK_IMAGES = 1000;

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
  readonly path: string;
  readonly split: Split;
  readonly labels: Uint8Array;
}

interface Found {
  readonly kind: CifarKind;
  readonly folder: string;
  /** Names of the batches, in order. */
  readonly batches: readonly string[];
}

/** Whether a folder holds CIFAR's batches (or a folder that does), or a file is one of them. */
export async function isCifar(path: string): Promise<boolean> {
  return (await findBatches(path)) !== null;
}

/**
 * CIFAR-10 or CIFAR-100 (fine classes) from whichever batches are there; `test_batch.bin` or `test.bin` is the test part.
 * @throws AppError `bad-data` naming the file that is cut short, has other records, or a class that does not exist.
 */
export async function openCifar(path: string): Promise<ImageSource> {
  const found = await findBatches(path);
  if (!found) {
    throw new AppError(
      'bad-data',
      `${path} holds no batches of CIFAR in binary layout. Choose the folder of data_batch_1.bin and test_batch.bin (CIFAR-10), or of train.bin and test.bin (CIFAR-100).`,
      { details: { file: path } },
    );
  }
  const { kind, folder } = found;
  const batches: Batch[] = [];
  for (const name of found.batches) batches.push(await readLabels(join(folder, name), kind));
  const items = batches.flatMap(({ labels, split }) => Array.from(labels, (label): SourceItem => ({ label, split })));
  return {
    kind: 'cifar',
    paths: batches.map((batch) => batch.path),
    suggestedName: kind.name,
    shape: SHAPE,
    keepsClasses: true,
    classes: await classNames(folder, kind),
    items,
    skipped: [],
    read: () => readBatches(batches, kind),
  };
}

async function findBatches(path: string): Promise<Found | null> {
  const isFolder = statSync(path).isDirectory();
  if (!isFolder && !KINDS.some(({ file }) => file.test(basename(path)))) return null;
  const folder = isFolder ? path : dirname(path);
  const inFolder = await batchesIn(folder);
  if (inFolder || !isFolder) return inFolder;
  const below = (await readdir(folder, { withFileTypes: true })).filter((entry) => entry.isDirectory());
  const candidates = await Promise.all(
    below.filter(({ name }) => /^cifar/i.test(name)).map(({ name }) => batchesIn(join(folder, name))),
  );
  return candidates.find((one) => one !== null) ?? null;
}

async function batchesIn(folder: string): Promise<Found | null> {
  const names = (await readdir(folder)).sort((a, b) => a.localeCompare(b, 'en', { numeric: true }));
  for (const kind of KINDS) {
    const batches = names.filter((name) => kind.file.test(name));
    if (batches.length > 0) return { kind, folder, batches };
  }
  return null;
}

async function readLabels(path: string, { name, classes, labelBytes }: CifarKind): Promise<Batch> {
  const stride = labelBytes + PIXELS;
  const { size } = statSync(path);
  if (size === 0 || size % stride !== 0) {
    throw new AppError(
      'bad-data',
      `${path} has ${size} bytes, which is no whole number of ${name} records of ${stride} bytes: it is cut short or another file. Download it again.`,
      { details: { file: path, found: size, expected: stride } },
    );
  }
  const labels = new Uint8Array(size / stride);
  for await (const { first, bytes } of recordsOf(path, stride)) {
    for (let at = 0; at < bytes.length / stride; at += 1) labels[first + at] = bytes[at * stride + labelBytes - 1] ?? 0;
  }
  const wrong = labels.findIndex((label) => label >= classes);
  if (wrong >= 0) {
    throw new AppError(
      'bad-data',
      `${path}: image ${wrong} has class ${labels[wrong]}, but ${name} has classes 0 to ${classes - 1}. The file is damaged or another one.`,
      { details: { file: path, image: wrong, found: labels[wrong] ?? null } },
    );
  }
  return { path, split: /^test/.test(basename(path)) ? 'test' : 'train', labels };
}

async function* recordsOf(path: string, stride: number): AsyncIterable<{ first: number; bytes: Uint8Array }> {
  const handle = await open(path).catch((cause: unknown) => {
    throw new AppError('io', `${path} cannot be opened. Check its permissions.`, { cause, details: { file: path } });
  });
  try {
    const buffer = new Uint8Array(BLOCK_IMAGES * stride);
    for (let first = 0; ; first += BLOCK_IMAGES) {
      const { bytesRead } = await handle.read(buffer, 0, buffer.length, first * stride);
      if (bytesRead === 0) return;
      yield { first, bytes: buffer.subarray(0, bytesRead) };
    }
  } finally {
    await handle.close();
  }
}

async function* readBatches(batches: readonly Batch[], { labelBytes }: CifarKind): AsyncIterable<DecodedBlock> {
  const stride = labelBytes + PIXELS;
  let base = 0;
  for (const { path, labels } of batches) {
    for await (const { first, bytes } of recordsOf(path, stride)) {
      const count = bytes.length / stride;
      const pixels = new Uint8Array(count * PIXELS);
      for (let image = 0; image < count; image += 1) {
        interleave(bytes.subarray(image * stride + labelBytes, (image + 1) * stride), pixels, image * PIXELS);
      }
      yield { items: Array.from({ length: count }, (_, at) => base + first + at), pixels, skipped: [] };
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
async function classNames(folder: string, { names, classes }: CifarKind): Promise<string[]> {
  const text = await readFile(join(folder, names), 'utf8').catch(() => '');
  const lines = text.split(/\r?\n/).filter((line) => line.trim() !== '');
  return Array.from({ length: classes }, (_, label) => lines[label]?.trim() ?? String(label));
}
