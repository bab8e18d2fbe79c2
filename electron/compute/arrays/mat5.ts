import { createReadStream } from 'node:fs';
import { open } from 'node:fs/promises';
import { pipeline } from 'node:stream';
import { createInflate, inflateSync } from 'node:zlib';
import { AppError } from '../../../shared/domain/errors.ts';
import { badData, headOfChunks, inflateError } from './byte-stream.ts';
import type { NamedFile } from './byte-stream.ts';
import { ELEMENT_BYTES, elementsOf } from './elements.ts';
import type { ElementType } from './elements.ts';
import { shapeSize } from './npy.ts';

/*
 * MAT-files of version 5 ("MAT-File Format", The MathWorks, chapter 1): a header of 128 bytes, then one element per
 * variable, compressed by zlib or not: flags, dimensions, name, and the numbers in column-major order. The one reader among
 * npm's packages is under the GPL and makes nested lists of plain numbers of everything, some 100 bytes for a pixel; hence
 * this one, which reads numbers, text and cells only and lets long arrays be streamed.
 */

const HEADER_BYTES = 128;
/** Enough for flags, dimensions and a name of 63 letters. */
const HEAD_BYTES = 4096;
/** Cells within cells are read so deep. */
const CELL_DEPTH = 4;
/** A variable that is read whole may have so many bytes: labels and names, not images. */
const WHOLE_BYTES = 64 * 2 ** 20;

const STORED: Readonly<Record<number, ElementType>> = {
  1: 'i8',
  2: 'u8',
  3: 'i16',
  4: 'u16',
  5: 'i32',
  6: 'u32',
  7: 'f32',
  9: 'f64',
  12: 'i64',
  13: 'u64',
};
const MATRIX = 14;
const COMPRESSED = 15;
const CELL_CLASS = 1;
const CHAR_CLASS = 4;
const NUMBER_CLASSES: Readonly<Record<number, ElementType>> = {
  6: 'f64',
  7: 'f32',
  8: 'i8',
  9: 'u8',
  10: 'i16',
  11: 'u16',
  12: 'i32',
  13: 'u32',
  14: 'i64',
  15: 'u64',
};

/** Values of a variable: numbers in column-major order, text (rows of a matrix of letters one after another), or cells. */
export type MatValue =
  | { readonly kind: 'numbers'; readonly shape: readonly number[]; readonly values: Float64Array }
  | { readonly kind: 'text'; readonly text: string }
  | { readonly kind: 'cells'; readonly cells: readonly (MatValue | null)[] };

/** One variable of a file, located but not read. */
export interface MatEntry {
  readonly name: string;
  readonly shape: readonly number[];
  /** What MATLAB calls it; null for text, cells, structures and whatever else is no array of real numbers. */
  readonly type: ElementType | null;
  /** How the numbers lie in the file: MATLAB keeps small whole numbers in fewer bytes. */
  readonly stored: ElementType | null;
  readonly bigEndian: boolean;
  /** The bytes of its numbers from byte `start` on. @throws AppError `bad-data` where the file is damaged. */
  bytes(start: number): AsyncGenerator<Uint8Array>;
  /** Its value. @throws AppError `bad-data` for a damaged one or one above 64 MiB. */
  value(): Promise<MatValue | null>;
}

/** Whether bytes begin as a MAT-file of version 5 (not 7.3) does. */
export function looksLikeMat5(head: Uint8Array): boolean {
  return endianOf(head) !== null;
}

/**
 * All variables of a small MAT-file of version 5, such as lists of image numbers; structures, objects, sparse and complex
 * arrays are left out.
 * @param name what to call the file in messages.
 * @throws AppError `bad-data` for a file that is damaged or of another version.
 */
export function readMatVariables(bytes: Uint8Array, name: string): ReadonlyMap<string, MatValue> {
  const bigEndian = requireMat5(bytes, name);
  const variables = new Map<string, MatValue>();
  for (let at = HEADER_BYTES; at < bytes.length;) {
    const tag = readTag(viewOf(bytes), at, bigEndian, name);
    if (tag.next > bytes.length) throw cutShort(name);
    const data = bytes.subarray(tag.data, tag.data + tag.bytes);
    const body = tag.type === COMPRESSED ? unpacked(data, name) : bytes.subarray(at, tag.next);
    const matrix = readMatrix(body, bigEndian, name);
    if (matrix?.value) variables.set(matrix.name, matrix.value);
    at = tag.next;
  }
  return variables;
}

/**
 * The variables of a MAT-file of version 5, of which only the heads are read.
 * @throws AppError `bad-data` naming a file that is damaged or of another version.
 */
export async function openMat5(file: NamedFile): Promise<readonly MatEntry[]> {
  const handle = await open(file.path, 'r').catch((cause: unknown) => {
    throw badData(file.name, 'could not be opened. Check that it is still there and readable', cause);
  });
  try {
    const { size } = await handle.stat();
    const head = Buffer.alloc(HEADER_BYTES);
    const { bytesRead } = await handle.read(head, 0, HEADER_BYTES, 0);
    const bigEndian = requireMat5(head.subarray(0, bytesRead), file.name);
    const entries: MatEntry[] = [];
    for (let at = HEADER_BYTES; at < size;) {
      const tagBytes = Buffer.alloc(8);
      if ((await handle.read(tagBytes, 0, 8, at)).bytesRead < 8) throw cutShort(file.name);
      const tag = readTag(tagBytes, 0, bigEndian, file.name);
      if (at + tag.next > size) throw cutShort(file.name);
      const element = { file, start: at, end: at + tag.next, compressed: tag.type === COMPRESSED };
      const entry = await readEntry(element, bigEndian);
      if (entry) entries.push(entry);
      at += tag.next;
    }
    return entries;
  } finally {
    await handle.close();
  }
}

interface Element {
  readonly file: NamedFile;
  readonly start: number;
  readonly end: number;
  readonly compressed: boolean;
}

async function readEntry(element: Element, bigEndian: boolean): Promise<MatEntry | null> {
  const { name: file } = element.file;
  const head = await headOfChunks(unpackedBytes(element), HEAD_BYTES);
  const matrix = readHead(head, bigEndian, file);
  if (!matrix) return null;
  const numbers = matrix.type === null ? null : readTag(viewOf(head), matrix.next, bigEndian, file);
  const stored = numbers === null ? null : (STORED[numbers.type] ?? null);
  if (numbers !== null && stored !== null && numbers.bytes !== shapeSize(matrix.shape) * ELEMENT_BYTES[stored]) {
    throw badData(file, `is damaged: ${matrix.name} has ${numbers.bytes} bytes, which its size does not fit`);
  }
  return {
    name: matrix.name,
    shape: matrix.shape,
    type: stored === null ? null : matrix.type,
    stored,
    bigEndian,
    async *bytes(start) {
      if (!numbers) return;
      let left = numbers.bytes - start;
      let skip = numbers.data + start;
      for await (const chunk of unpackedBytes(element)) {
        const from = Math.min(skip, chunk.length);
        skip -= from;
        const part = chunk.subarray(from, from + left);
        left -= part.length;
        if (part.length > 0) yield part;
        if (left <= 0) return;
      }
      throw cutShort(file);
    },
    async value() {
      const parts: Uint8Array[] = [];
      let total = 0;
      for await (const chunk of unpackedBytes(element)) {
        parts.push(chunk);
        total += chunk.length;
        if (total > WHOLE_BYTES) throw badData(file, `has a variable ${matrix.name} that is larger than 64 MiB`);
      }
      return readMatrix(new Uint8Array(Buffer.concat(parts)), bigEndian, file)?.value ?? null;
    },
  };
}

/** The element as it is written without compression, from its tag on. */
async function* unpackedBytes({ file, start, end, compressed }: Element): AsyncGenerator<Uint8Array> {
  const raw = createReadStream(file.path, {
    start: compressed ? start + 8 : start,
    end: end - 1,
    highWaterMark: 1 << 20,
  });
  const stream = compressed ? pipeline(raw, createInflate(), () => undefined) : raw;
  try {
    yield* stream as AsyncIterable<Uint8Array>;
  } catch (cause) {
    throw inflateError(file.name, cause) ?? badData(file.name, 'could not be read', cause);
  } finally {
    raw.destroy();
    stream.destroy();
  }
}

function unpacked(data: Uint8Array, name: string): Uint8Array {
  try {
    return new Uint8Array(inflateSync(data, { maxOutputLength: WHOLE_BYTES }));
  } catch (cause) {
    if ((cause as NodeJS.ErrnoException).code === 'ERR_BUFFER_TOO_LARGE') {
      throw badData(name, 'has a variable that is larger than 64 MiB', cause);
    }
    throw inflateError(name, cause) ?? badData(name, 'is damaged', cause);
  }
}

interface MatrixHead {
  readonly name: string;
  readonly shape: readonly number[];
  readonly classNumber: number;
  readonly type: ElementType | null;
  /** Where the element after the name begins. */
  readonly next: number;
}

/** Flags, dimensions and name of a matrix, or null for a matrix that has none. */
function readHead(bytes: Uint8Array, bigEndian: boolean, file: string): MatrixHead | null {
  const view = viewOf(bytes);
  const outer = readTag(view, 0, bigEndian, file);
  if (outer.type !== MATRIX) throw badData(file, `is damaged: it has an element of type ${outer.type} for a variable`);
  if (outer.bytes === 0) return null;
  const flagsTag = readTag(view, outer.data, bigEndian, file);
  const flags = word(view, flagsTag.data, bigEndian, file);
  const dimensions = readTag(view, flagsTag.next, bigEndian, file);
  if (dimensions.type !== 5 || dimensions.bytes > 256) return null;
  const shape = Array.from({ length: dimensions.bytes / 4 }, (_, axis) =>
    word(view, dimensions.data + 4 * axis, bigEndian, file),
  );
  const nameTag = readTag(view, dimensions.next, bigEndian, file);
  if (nameTag.data + nameTag.bytes > bytes.length) throw cutShort(file);
  const name = Buffer.from(bytes.subarray(nameTag.data, nameTag.data + nameTag.bytes)).toString('latin1');
  const classNumber = flags & 255;
  const complex = (flags & 0x800) !== 0;
  return { name, shape, classNumber, type: complex ? null : (NUMBER_CLASSES[classNumber] ?? null), next: nameTag.next };
}

function readMatrix(
  bytes: Uint8Array,
  bigEndian: boolean,
  file: string,
  depth = 0,
): { readonly name: string; readonly value: MatValue | null } | null {
  const head = readHead(bytes, bigEndian, file);
  if (!head) return null;
  if (head.classNumber === CELL_CLASS) {
    if (depth >= CELL_DEPTH) return { name: head.name, value: null };
    return { name: head.name, value: { kind: 'cells', cells: readCells(bytes, head, bigEndian, file, depth) } };
  }
  if (head.type === null && head.classNumber !== CHAR_CLASS) return { name: head.name, value: null };
  const tag = readTag(viewOf(bytes), head.next, bigEndian, file);
  if (tag.data + tag.bytes > bytes.length) throw cutShort(file);
  const data = bytes.slice(tag.data, tag.data + tag.bytes);
  if (head.classNumber === CHAR_CLASS) {
    return { name: head.name, value: { kind: 'text', text: textOf(tag.type, data, bigEndian, head.shape) } };
  }
  const stored = STORED[tag.type];
  const count = shapeSize(head.shape);
  if (!stored) return { name: head.name, value: null };
  const values = Float64Array.from(elementsOf(stored, data, bigEndian) as ArrayLike<number | bigint>, Number);
  if (values.length !== count) {
    throw badData(file, `is damaged: ${head.name} has ${values.length} numbers where its size says ${count}`);
  }
  return { name: head.name, value: { kind: 'numbers', shape: head.shape, values } };
}

function readCells(
  bytes: Uint8Array,
  head: MatrixHead,
  bigEndian: boolean,
  file: string,
  depth: number,
): (MatValue | null)[] {
  const count = shapeSize(head.shape);
  const cells: (MatValue | null)[] = [];
  for (let at = head.next; cells.length < count;) {
    const tag = readTag(viewOf(bytes), at, bigEndian, file);
    if (tag.next > bytes.length || tag.next <= at) throw cutShort(file);
    cells.push(readMatrix(bytes.subarray(at, tag.next), bigEndian, file, depth + 1)?.value ?? null);
    at = tag.next;
  }
  return cells;
}

/** Letters of a matrix, whose rows follow one another column by column in the file. */
function textOf(type: number, data: Uint8Array, bigEndian: boolean, shape: readonly number[]): string {
  const wide = type === 4 || type === 17;
  const letters = wide
    ? Array.from(elementsOf('u16', data, bigEndian) as Uint16Array, (code) => String.fromCharCode(code))
    : [...new TextDecoder().decode(data)];
  const [rows = 1] = shape;
  if (rows <= 1) return letters.join('');
  const columns = letters.length / rows;
  return Array.from(
    { length: letters.length },
    (_, at) => letters[(at % columns) * rows + Math.floor(at / columns)],
  ).join('');
}

interface Tag {
  readonly type: number;
  readonly bytes: number;
  /** Where its data begin. */
  readonly data: number;
  /** Where the next element begins. */
  readonly next: number;
}

function readTag(view: DataView | Buffer, at: number, bigEndian: boolean, file: string): Tag {
  const first = word(view, at, bigEndian, file);
  if (first >>> 16 !== 0) return { type: first & 0xffff, bytes: first >>> 16, data: at + 4, next: at + 8 };
  const bytes = word(view, at + 4, bigEndian, file);
  const padding = first === COMPRESSED ? 0 : (8 - (bytes % 8)) % 8;
  return { type: first, bytes, data: at + 8, next: at + 8 + bytes + padding };
}

function word(view: DataView | Buffer, at: number, bigEndian: boolean, file: string): number {
  if (at + 4 > view.byteLength) throw cutShort(file);
  if (Buffer.isBuffer(view)) return bigEndian ? view.readUInt32BE(at) : view.readUInt32LE(at);
  return view.getUint32(at, !bigEndian);
}

function viewOf({ buffer, byteOffset, byteLength }: Uint8Array): DataView {
  return new DataView(buffer, byteOffset, byteLength);
}

/** Whether the file is big-endian; null if it is no MAT-file of version 5. */
function endianOf(head: Uint8Array): boolean | null {
  if (head.length < HEADER_BYTES) return null;
  const [major, minor, first, second] = head.subarray(124, 128);
  if (first === 0x49 && second === 0x4d) return minor === 1 ? false : null;
  if (first === 0x4d && second === 0x49) return major === 1 ? true : null;
  return null;
}

function requireMat5(head: Uint8Array, name: string): boolean {
  const bigEndian = endianOf(head);
  if (bigEndian !== null) return bigEndian;
  throw new AppError(
    'bad-data',
    `${name} is no MAT-file of version 5, or is damaged. In MATLAB, save it again with save(…, '-v7').`,
    { details: { file: name } },
  );
}

function cutShort(name: string): AppError {
  return badData(name, 'is cut short or damaged. Download it or save it again');
}
