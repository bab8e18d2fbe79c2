import { posix } from 'node:path';
import { AppError } from '../../../../shared/domain/errors.ts';
import type { ImageShape, Split } from '../../../../shared/domain/shape.ts';
import { badData, contentOf, headOf, isGzip } from '../../arrays/byte-stream.ts';
import type { NamedFile } from '../../arrays/byte-stream.ts';
import { cutRecords } from '../../arrays/records.ts';
import type { ArrayBlock, ArraySource, DataFormat, DataItem } from '../data-source.ts';
import type { FileTree } from '../tree/tree.ts';
import { folderOf, nameOfFolder, onDisk } from './tree-names.ts';

/** IDX (Y. LeCun): two zero bytes, element type, number of dimensions, big-endian extents, then the elements. */
interface IdxHeader {
  readonly extents: readonly number[];
  /** Bytes before the first element. */
  readonly offset: number;
}

const UNSIGNED_BYTE = 0x08;
const ELEMENT_TYPES: Readonly<Record<number, string>> = {
  0x09: 'signed bytes',
  0x0b: '16-bit integers',
  0x0c: '32-bit integers',
  0x0d: '32-bit floats',
  0x0e: '64-bit floats',
};

/** A file of an IDX set by what its name says: `train-images-idx3-ubyte.gz`, `emnist-letters-test-labels-idx1-ubyte`. */
interface IdxName {
  readonly file: string;
  readonly content: 'images' | 'labels';
  readonly split: Split;
  /** The folder and the name without split, content and suffix: equal for all files of a set. */
  readonly set: string;
}

const NAME = /^(.*?)(train|t10k|test|validation|valid|val)[-_.](images|labels)[-_.]idx[134]?(?:[-_.]ubyte)?(\.gz)?$/i;

/** IDX pairs such as MNIST's and EMNIST's, gzipped or not. Classes are the numbers that labels have. */
export const idx: DataFormat = {
  name: 'idx',
  async fits(tree) {
    if (tree.chosen !== null) return parseIdxName(tree.chosen) !== null || looksLikeIdx(tree, tree.chosen);
    return tree.files.some(({ path }) => parseIdxName(path) !== null);
  },
  open: openIdx,
};

function parseIdxName(file: string): IdxName | null {
  const match = NAME.exec(posix.basename(file));
  if (!match) return null;
  const [, set = '', part = '', content = ''] = match;
  const lower = part.toLowerCase();
  return {
    file,
    content: content.toLowerCase() === 'images' ? 'images' : 'labels',
    split: lower === 'train' ? 'train' : lower.startsWith('val') ? 'validation' : 'test',
    set: `${folderOf(file)}/${set.toLowerCase()}`,
  };
}

async function looksLikeIdx(tree: FileTree, file: string): Promise<boolean> {
  try {
    const head = await headOf(await onDisk(tree, file), 4);
    return head.length >= 4 && head[0] === 0 && head[1] === 0 && (head[2] ?? 0) >= 8 && (head[2] ?? 0) <= 14;
  } catch {
    return false;
  }
}

async function openIdx(tree: FileTree): Promise<ArraySource> {
  const pairs = findPairs(tree);
  const parts: Part[] = [];
  for (const pair of pairs) parts.push(await openPart(tree, pair));
  const [first] = parts;
  if (!first) throw noSet(tree.root);
  const odd = parts.find((part) => part.shape.join() !== first.shape.join());
  if (odd) {
    throw new AppError(
      'bad-data',
      `${odd.images.name} holds images of ${sizeText(odd.shape)}, but ${first.images.name} holds ${sizeText(first.shape)}. Files of one set must agree.`,
      { details: { file: odd.images.name } },
    );
  }
  const numbers = [...new Set(parts.flatMap((part) => [...new Set(part.labels)]))].sort((a, b) => a - b);
  const labelOf = new Map(numbers.map((number, label) => [number, label]));
  const items = parts.flatMap((part) =>
    Array.from(part.labels, (number, row): DataItem => {
      const split = parts.length > 1 ? part.split : null;
      return { name: `${part.images.name}[${row}]`, label: labelOf.get(number) ?? 0, split };
    }),
  );
  return {
    kind: 'idx',
    form: 'array',
    suggestedName: posix.basename(first.set).replace(/[-_.]+$/, '') || nameOfFolder(tree, folderOf(first.images.name)),
    shape: first.shape,
    samples: 'u8',
    classes: numbers.map(String),
    items,
    skipped: tree.skipped,
    blocks: (from) => blocksOf(parts, from),
  };
}

interface Pair {
  readonly set: string;
  readonly split: Split;
  readonly images: string;
  readonly labels: string;
}

interface Part {
  readonly set: string;
  readonly split: Split;
  readonly images: NamedFile;
  readonly labels: Uint8Array;
  readonly shape: ImageShape;
  /** Bytes before the first pixel. */
  readonly offset: number;
}

function findPairs(tree: FileTree): Pair[] {
  const given = tree.chosen === null ? null : parseIdxName(tree.chosen);
  if (tree.chosen !== null && !given) throw unknownName(tree.chosen);
  const names = tree.files.flatMap(({ path }) => parseIdxName(path) ?? []);
  const sets = [...new Set(names.map((name) => name.set))];
  if (!given && sets.length > 1) {
    const listed = sets.map((set) => set.replace(/^\//, '') || 'unnamed').join(', ');
    throw new AppError(
      'invalid-input',
      `${tree.root} holds several data sets (${listed}). Choose one of the files of the set you want.`,
    );
  }
  const ofSet = names.filter((name) => name.set === (given?.set ?? sets[0]));
  if (ofSet.length === 0) throw noSet(tree.root);
  const pick = (split: Split, content: IdxName['content']): string | undefined => {
    const candidates = ofSet.filter((name) => name.split === split && name.content === content);
    return (candidates.find((name) => name.file === tree.chosen) ?? candidates[0])?.file;
  };
  return (['train', 'validation', 'test'] as const).flatMap((split) => {
    const images = pick(split, 'images');
    const labels = pick(split, 'labels');
    if (images === undefined && labels === undefined) return [];
    if (images === undefined || labels === undefined) throw missingPartner(images, labels);
    return [{ set: ofSet[0]?.set ?? '', split, images, labels }];
  });
}

async function openPart(tree: FileTree, pair: Pair): Promise<Part> {
  const images = await onDisk(tree, pair.images);
  const header = parseHeader(await headOf(images), images.name);
  const [count = 0, height = 0, width = 0, channels = 1] = header.extents;
  if (header.extents.length !== 3 && header.extents.length !== 4) {
    const what = header.extents.length === 1 ? 'labels where images belong' : `${header.extents.length} dimensions`;
    throw badData(images.name, `holds ${what}. Images need 3 or 4 dimensions; check that the file has the right name`);
  }
  if (count === 0 || height === 0 || width === 0) throw badData(images.name, 'holds no images');
  if (channels !== 1 && channels !== 3) {
    throw badData(images.name, `holds images of ${channels} channels. Grey images have 1 and colour images 3`);
  }
  const file = tree.files.find(({ path }) => path === pair.images);
  if (file && !(await isGzip(images))) {
    const found = file.bytes - header.offset;
    const expected = count * height * width * channels;
    if (found !== expected) throw sizeProblem(images.name, expected, found, 'bytes of pixels');
  }
  const labels = await readLabels(await onDisk(tree, pair.labels));
  if (labels.length !== count) {
    throw badData(
      pair.labels,
      `has ${labels.length} labels, but ${images.name} has ${count} images. Take both files from the same set`,
    );
  }
  return { set: pair.set, split: pair.split, images, labels, shape: [height, width, channels], offset: header.offset };
}

async function readLabels(file: NamedFile): Promise<Uint8Array> {
  const header = parseHeader(await headOf(file), file.name);
  if (header.extents.length !== 1) {
    const found = header.extents.length;
    throw badData(file.name, `holds ${found} dimensions where labels have 1; check that the file has the right name`);
  }
  const count = header.extents[0] ?? 0;
  const labels: number[] = [];
  let found = 0;
  for await (const chunk of contentOf(file, header.offset)) {
    found += chunk.length;
    if (found <= count) for (const label of chunk) labels.push(label);
  }
  if (found !== count) throw sizeProblem(file.name, count, found, 'labels');
  return Uint8Array.from(labels);
}

async function* blocksOf(parts: readonly Part[], from: number): AsyncGenerator<ArrayBlock> {
  let base = 0;
  for (const part of parts) {
    const count = part.labels.length;
    const first = Math.max(0, from - base);
    if (first < count) {
      const stride = part.shape[0] * part.shape[1] * part.shape[2];
      const content = contentOf(part.images, part.offset + first * stride);
      const wrong = (expected: number, found: number): AppError =>
        sizeProblem(part.images.name, expected, found, 'bytes of pixels');
      for await (const block of cutRecords(content, { stride, count, first }, wrong)) {
        yield { first: base + block.first, count: block.count, pixels: block.bytes };
      }
    }
    base += count;
  }
}

function parseHeader(bytes: Uint8Array, file: string): IdxHeader {
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    throw badData(file, 'is not an IDX file: it does not begin with two zero bytes');
  }
  const type = bytes[2] ?? 0;
  if (type !== UNSIGNED_BYTE) {
    const found = ELEMENT_TYPES[type] ?? `the unknown type 0x${type.toString(16).padStart(2, '0')}`;
    throw badData(file, `holds ${found}; only unsigned bytes are read. Convert it to 8 bits`);
  }
  const dimensions = bytes[3] ?? 0;
  const offset = 4 + 4 * dimensions;
  if (bytes.length < offset) throw badData(file, 'is cut short: its header is not complete. Download it again');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { extents: Array.from({ length: dimensions }, (_, index) => view.getUint32(4 + 4 * index)), offset };
}

function sizeProblem(file: string, expected: number, found: number, what: string): AppError {
  return badData(
    file,
    found < expected
      ? `is cut short: it has ${found} of the ${expected} ${what} that its header promises. Download it again`
      : `has ${found} ${what}, more than the ${expected} that its header promises. Download it again`,
  );
}

function sizeText(shape: ImageShape): string {
  return `${shape[1]}×${shape[0]}×${shape[2]}`;
}

function noSet(root: string): AppError {
  return badData(
    root,
    'holds no IDX files. They are named like train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz',
  );
}

function unknownName(file: string): AppError {
  return badData(
    file,
    'does not have the name of an IDX file. Give it a name like train-images-idx3-ubyte or test-labels-idx1-ubyte.gz, so that its partner can be found',
  );
}

function missingPartner(images: string | undefined, labels: string | undefined): AppError {
  const present = images ?? labels ?? '';
  const missing = posix
    .basename(present)
    .replace(/images|labels/i, images === undefined ? 'images' : 'labels')
    .replace(/idx[134]/i, images === undefined ? 'idx3' : 'idx1');
  return new AppError('bad-data', `${present} has no partner: ${missing} is missing beside it.`, {
    details: { file: present, missing },
  });
}
