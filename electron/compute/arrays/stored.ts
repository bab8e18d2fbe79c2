import type { AppError } from '../../../shared/domain/errors.ts';
import { badData } from './byte-stream.ts';
import { ELEMENT_BYTES, elementsOf } from './elements.ts';
import type { ElementType } from './elements.ts';
import { shapeSize } from './npy.ts';

/** An array of numbers in a file: located and described, not read. */
export interface StoredArray {
  readonly kind: 'numbers';
  /** What to call it in messages. */
  readonly name: string;
  readonly shape: readonly number[];
  /** Whether the first axis varies fastest in the file (MATLAB, Fortran), else the last. */
  readonly columnMajor: boolean;
  /** What its values are. */
  readonly type: ElementType;
  /** What they are kept as, where that is less. */
  readonly stored: ElementType;
  readonly bigEndian: boolean;
  /**
   * The bytes of the elements in the file's order, from byte `start` on.
   * @throws AppError `bad-data` where the file is damaged or ends early.
   */
  bytes(start: number): AsyncIterable<Uint8Array>;
}

/** An array of short texts, such as names of classes. */
export interface StoredTexts {
  readonly kind: 'texts';
  readonly name: string;
  readonly shape: readonly number[];
  texts(): Promise<readonly string[]>;
}

/** An array that cannot be had; asking for it throws. */
export interface RefusedArray {
  readonly kind: 'refused';
  readonly name: string;
  readonly error: unknown;
}

export type AnyStored = StoredArray | StoredTexts | RefusedArray;

/**
 * A whole array, in the order of the file.
 * @param limit bytes that it may have.
 * @throws AppError `bad-data` for a longer one, or where the file ends early.
 */
export async function readWhole(array: StoredArray, limit: number): Promise<Uint8Array> {
  const expected = shapeSize(array.shape) * ELEMENT_BYTES[array.stored];
  if (expected > limit) {
    throw badData(array.name, `has ${mebibytes(expected)}, where at most ${mebibytes(limit)} can be read at once`);
  }
  const bytes = new Uint8Array(expected);
  let found = 0;
  for await (const chunk of array.bytes(0)) {
    if (found < expected) bytes.set(chunk.subarray(0, expected - found), found);
    found += chunk.length;
    if (found > expected) break;
  }
  if (found < expected) throw cutShort(array.name, expected, found);
  return bytes;
}

/** Labels and the like may have so many bytes. */
const NUMBERS_LIMIT = 128 * 2 ** 20;

/** All numbers of an array, in the order of the file. @throws AppError as `readWhole`, above 128 MiB. */
export async function readNumbers(array: StoredArray): Promise<readonly number[]> {
  const elements = elementsOf(array.stored, await readWhole(array, NUMBERS_LIMIT), array.bigEndian);
  return Array.from(elements as ArrayLike<number | bigint>, Number);
}

export function cutShort(name: string, expected: number, found: number): AppError {
  return found < expected
    ? badData(name, `is cut short: it has ${found} of the ${expected} bytes that its header promises. Save it again`)
    : badData(name, `has ${found} bytes, more than the ${expected} that its header promises. Save it again`);
}

/** Bytes in MiB, for messages. */
export function mebibytes(bytes: number): string {
  return `${Math.ceil(bytes / 2 ** 20).toLocaleString('en')} MiB`;
}
