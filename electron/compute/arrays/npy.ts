import { open } from 'node:fs/promises';
import { AppError } from '../../../shared/domain/errors.ts';
import { badData } from './byte-stream.ts';
import type { ElementType } from './elements.ts';
import { NPY_MAGIC, parseNpyLayout } from './npy-header.ts';

/** Element types that are read and written, by their name in addresses and headers. */
export type NpyDtype = 'f32' | 'f64' | 'u8' | 'u16' | 'i32' | 'i64' | 'bool';

export interface NpyArray {
  readonly dtype: NpyDtype;
  /** Row-major (C order). */
  readonly shape: readonly number[];
  readonly data: Float32Array | Float64Array | Uint8Array | Uint16Array | Int32Array | BigInt64Array;
}

interface NpyHeader {
  readonly dtype: NpyDtype;
  readonly shape: readonly number[];
  /** Bytes before the first element. */
  readonly offset: number;
}

const DESCRIPTORS = { f32: '<f4', f64: '<f8', u8: '|u1', u16: '<u2', i32: '<i4', i64: '<i8', bool: '|b1' } as const;
const BYTES = { f32: 4, f64: 8, u8: 1, u16: 2, i32: 4, i64: 8, bool: 1 } as const;

/** The number of elements of a shape; 1 for a scalar. */
export function shapeSize(shape: readonly number[]): number {
  return shape.reduce((product, extent) => product * extent, 1);
}

/**
 * Parses an NPY file (format 1.0 to 3.0, little-endian, C order; NumPy's `numpy.lib.format`).
 * The array's data are part of `bytes` where they are aligned to the element size there, as NumPy and this program
 * write them at the beginning of a buffer; else a copy.
 * @param name what to call the array in an error message.
 * @throws AppError `bad-data` for anything else, among them arrays of objects.
 */
export function parseNpy(bytes: Uint8Array, name: string): NpyArray {
  const header = parseHeader(bytes, name);
  const length = shapeSize(header.shape);
  const expected = header.offset + length * BYTES[header.dtype];
  if (bytes.length < expected) {
    throw badData(name, `is cut short: ${bytes.length} bytes of ${expected}`);
  }
  const elements = bytes.subarray(header.offset, expected);
  const aligned = elements.byteOffset % BYTES[header.dtype] === 0;
  return { dtype: header.dtype, shape: header.shape, data: typed(header.dtype, aligned ? elements : elements.slice()) };
}

/** The bytes of an NPY 1.0 file. @throws AppError `invalid-input` if data and shape do not fit. */
export function formatNpy(array: NpyArray): Uint8Array {
  const [header, data] = npyParts(array);
  const bytes = new Uint8Array(header.length + data.length);
  bytes.set(header);
  bytes.set(data, header.length);
  return bytes;
}

/** The header and the data of an NPY 1.0 file; the data are the array's own memory. @throws as `formatNpy`. */
export function npyParts({ dtype, shape, data }: NpyArray): readonly [header: Uint8Array, data: Uint8Array] {
  if (data.length !== shapeSize(shape)) {
    throw new AppError('invalid-input', `An array of shape [${shape.join(', ')}] cannot have ${data.length} elements.`);
  }
  return [npyHeader(dtype, shape), new Uint8Array(data.buffer, data.byteOffset, data.byteLength)];
}

/** The header alone, for files that are written row by row. Its length is a multiple of 64. */
export function npyHeader(dtype: NpyDtype, shape: readonly number[]): Uint8Array {
  const tuple = shape.length === 1 ? `(${shape[0] ?? 0},)` : `(${shape.join(', ')})`;
  const text = `{'descr': '${DESCRIPTORS[dtype]}', 'fortran_order': False, 'shape': ${tuple}, }`;
  const length = Math.ceil((10 + text.length + 1) / 64) * 64;
  const bytes = new Uint8Array(length).fill(0x20);
  bytes.set(NPY_MAGIC);
  bytes.set([1, 0, (length - 10) & 255, (length - 10) >> 8], 6);
  bytes.set(new TextEncoder().encode(text), 10);
  bytes[length - 1] = 0x0a;
  return bytes;
}

/**
 * Reads some rows (positions along the first axis) of an NPY file in place, or all of them.
 * @returns an array of shape [rows, …].
 * @throws AppError `not-found` for a missing file, `bad-data` for a bad one, `invalid-input` for a row out of range.
 */
export async function readNpyRows(file: string, rows?: readonly number[]): Promise<NpyArray> {
  const handle = await open(file, 'r').catch((cause: unknown) => {
    throw new AppError('not-found', `${file} cannot be opened.`, { cause, details: { file } });
  });
  try {
    const head = new Uint8Array(4096);
    const { bytesRead } = await handle.read(head, 0, head.length, 0);
    const header = parseHeader(head.subarray(0, bytesRead), file);
    const count = header.shape[0] ?? 1;
    const rest = header.shape.slice(1);
    const rowBytes = shapeSize(rest) * BYTES[header.dtype];
    const wanted = rows ?? Array.from({ length: count }, (_, index) => index);
    const bytes = new Uint8Array(wanted.length * rowBytes);
    for (let start = 0; start < wanted.length;) {
      const first = wanted[start] ?? 0;
      let length = 1;
      while (wanted[start + length] === first + length) length += 1;
      if (!Number.isInteger(first) || first < 0 || first + length > count) {
        throw new AppError('invalid-input', `${file} has rows 0 to ${count - 1}; ${first + length - 1} is not one.`);
      }
      const position = header.offset + first * rowBytes;
      const read = await handle.read(bytes, start * rowBytes, length * rowBytes, position);
      if (read.bytesRead < length * rowBytes) throw badData(file, 'is cut short');
      start += length;
    }
    return { dtype: header.dtype, shape: [wanted.length, ...rest], data: typed(header.dtype, bytes) };
  } finally {
    await handle.close();
  }
}

function parseHeader(bytes: Uint8Array, name: string): NpyHeader {
  const { elements, shape, columnMajor, offset } = parseNpyLayout(bytes, name);
  const dtype = elements.kind === 'numbers' && !elements.bigEndian ? elements.type : null;
  if (dtype === null || !isDtype(dtype)) {
    const found = elements.kind === 'text' ? 'text' : `${elements.bigEndian ? 'big-endian ' : ''}${elements.type}`;
    throw badData(name, `has elements of type ${found}, which is not supported; use float32`);
  }
  if (columnMajor) throw badData(name, 'is stored in Fortran order; save it in C order');
  return { dtype, shape, offset };
}

function isDtype(type: ElementType): type is NpyDtype {
  return type in DESCRIPTORS;
}

/** `bytes` must be aligned to the element size. */
function typed(dtype: NpyDtype, { buffer, byteOffset, length }: Uint8Array): NpyArray['data'] {
  const elements = length / BYTES[dtype];
  switch (dtype) {
    case 'f32':
      return new Float32Array(buffer, byteOffset, elements);
    case 'f64':
      return new Float64Array(buffer, byteOffset, elements);
    case 'u16':
      return new Uint16Array(buffer, byteOffset, elements);
    case 'i32':
      return new Int32Array(buffer, byteOffset, elements);
    case 'i64':
      return new BigInt64Array(buffer, byteOffset, elements);
    case 'u8':
    case 'bool':
      return new Uint8Array(buffer, byteOffset, elements);
  }
}
