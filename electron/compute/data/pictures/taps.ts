import type { Target } from './target.ts';

export type Filter = Target['filter'];

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
export interface Taps {
  readonly from: Int32Array;
  readonly count: Int32Array;
  readonly weights: Float64Array;
  /** Weights of each output sample. */
  readonly stride: number;
}

/** So many are kept: pictures of a set share a few sizes, and weights take as long as a small picture. */
const MOST_KEPT = 32;
const kept = new Map<string, Taps>();

/**
 * The taps of one direction: `length` samples, of which those between `start` and `end` become `size`. Samples beyond these
 * edges count where the kernel reaches them; beyond the picture the rest is made to sum to 1.
 */
export function tapsOf(filter: Filter, length: number, start: number, end: number, size: number): Taps {
  const key = `${filter} ${length} ${start} ${end} ${size}`;
  const known = kept.get(key);
  if (known) return known;
  const [oldest] = kept.keys();
  if (kept.size >= MOST_KEPT && oldest !== undefined) kept.delete(oldest);
  const taps = makeTaps(filter, length, start, end, size);
  kept.set(key, taps);
  return taps;
}

function makeTaps(filter: Filter, length: number, start: number, end: number, size: number): Taps {
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
