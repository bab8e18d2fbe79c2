import type { ImageShape } from '../../../../shared/domain/shape.ts';
import { resample } from './resample.ts';
import type { Samples } from './target.ts';

/** Mean and standard deviation of all samples of an image, which are in [0, 1]. */
export interface Light {
  readonly brightness: number;
  readonly contrast: number;
}

/** @param pixels bytes 0…255, or float32 in [0, 1]. */
export function brightnessAndContrast(pixels: Uint8Array | Float32Array): Light {
  const top = pixels instanceof Uint8Array ? 255 : 1;
  let sum = 0;
  let squares = 0;
  for (let i = 0; i < pixels.length; i++) {
    const value = pixels[i] ?? 0;
    sum += value;
    squares += value * value;
  }
  const mean = sum / pixels.length;
  const variance = Math.max(0, squares / pixels.length - mean * mean);
  return { brightness: mean / top, contrast: Math.sqrt(variance) / top };
}

const SIDE = 32;
const LOW = 8;
/** cos(π (2 x + 1) u / 64): the discrete cosine transform of type II, its lowest frequencies. */
const COSINES = Float64Array.from({ length: LOW * SIDE }, (_, i) =>
  Math.cos((Math.PI * (2 * (i % SIDE) + 1) * Math.floor(i / SIDE)) / (2 * SIDE)),
);
/** Differences below this, of sums of samples 0…255, are rounding errors. */
const NOISE = 1e-3;

/**
 * Perceptual hash by the discrete cosine transform (C. Zauner, Implementation and Benchmarking of Perceptual Image Hash
 * Functions, 2010, section 3.2.1): luminance at 32 × 32, its 8 × 8 lowest frequencies, a bit for each above their
 * median. Pictures that look alike differ in few of the 64 bits.
 * @param pixels [height, width, channels] of `shape`, one or three channels: bytes 0…255, or float32 in [0, 1].
 * @returns 64 bits, the constant part first, then along the first row.
 */
export function perceptualHash(pixels: Uint8Array | Float32Array, [height, width, channels]: ImageShape): bigint {
  const small = resample(
    { data: luma(pixels, channels), width, height, channels: 1 },
    { left: 0, top: 0, right: width, bottom: height },
    SIDE,
    SIDE,
    'area',
  );
  const half = new Float64Array(LOW * SIDE);
  for (let u = 0; u < LOW; u++) {
    for (let x = 0; x < SIDE; x++) {
      let sum = 0;
      for (let y = 0; y < SIDE; y++) sum += (COSINES[u * SIDE + y] ?? 0) * (small[y * SIDE + x] ?? 0);
      half[u * SIDE + x] = sum;
    }
  }
  const low = new Float64Array(LOW * LOW);
  for (let u = 0; u < LOW; u++) {
    for (let v = 0; v < LOW; v++) {
      let sum = 0;
      for (let x = 0; x < SIDE; x++) sum += (COSINES[v * SIDE + x] ?? 0) * (half[u * SIDE + x] ?? 0);
      low[u * LOW + v] = sum;
    }
  }
  const sorted = low.toSorted();
  const median = ((sorted[LOW * (LOW / 2) - 1] ?? 0) + (sorted[LOW * (LOW / 2)] ?? 0)) / 2;
  let hash = 0n;
  for (const value of low) hash = (hash << 1n) | (value > median + NOISE ? 1n : 0n);
  return hash;
}

/** One channel, 0…255. */
function luma(pixels: Uint8Array | Float32Array, channels: number): Samples {
  if (channels === 1 && pixels instanceof Uint8Array) return pixels;
  const scale = pixels instanceof Uint8Array ? 1 : 255;
  const out = new Float32Array(pixels.length / channels);
  for (let i = 0; i < out.length; i++) {
    const at = i * channels;
    const red = pixels[at] ?? 0;
    out[i] =
      scale * (channels === 3 ? 0.299 * red + 0.587 * (pixels[at + 1] ?? 0) + 0.114 * (pixels[at + 2] ?? 0) : red);
  }
  return out;
}
