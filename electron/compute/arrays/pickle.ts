import { BufferReader, Parser } from 'pickleparser';
import { AppError } from '../../../shared/domain/errors.ts';
import { badData } from './byte-stream.ts';
import type { ElementType } from './elements.ts';
import { NUMBER_CODES } from './npy-header.ts';

/** An array that a pickle holds. */
export interface PickledArray {
  readonly kind: 'array';
  readonly shape: readonly number[];
  readonly columnMajor: boolean;
  readonly type: ElementType;
  readonly bigEndian: boolean;
  readonly bytes: Uint8Array;
}

/**
 * Reads a pickle without executing anything: of the names that it asks for, only those by which NumPy describes its arrays
 * are known, and what they make is data. All else is refused by name.
 * @param name what to call the file in messages.
 * @returns null, booleans, numbers, strings, bytes, lists, maps, and arrays of numbers. Strings of Python 2 come as
 *   strings of one letter for a byte, or as bytes if they are long.
 * @throws AppError `bad-data` for a pickle that holds anything else, or is damaged.
 */
export function readPickle(bytes: Uint8Array, name: string): unknown {
  const nameResolver = { resolve: (module: string, global: string) => known(module, global, name) };
  try {
    return new Parser({ nameResolver, unpicklingTypeOfDictionary: 'Map' }).read(new StrictReader(bytes));
  } catch (cause) {
    if (cause instanceof AppError) throw cause;
    throw badData(name, 'is no pickle of Python that can be read, or is damaged. Download it again', cause);
  }
}

/** Whether bytes begin as a pickle of protocol 2 or later does. */
export function looksLikePickle(head: Uint8Array): boolean {
  return head[0] === 0x80 && (head[1] ?? 0) >= 2 && (head[1] ?? 0) <= 5;
}

/** Text of a pickle, whether it is a string or bytes; null for anything else. */
export function pickledText(value: unknown): string | null {
  if (typeof value === 'string') return value;
  return value instanceof Uint8Array ? Buffer.from(value).toString('latin1') : null;
}

/** Strings of Python 2 from this length on are the bytes of arrays, and stay bytes. */
const LONG_STRING = 2 ** 20;

/** A reader that keeps each byte of Python 2's strings, and never steps back. */
class StrictReader extends BufferReader {
  override skip(count: number): void {
    if (!Number.isSafeInteger(count) || count < 0) throw new Error('a length below zero');
    super.skip(count);
  }

  override string(size: number, encoding: 'ascii' | 'utf-8'): string {
    if (encoding === 'utf-8') return super.string(size, encoding);
    const bytes = super.bytes(size);
    return size >= LONG_STRING ? (bytes as unknown as string) : Buffer.from(bytes).toString('latin1');
  }
}

interface Type {
  readonly element: ElementType;
  bigEndian: boolean;
}

/* Of `numpy.ndarray.__reduce__` and `numpy.dtype.__reduce__`: what is made first, and filled by its state thereafter. */
interface ArrayState extends Partial<Omit<PickledArray, 'kind'>> {
  readonly kind: 'array';
}

/** What stands for a class itself, such as `numpy.ndarray` among arguments. */
const ARRAY_CLASS = (): never => {
  throw new Error('an array without a description');
};

function known(module: string, global: string, file: string): (...args: unknown[]) => unknown {
  const refuse = (what: string): AppError =>
    badData(
      file,
      `holds ${what}. Pickles can execute code, so only lists, text, numbers and arrays of numbers are read`,
    );
  const inNumpy = module === 'numpy' || /^numpy\._?core\.(multiarray|numeric)$/.test(module);
  if (inNumpy && global === '_reconstruct') return () => pendingArray(refuse);
  if (inNumpy && global === 'ndarray') return ARRAY_CLASS;
  if (inNumpy && global === '_frombuffer') {
    return (bytes: unknown, type: unknown, shape: unknown, order: unknown) =>
      filledArray([1, shape, type, order === 'F', bytes], refuse);
  }
  if (module === 'numpy' && global === 'dtype') return (code: unknown) => typeOf(code, refuse);
  if (module === '_codecs' && global === 'encode') {
    return (text: unknown, encoding: unknown) => {
      if (typeof text !== 'string' || encoding !== 'latin1') throw refuse(`text in the encoding ${String(encoding)}`);
      return new Uint8Array(Buffer.from(text, 'latin1'));
    };
  }
  // How Python 3 writes empty bytes at protocol 2.
  if ((module === '__builtin__' || module === 'builtins') && global === 'bytes') return () => new Uint8Array(0);
  throw refuse(`${module}.${global}`);
}

function typeOf(code: unknown, refuse: (what: string) => AppError): Type {
  const text = pickledText(code) ?? '';
  const element = NUMBER_CODES[text];
  if (!element) throw refuse(text.startsWith('O') ? 'an array of Python objects' : `an array of type ${text || '?'}`);
  const type: Type = { element, bigEndian: false };
  return withState(type, (state) => {
    type.bigEndian = Array.isArray(state) && pickledText(state[1]) === '>';
  });
}

function pendingArray(refuse: (what: string) => AppError): ArrayState {
  const array: ArrayState = { kind: 'array' };
  return withState(array, (state) => {
    if (!Array.isArray(state)) throw refuse('an array without a description');
    Object.assign(array, filledArray(state, refuse));
  });
}

/** `state`: version, shape, type, whether the first axis varies fastest, bytes. */
function filledArray(state: readonly unknown[], refuse: (what: string) => AppError): PickledArray {
  const [, shape, type, columnMajor, data] = state;
  const bytes = typeof data === 'string' ? new Uint8Array(Buffer.from(data, 'latin1')) : data;
  if (!Array.isArray(shape) || !isType(type)) throw refuse('an array without a shape');
  if (!(bytes instanceof Uint8Array)) throw refuse('an array of Python objects');
  return {
    kind: 'array',
    shape: shape.map(Number),
    columnMajor: columnMajor === true || columnMajor === 1,
    type: type.element,
    bigEndian: type.bigEndian,
    bytes,
  };
}

function isType(value: unknown): value is Type {
  return typeof value === 'object' && value !== null && 'element' in value;
}

/** Lets the parser hand over the state that follows an object. */
function withState<T extends object>(value: T, fill: (state: unknown) => void): T {
  return Object.defineProperty(value, '__setstate__', { value: fill, enumerable: false });
}
