import type { Box } from './geometry.ts';
import type { Samples, Target } from './target.ts';

type Filter = Target['filter'];

/** A block of samples [height, width, channels]. */
export interface Grid {
  readonly data: Samples;
  readonly width: number;
  readonly height: number;
  readonly channels: number;
}

const sinc = (x: number): number => (x === 0 ? 1 : Math.sin(Math.PI * x) / (Math.PI * x));

/** Kernels and their half widths, in source pixels of an image that is not scaled; those of Pillow (src/libImaging/Resample.c). */
const KERNELS: Readonly<
  Record<Exclude<Filter, 'nearest'>, { readonly support: number; readonly at: (x: number) => number }>
> = {
  area: { support: 0.5, at: (x) => (x > -0.5 && x <= 0.5 ? 1 : 0) },
  bilinear: { support: 1, at: (x) => Math.max(0, 1 - Math.abs(x)) },
  /** Keys' cubic convolution with a = −1/2 (IEEE Trans. ASSP 29(6), 1981). */
  bicubic: {
    support: 2,
    at: (value) => {
      const x = Math.abs(value);
      if (x < 1) return (1.5 * x - 2.5) * x * x + 1;
      return x < 2 ? ((-0.5 * x + 2.5) * x - 4) * x + 2 : 0;
    },
  },
  lanczos3: { support: 3, at: (x) => (Math.abs(x) < 3 ? sinc(x) * sinc(x / 3) : 0) },
};

/** For each output sample, where its source samples begin, how many they are, and their weights (of sum 1). */
interface Taps {
  readonly from: Int32Array;
  readonly count: Int32Array;
  readonly weights: Float64Array;
  /** Weights of each output sample. */
  readonly stride: number;
}

function tapsOf(filter: Filter, length: number, start: number, end: number, size: number): Taps {
  const scale = (end - start) / size;
  const spread = Math.max(1, scale);
  const kernel = filter === 'nearest' ? { support: 0, at: () => 1 } : KERNELS[filter];
  const support = kernel.support * spread;
  const stride = filter === 'nearest' ? 1 : Math.ceil(support) * 2 + 1;
  const taps = {
    from: new Int32Array(size),
    count: new Int32Array(size),
    weights: new Float64Array(size * stride),
    stride,
  };
  // Added up as Pillow does, so that ties between two pixels fall alike.
  let nearest = start + 0.5 * scale;
  for (let out = 0; out < size; out++, nearest += scale) {
    const centre = start + (out + 0.5) * scale;
    if (filter === 'nearest') {
      taps.from[out] = Math.min(length - 1, Math.max(0, Math.floor(nearest)));
      taps.count[out] = 1;
      taps.weights[out] = 1;
      continue;
    }
    const from = Math.max(0, Math.trunc(centre - support + 0.5));
    const count = Math.min(length, Math.trunc(centre + support + 0.5)) - from;
    let sum = 0;
    for (let tap = 0; tap < count; tap++) {
      const weight = kernel.at((tap + from - centre + 0.5) / spread);
      taps.weights[out * stride + tap] = weight;
      sum += weight;
    }
    for (let tap = 0; tap < count; tap++) {
      taps.weights[out * stride + tap] = (taps.weights[out * stride + tap] ?? 0) / sum;
    }
    taps.from[out] = from;
    taps.count[out] = count;
  }
  return taps;
}

/** Kernels are laid over pictures that were reduced to no less than so many times the size. */
const GAP = 3;

/**
 * A part of a picture brought to a size: separable convolution with antialiasing, in floating point, as Pillow's `resize`
 * with `box` and, for large reductions, `reducing_gap=3`: whole blocks of pixels are averaged first, which differs
 * from the plain convolution by less than a level on average.
 * @returns [height, width, channels] in the unit of the source, not rounded; kernels with negative lobes overshoot.
 */
export function resample(source: Grid, box: Box, width: number, height: number, filter: Filter): Float32Array {
  const reducible = filter === 'lanczos3' || filter === 'bicubic' || filter === 'bilinear';
  const across = reducible ? Math.max(1, Math.floor((box.right - box.left) / width / GAP)) : 1;
  const down = reducible ? Math.max(1, Math.floor((box.bottom - box.top) / height / GAP)) : 1;
  if (across === 1 && down === 1) return convolve(source, box, width, height, filter);
  const margin = KERNELS[filter === 'nearest' ? 'area' : filter].support;
  const left = Math.max(0, Math.floor(box.left - (margin * (box.right - box.left)) / width));
  const top = Math.max(0, Math.floor(box.top - (margin * (box.bottom - box.top)) / height));
  const right = Math.min(source.width, Math.ceil(box.right + (margin * (box.right - box.left)) / width));
  const bottom = Math.min(source.height, Math.ceil(box.bottom + (margin * (box.bottom - box.top)) / height));
  const smaller = averageBlocks(source, { left, top, right, bottom }, across, down);
  const inSmaller: Box = {
    left: (box.left - left) / across,
    top: (box.top - top) / down,
    right: (box.right - left) / across,
    bottom: (box.bottom - top) / down,
  };
  return convolve(smaller, inSmaller, width, height, filter);
}

/** Sums of rows: whole numbers as long as the samples are, which is faster. */
type Sums = Int32Array | Float64Array;

/** Means of blocks of `across` × `down` pixels; those at the right and the bottom may be smaller. */
function averageBlocks(source: Grid, { left, top, right, bottom }: Box, across: number, down: number): Grid {
  const { data, channels } = source;
  const width = Math.ceil((right - left) / across);
  const height = Math.ceil((bottom - top) / down);
  const length = (right - left) * channels;
  const sums = data instanceof Float32Array ? new Float64Array(length) : new Int32Array(length);
  const out = new Float32Array(width * height * channels);
  for (let y = 0; y < height; y++) {
    const first = top + y * down;
    const rows = Math.min(bottom, first + down) - first;
    addRows(sums, data, (first * source.width + left) * channels, source.width * channels, rows);
    addColumns(out, y * width * channels, sums, channels, across, rows);
  }
  return { data: out, width, height, channels };
}

/** `sums` becomes the sum of `rows` rows from `at` on. */
function addRows(sums: Sums, data: Samples, at: number, stride: number, rows: number): void {
  const length = sums.length;
  let row = 1;
  if (rows === 1) for (let i = 0; i < length; i++) sums[i] = data[at + i] ?? 0;
  else {
    row = 2;
    const second = at + stride;
    for (let i = 0; i < length; i++) sums[i] = (data[at + i] ?? 0) + (data[second + i] ?? 0);
  }
  for (; row < rows; row++) {
    const from = at + row * stride;
    for (let i = 0; i < length; i++) sums[i] = (sums[i] ?? 0) + (data[from + i] ?? 0);
  }
}

/** Means of `across` pixels each of a row that is the sum of `rows`. */
function addColumns(out: Float32Array, at: number, sums: Sums, channels: number, across: number, rows: number): void {
  const pixels = sums.length / channels;
  let to = at;
  for (let begin = 0; begin < pixels; begin += across) {
    const end = Math.min(pixels, begin + across);
    const share = 1 / (rows * (end - begin));
    if (channels === 3) {
      let [red, green, blue] = [0, 0, 0];
      for (let i = begin * 3; i < end * 3; i += 3) {
        red += sums[i] ?? 0;
        green += sums[i + 1] ?? 0;
        blue += sums[i + 2] ?? 0;
      }
      out[to] = red * share;
      out[to + 1] = green * share;
      out[to + 2] = blue * share;
    } else {
      for (let channel = 0; channel < channels; channel++) {
        let sum = 0;
        for (let i = begin * channels + channel; i < end * channels; i += channels) sum += sums[i] ?? 0;
        out[to + channel] = sum * share;
      }
    }
    to += channels;
  }
}

function convolve(source: Grid, box: Box, width: number, height: number, filter: Filter): Float32Array {
  const { data, channels } = source;
  const across = tapsOf(filter, source.width, box.left, box.right, width);
  const down = tapsOf(filter, source.height, box.top, box.bottom, height);
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
