import { createReadStream, statSync } from 'node:fs';
import { open, readdir } from 'node:fs/promises';
import { basename, dirname, join } from 'node:path';
import { pipeline } from 'node:stream';
import type { Readable } from 'node:stream';
import { createGunzip } from 'node:zlib';
import { AppError } from '../../../shared/domain/errors.ts';
import type { ImageShape, Split } from '../../../shared/domain/shape.ts';
import type { DecodedBlock, ImageSource, SourceItem } from './source.ts';

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
const BLOCK_IMAGES = 1024;

/** A file of an IDX set by what its name says: `train-images-idx3-ubyte.gz`, `emnist-letters-test-labels-idx1-ubyte`. */
interface IdxName {
  readonly file: string;
  readonly content: 'images' | 'labels';
  readonly split: Split;
  /** The name without split, content and suffix: equal for all files of a set. */
  readonly set: string;
}

const NAME = /^(.*?)(train|t10k|test|validation|valid|val)[-_.](images|labels)[-_.]idx[13]?(?:[-_.]ubyte)?(\.gz)?$/i;

/** What an IDX file's name says about it, or null for any other name. */
export function parseIdxName(file: string): IdxName | null {
  const match = NAME.exec(basename(file));
  if (!match) return null;
  const [, set = '', part = '', content = ''] = match;
  const lower = part.toLowerCase();
  return {
    file,
    content: content.toLowerCase() === 'images' ? 'images' : 'labels',
    split: lower === 'train' ? 'train' : lower.startsWith('val') ? 'validation' : 'test',
    set: set.toLowerCase(),
  };
}

/** Whether a file begins like IDX, as it is or after gunzip. */
export async function looksLikeIdx(file: string): Promise<boolean> {
  try {
    const head = await readHead(file);
    return head.length >= 4 && head[0] === 0 && head[1] === 0 && (head[2] ?? 0) >= 8 && (head[2] ?? 0) <= 14;
  } catch {
    return false;
  }
}

/**
 * Finds the IDX set in a folder, or the one that a file belongs to, and reads its headers and labels.
 * Labels become classes named by their number; numbers that no image has are no classes.
 * @throws AppError `bad-data` naming the file that is missing, truncated, of another type, or does not fit its partner.
 */
export async function openIdx(path: string): Promise<ImageSource> {
  const pairs = await findPairs(path);
  const parts: Part[] = [];
  for (const pair of pairs) parts.push(await openPart(pair));
  const first = parts[0];
  if (!first) throw noSet(path);
  const odd = parts.find((part) => part.shape.join() !== first.shape.join());
  if (odd) {
    throw new AppError(
      'bad-data',
      `${odd.images} holds images of ${sizeText(odd.shape)}, but ${first.images} holds ${sizeText(first.shape)}. Files of one set must agree.`,
      { details: { file: odd.images } },
    );
  }
  const numbers = [...new Set(parts.flatMap((part) => [...new Set(part.labels)]))].sort((a, b) => a - b);
  const labelOf = new Map(numbers.map((number, label) => [number, label]));
  const items: SourceItem[] = parts.flatMap((part) =>
    Array.from(part.labels, (number) => ({
      label: labelOf.get(number) ?? 0,
      split: parts.length > 1 ? part.split : null,
    })),
  );
  return {
    kind: 'idx',
    paths: parts.flatMap((part) => [part.images, part.labelFile]),
    suggestedName: pairs[0]?.set.replace(/[-_.]+$/, '') || basename(dirname(first.images)),
    shape: first.shape,
    classes: numbers.map(String),
    items,
    skipped: [],
    read: () => readParts(parts),
  };
}

interface Pair {
  readonly set: string;
  readonly split: Split;
  readonly images: string;
  readonly labels: string;
}

interface Part {
  readonly split: Split;
  readonly images: string;
  readonly labelFile: string;
  readonly labels: Uint8Array;
  readonly shape: ImageShape;
  /** Bytes before the first pixel. */
  readonly offset: number;
}

async function findPairs(path: string): Promise<Pair[]> {
  const isFolder = statSync(path).isDirectory();
  const folder = isFolder ? path : dirname(path);
  const given = isFolder ? null : parseIdxName(path);
  if (!isFolder && !given) throw unknownName(path);
  const names = (await readdir(folder)).sort().flatMap((name) => parseIdxName(join(folder, name)) ?? []);
  const sets = [...new Set(names.map((name) => name.set))];
  if (!given && sets.length > 1) {
    throw new AppError(
      'invalid-input',
      `${path} holds several data sets (${sets.map((set) => set || 'unnamed').join(', ')}). Choose one of the files of the set you want.`,
    );
  }
  const ofSet = names.filter((name) => name.set === (given?.set ?? sets[0]));
  if (ofSet.length === 0) throw noSet(path);
  const pick = (split: Split, content: IdxName['content']): string | undefined => {
    const candidates = ofSet.filter((name) => name.split === split && name.content === content);
    return (candidates.find((name) => name.file === path) ?? candidates[0])?.file;
  };
  return (['train', 'validation', 'test'] as const).flatMap((split) => {
    const images = pick(split, 'images');
    const labels = pick(split, 'labels');
    if (images === undefined && labels === undefined) return [];
    if (images === undefined || labels === undefined) throw missingPartner(images, labels);
    return [{ set: ofSet[0]?.set ?? '', split, images, labels }];
  });
}

async function openPart(pair: Pair): Promise<Part> {
  const header = parseHeader(await readHead(pair.images), pair.images);
  const [count = 0, height = 0, width = 0, channels = 1] = header.extents;
  if (header.extents.length !== 3 && header.extents.length !== 4) {
    const what = header.extents.length === 1 ? 'labels where images belong' : `${header.extents.length} dimensions`;
    throw bad(pair.images, `holds ${what}. Images need 3 or 4 dimensions; check that the file has the right name`);
  }
  if (count === 0 || height === 0 || width === 0 || channels === 0) throw bad(pair.images, 'holds no images');
  await checkPlainSize(pair.images, header);
  const labels = await readLabels(pair.labels);
  if (labels.length !== count) {
    throw bad(
      pair.labels,
      `has ${labels.length} labels, but ${pair.images} has ${count} images. Take both files from the same set`,
    );
  }
  return {
    split: pair.split,
    images: pair.images,
    labelFile: pair.labels,
    labels,
    shape: [height, width, channels],
    offset: header.offset,
  };
}

async function readLabels(file: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of contentOf(file)) chunks.push(chunk);
  const bytes = new Uint8Array(Buffer.concat(chunks));
  const header = parseHeader(bytes, file);
  if (header.extents.length !== 1) {
    throw bad(
      file,
      `holds ${header.extents.length} dimensions where labels have 1; check that the file has the right name`,
    );
  }
  const count = header.extents[0] ?? 0;
  const found = bytes.length - header.offset;
  if (found !== count) throw bad(file, sizeProblem(count, found, 'labels'));
  return bytes.subarray(header.offset);
}

async function* readParts(parts: readonly Part[]): AsyncIterable<DecodedBlock> {
  let base = 0;
  for (const part of parts) {
    yield* readPart(part, base);
    base += part.labels.length;
  }
}

async function* readPart(part: Part, base: number): AsyncIterable<DecodedBlock> {
  const stride = part.shape[0] * part.shape[1] * part.shape[2];
  const count = part.labels.length;
  let skip = part.offset;
  let block = new Uint8Array(Math.min(BLOCK_IMAGES, count) * stride);
  let filled = 0;
  let done = 0;
  let extra = 0;
  for await (const raw of contentOf(part.images)) {
    let chunk = raw;
    if (skip > 0) {
      const header = Math.min(skip, chunk.length);
      chunk = chunk.subarray(header);
      skip -= header;
    }
    while (chunk.length > 0 && done < count) {
      const take = Math.min(chunk.length, block.length - filled);
      block.set(chunk.subarray(0, take), filled);
      filled += take;
      chunk = chunk.subarray(take);
      if (filled < block.length) continue;
      const images = block.length / stride;
      const first = base + done;
      yield { items: Array.from({ length: images }, (_, index) => first + index), pixels: block, skipped: [] };
      done += images;
      filled = 0;
      block = new Uint8Array(Math.min(BLOCK_IMAGES, count - done) * stride);
    }
    extra += chunk.length;
  }
  const found = done * stride + filled + extra;
  if (found !== count * stride) throw bad(part.images, sizeProblem(count * stride, found, 'bytes of pixels'));
}

/** The file's bytes, gunzipped if it is compressed. */
async function* contentOf(file: string): AsyncIterable<Uint8Array> {
  const compressed = await isGzip(file);
  const raw = createReadStream(file, { highWaterMark: 1 << 20 });
  // The pipeline ends both streams together; what went wrong is thrown by the iteration.
  const stream: Readable = compressed ? pipeline(raw, createGunzip(), () => undefined) : raw;
  try {
    for await (const chunk of stream) yield chunk as Uint8Array;
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    const code = (cause as NodeJS.ErrnoException).code ?? '';
    if (code === 'Z_BUF_ERROR')
      throw bad(file, 'is cut short: the compressed data end early. Download it again', cause);
    if (code.startsWith('Z_'))
      throw bad(file, 'is damaged: its compressed data cannot be read. Download it again', cause);
    throw new AppError('io', `${file} could not be read: ${String(cause)}`, { cause });
  }
}

/** Enough of the beginning for any header. */
async function readHead(file: string): Promise<Uint8Array> {
  const chunks: Uint8Array[] = [];
  let length = 0;
  for await (const chunk of contentOf(file)) {
    chunks.push(chunk);
    length += chunk.length;
    if (length >= 64) break;
  }
  return new Uint8Array(Buffer.concat(chunks));
}

async function isGzip(file: string): Promise<boolean> {
  const handle = await open(file, 'r');
  try {
    const { bytesRead, buffer } = await handle.read(new Uint8Array(2), 0, 2, 0);
    return bytesRead === 2 && buffer[0] === 0x1f && buffer[1] === 0x8b;
  } finally {
    await handle.close();
  }
}

function parseHeader(bytes: Uint8Array, file: string): IdxHeader {
  if (bytes.length < 4 || bytes[0] !== 0 || bytes[1] !== 0) {
    throw bad(file, 'is not an IDX file: it does not begin with two zero bytes');
  }
  const type = bytes[2] ?? 0;
  if (type !== UNSIGNED_BYTE) {
    const found = ELEMENT_TYPES[type] ?? `the unknown type 0x${type.toString(16).padStart(2, '0')}`;
    throw bad(file, `holds ${found}; only unsigned bytes are read. Convert it to 8 bits`);
  }
  const dimensions = bytes[3] ?? 0;
  const offset = 4 + 4 * dimensions;
  if (bytes.length < offset) throw bad(file, 'is cut short: its header is not complete. Download it again');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  return { extents: Array.from({ length: dimensions }, (_, index) => view.getUint32(4 + 4 * index)), offset };
}

/** Tells of a truncated uncompressed file before anything is read. */
async function checkPlainSize(file: string, header: IdxHeader): Promise<void> {
  if (await isGzip(file)) return;
  const expected = header.extents.reduce((product, extent) => product * extent, 1);
  const found = statSync(file).size - header.offset;
  if (found !== expected) throw bad(file, sizeProblem(expected, found, 'bytes of pixels'));
}

function sizeProblem(expected: number, found: number, what: string): string {
  return found < expected
    ? `is cut short: it has ${found} of the ${expected} ${what} that its header promises. Download it again`
    : `has ${found} ${what}, more than the ${expected} that its header promises. Download it again`;
}

function sizeText(shape: ImageShape): string {
  return `${shape[1]}×${shape[0]}×${shape[2]}`;
}

function bad(file: string, what: string, cause?: unknown): AppError {
  return new AppError('bad-data', `${file} ${what}.`, { cause, details: { file } });
}

function noSet(path: string): AppError {
  return new AppError(
    'bad-data',
    `${path} holds no IDX files. They are named like train-images-idx3-ubyte.gz and train-labels-idx1-ubyte.gz.`,
    { details: { file: path } },
  );
}

function unknownName(path: string): AppError {
  return new AppError(
    'bad-data',
    `${path} does not have the name of an IDX file. Give it a name like train-images-idx3-ubyte or test-labels-idx1-ubyte.gz, so that its partner can be found.`,
    { details: { file: path } },
  );
}

function missingPartner(images: string | undefined, labels: string | undefined): AppError {
  const present = images ?? labels ?? '';
  const missing = basename(present)
    .replace(/images|labels/i, images === undefined ? 'images' : 'labels')
    .replace(/idx[13]/i, images === undefined ? 'idx3' : 'idx1');
  return new AppError('bad-data', `${present} has no partner: ${missing} is missing beside it.`, {
    details: { file: present, missing },
  });
}
