import { badData } from './byte-stream.ts';
import type { ElementType } from './elements.ts';

/** What an NPY file (format 1.0 to 3.0; NumPy's `numpy.lib.format`) says of its array. */
export interface NpyLayout {
  readonly elements:
    | { readonly kind: 'numbers'; readonly type: ElementType; readonly bigEndian: boolean }
    /** Text of `length` letters each: 1 byte per letter, or 4 bytes of UTF-32. */
    | { readonly kind: 'text'; readonly length: number; readonly wide: boolean; readonly bigEndian: boolean };
  readonly shape: readonly number[];
  readonly columnMajor: boolean;
  /** Bytes before the first element. */
  readonly offset: number;
}

/** How an NPY file begins. */
export const NPY_MAGIC = [0x93, 0x4e, 0x55, 0x4d, 0x50, 0x59];
/** Types of numbers by NumPy's codes, without the order of bytes. */
export const NUMBER_CODES: Readonly<Record<string, ElementType>> = {
  b1: 'bool',
  u1: 'u8',
  i1: 'i8',
  u2: 'u16',
  i2: 'i16',
  u4: 'u32',
  i4: 'i32',
  u8: 'u64',
  i8: 'i64',
  f4: 'f32',
  f8: 'f64',
};

/** Bytes that hold the header of any array of numbers or text. */
export const NPY_HEAD_BYTES = 4096;

/** Whether bytes begin as an NPY file does. */
function looksLikeNpy(bytes: Uint8Array): boolean {
  return NPY_MAGIC.every((byte, index) => bytes[index] === byte);
}

/**
 * Parses the header of an NPY file.
 * @param name what to call the array in messages.
 * @throws AppError `bad-data` for anything but numbers and text; Python objects would have to be executed.
 */
export function parseNpyLayout(bytes: Uint8Array, name: string): NpyLayout {
  if (bytes.length < 10 || !looksLikeNpy(bytes)) throw badData(name, 'is not an NPY array');
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  const wide = (bytes[6] ?? 1) >= 2;
  const start = wide ? 12 : 10;
  if (wide && bytes.length < start) throw badData(name, 'has a header that is cut short');
  const offset = start + (wide ? view.getUint32(8, true) : view.getUint16(8, true));
  if (offset > bytes.length) throw badData(name, 'has a header that is cut short');
  const text = new TextDecoder('latin1').decode(bytes.subarray(start, offset));
  const descriptor = /'descr':\s*'([^']*)'/.exec(text)?.[1];
  const fortran = /'fortran_order':\s*(True|False)/.exec(text)?.[1];
  const tuple = /'shape':\s*\(([^)]*)\)/.exec(text)?.[1];
  if (/'descr':\s*\[/.test(text)) {
    throw badData(
      name,
      'holds records of several fields, where one array of numbers was expected. Save its fields apart',
    );
  }
  if (descriptor === undefined || fortran === undefined || tuple === undefined) {
    throw badData(name, 'has a header that cannot be read');
  }
  const shape = tuple
    .split(',')
    .filter((part) => part.trim() !== '')
    .map(Number);
  if (shape.some((extent) => !Number.isSafeInteger(extent) || extent < 0)) {
    throw badData(name, `has the shape (${tuple})`);
  }
  return { elements: elementsOfDescriptor(descriptor, name), shape, columnMajor: fortran === 'True', offset };
}

function elementsOfDescriptor(descriptor: string, name: string): NpyLayout['elements'] {
  const [, order = '', kind = ''] = /^([<>=|]?)(.*)$/.exec(descriptor) ?? [];
  const bigEndian = order === '>';
  if (kind.startsWith('O')) {
    throw badData(
      name,
      'holds Python objects. Loading them would execute code, so they are never loaded; save numbers',
    );
  }
  const letters = /^([US])(\d+)$/.exec(kind);
  if (letters) return { kind: 'text', length: Number(letters[2]), wide: letters[1] === 'U', bigEndian };
  const type = NUMBER_CODES[kind];
  if (!type) throw badData(name, `has elements of type ${descriptor}, which is not supported; use float32`);
  return { kind: 'numbers', type, bigEndian };
}
