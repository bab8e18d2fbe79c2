import { convolveBytes, MOST_BYTES } from './convolve.ts';
import type { Box } from './geometry.ts';
import { tapsOf, type Filter, type Taps } from './taps.ts';
import type { Samples } from './target.ts';

/** A block of samples [height, width, channels]. */
export interface Grid {
  readonly data: Samples;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

/**
 * A part of a picture brought to a size: separable convolution with antialiasing, as Pillow's `resize` with `box`; bytes
 * by SIMD with weights of 14 bits, which is off by less than a tenth of a level, other samples in floating point.
 * @returns [height, width, channels] in the unit of the source, not rounded; kernels with negative lobes overshoot.
 */
export function resample(source: Grid, box: Box, width: number, height: number, filter: Filter): Float32Array {
  const { data, channels } = source;
  const across = tapsOf(filter, source.width, box.left, box.right, width);
  const down = tapsOf(filter, source.height, box.top, box.bottom, height);
  const isSmall = data.length <= MOST_BYTES;
  if (data instanceof Uint8Array && isSmall && (channels === 1 || channels === 3)) {
    return convolveBytes({ data, stride: source.width * channels, channels }, across, down, width, height);
  }
  return convolve(source, across, down, width, height);
}

/** In floating point, for samples of any kind. */
export function convolve(source: Grid, across: Taps, down: Taps, width: number, height: number): Float32Array {
  const { data, channels } = source;
  // Only the columns that some output pixel looks at.
  const first = across.from[0] ?? 0;
  const end = (across.from[width - 1] ?? 0) + (across.count[width - 1] ?? 0);
  const row = new Float64Array((end - first) * channels);
  const out = new Float32Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const top = down.from[y] ?? 0;
    const weights = down.weights.subarray(y * down.stride, y * down.stride + (down.count[y] ?? 0));
    weighRows(row, data, (top * source.width + first) * channels, source.width * channels, weights);
    weighColumns(out, y * width * channels, row, first, channels, across, width);
  }
  return out;
}

/** `row` becomes the weighted sum of as many rows as there are weights, from `at` on; four at a time. */
function weighRows(row: Float64Array, data: Samples, at: number, stride: number, weights: Float64Array): void {
  const length = row.length;
  row.fill(0);
  let tap = 0;
  for (; tap + 4 <= weights.length; tap += 4) {
    const [a, b, c, d] = [weights[tap] ?? 0, weights[tap + 1] ?? 0, weights[tap + 2] ?? 0, weights[tap + 3] ?? 0];
    const first = at + tap * stride;
    const second = first + stride;
    const third = second + stride;
    const fourth = third + stride;
    for (let i = 0; i < length; i++) {
      row[i] =
        (row[i] ?? 0) +
        a * (data[first + i] ?? 0) +
        b * (data[second + i] ?? 0) +
        c * (data[third + i] ?? 0) +
        d * (data[fourth + i] ?? 0);
    }
  }
  for (; tap < weights.length; tap++) {
    const weight = weights[tap] ?? 0;
    const from = at + tap * stride;
    for (let i = 0; i < length; i++) row[i] = (row[i] ?? 0) + weight * (data[from + i] ?? 0);
  }
}

/** A row of the output from a row of weighted sums that begins at column `first`. */
function weighColumns(
  out: Float32Array,
  at: number,
  row: Float64Array,
  first: number,
  channels: number,
  { from, count, weights, stride }: Taps,
  width: number,
): void {
  for (let x = 0; x < width; x++) {
    const begin = ((from[x] ?? 0) - first) * channels;
    const taps = count[x] ?? 0;
    const weight = x * stride;
    if (channels === 3) {
      let [red, green, blue] = [0, 0, 0];
      for (let tap = 0, i = begin; tap < taps; tap++, i += 3) {
        const share = weights[weight + tap] ?? 0;
        red += share * (row[i] ?? 0);
        green += share * (row[i + 1] ?? 0);
        blue += share * (row[i + 2] ?? 0);
      }
      out[at + x * 3] = red;
      out[at + x * 3 + 1] = green;
      out[at + x * 3 + 2] = blue;
      continue;
    }
    for (let channel = 0; channel < channels; channel++) {
      let sum = 0;
      for (let tap = 0; tap < taps; tap++)
        sum += (weights[weight + tap] ?? 0) * (row[begin + tap * channels + channel] ?? 0);
      out[at + x * channels + channel] = sum;
    }
  }
}
