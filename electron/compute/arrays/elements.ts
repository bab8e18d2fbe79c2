/** Element types of arrays in files. */
export const ELEMENT_BYTES = {
  bool: 1,
  u8: 1,
  i8: 1,
  u16: 2,
  i16: 2,
  u32: 4,
  i32: 4,
  u64: 8,
  i64: 8,
  f32: 4,
  f64: 8,
} as const;
export type ElementType = keyof typeof ELEMENT_BYTES;

export type Elements =
  | Uint8Array
  | Int8Array
  | Uint16Array
  | Int16Array
  | Uint32Array
  | Int32Array
  | BigUint64Array
  | BigInt64Array
  | Float32Array
  | Float64Array;

/**
 * Little-endian bytes as elements: the same memory where it is aligned, else a copy. Bytes of big-endian elements are
 * turned round in place.
 * @param bytes a whole number of elements.
 */
export function elementsOf(type: ElementType, bytes: Uint8Array, bigEndian = false): Elements {
  const width = ELEMENT_BYTES[type];
  if (bigEndian) turnRound(bytes, width);
  const aligned = bytes.byteOffset % width === 0 ? bytes : bytes.slice();
  const { buffer, byteOffset, length } = aligned;
  const count = length / width;
  switch (type) {
    case 'bool':
    case 'u8':
      return aligned;
    case 'i8':
      return new Int8Array(buffer, byteOffset, count);
    case 'u16':
      return new Uint16Array(buffer, byteOffset, count);
    case 'i16':
      return new Int16Array(buffer, byteOffset, count);
    case 'u32':
      return new Uint32Array(buffer, byteOffset, count);
    case 'i32':
      return new Int32Array(buffer, byteOffset, count);
    case 'u64':
      return new BigUint64Array(buffer, byteOffset, count);
    case 'i64':
      return new BigInt64Array(buffer, byteOffset, count);
    case 'f32':
      return new Float32Array(buffer, byteOffset, count);
    case 'f64':
      return new Float64Array(buffer, byteOffset, count);
  }
}

function turnRound(bytes: Uint8Array, width: 1 | 2 | 4 | 8): void {
  if (width === 1) return;
  const buffer = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (width === 2) buffer.swap16();
  else if (width === 4) buffer.swap32();
  else buffer.swap64();
}
