import { CONVOLVE_WASM } from './convolve-wasm.ts';
import type { Taps } from './taps.ts';

/** Pictures of more bytes than this are not worth memory that is never given back. */
export const MOST_BYTES = 64 * 2 ** 20;

/** Bytes [height, width, channels]. */
interface Bytes {
  readonly data: Uint8Array;
  /** Of a row. */
  readonly stride: number;
  readonly channels: 1 | 3;
}

interface Kernels {
  readonly memory: WebAssembly.Memory;
  readonly rows: (...numbers: readonly number[]) => void;
  readonly columnsRgb: (...numbers: readonly number[]) => void;
  readonly columnsGrey: (...numbers: readonly number[]) => void;
}

const kernels = new WebAssembly.Instance(new WebAssembly.Module(Buffer.from(CONVOLVE_WASM, 'base64')))
  .exports as unknown as Kernels;

const PAGE = 65_536;
const UNIT = 16_384;
const VECTOR = 16;

/** Weights as the SIMD passes want them. */
interface PackedTaps {
  /** [size, stride] of 1/16384, the sum of each exactly 1, an even number of them. */
  readonly whole: Int16Array;
  readonly wholeStride: number;
  /** [size, stride], a multiple of four of them. */
  readonly real: Float32Array;
  readonly realStride: number;
}

const packed = new WeakMap<Taps, PackedTaps>();

function pack(taps: Taps): PackedTaps {
  const known = packed.get(taps);
  if (known) return known;
  const size = taps.from.length;
  const wholeStride = taps.stride + (taps.stride % 2);
  const realStride = Math.ceil(taps.stride / 4) * 4;
  const whole = new Int16Array(size * wholeStride);
  const real = new Float32Array(size * realStride);
  for (let out = 0; out < size; out++) {
    let rest = UNIT;
    let largest = 0;
    for (let tap = 0; tap < (taps.count[out] ?? 0); tap++) {
      const weight = taps.weights[out * taps.stride + tap] ?? 0;
      const rounded = Math.round(weight * UNIT);
      real[out * realStride + tap] = weight;
      whole[out * wholeStride + tap] = rounded;
      rest -= rounded;
      if (rounded > (whole[out * wholeStride + largest] ?? 0)) largest = tap;
    }
    whole[out * wholeStride + largest] = (whole[out * wholeStride + largest] ?? 0) + rest;
  }
  const result = { whole, wholeStride, real, realStride };
  packed.set(taps, result);
  return result;
}

/**
 * Both passes of a convolution of bytes, by the kernels of convolve.wat.
 * @returns [height, width, channels] in 0…255, not rounded, in memory of its own.
 */
export function convolveBytes(
  { data, stride, channels }: Bytes,
  across: Taps,
  down: Taps,
  width: number,
  height: number,
): Float32Array {
  const columns = pack(across);
  const rows = pack(down);
  const top = down.from[0] ?? 0;
  const bottom = (down.from[height - 1] ?? 0) + (down.count[height - 1] ?? 0);
  const first = across.from[0] ?? 0;
  const length = ((across.from[width - 1] ?? 0) + (across.count[width - 1] ?? 0) - first) * channels;

  const place = placer();
  const from = place(4 * width);
  const count = place(4 * width);
  const real = place(columns.real.byteLength);
  const whole = place(rows.whole.byteLength);
  const row = place(4 * (length + VECTOR));
  const out = place(4 * (width * height * channels + VECTOR));
  // A row more: an odd number of taps has a weight of 0 for it.
  const source = place((bottom - top + 1) * stride + VECTOR);
  grow(place(0));

  const { buffer } = kernels.memory;
  new Int32Array(buffer, from, width).set(across.from.map((column) => (column - first) * channels * 4));
  new Int32Array(buffer, count, width).set(across.count);
  new Float32Array(buffer, real, columns.real.length).set(columns.real);
  new Int16Array(buffer, whole, rows.whole.length).set(rows.whole);
  new Float32Array(buffer, row, length + VECTOR).fill(0);
  new Uint8Array(buffer, source).set(data.subarray(top * stride, bottom * stride));

  const columnsPass = channels === 3 ? kernels.columnsRgb : kernels.columnsGrey;
  for (let y = 0; y < height; y++) {
    const at = source + ((down.from[y] ?? 0) - top) * stride + first * channels;
    const pairs = Math.ceil((down.count[y] ?? 0) / 2);
    kernels.rows(row, at, stride, length, whole + y * rows.wholeStride * 2, pairs);
    columnsPass(out + y * width * channels * 4, row, from, count, real, columns.realStride * 4, width);
  }
  return new Float32Array(buffer, out, width * height * channels).slice();
}

/** Gives places one after another, each at a multiple of 16. */
function placer(): (bytes: number) => number {
  let next = 0;
  return (bytes) => {
    const at = next;
    next += Math.ceil(bytes / VECTOR) * VECTOR;
    return at;
  };
}

function grow(bytes: number): void {
  const missing = bytes - kernels.memory.buffer.byteLength;
  if (missing > 0) kernels.memory.grow(Math.ceil(missing / PAGE));
}
