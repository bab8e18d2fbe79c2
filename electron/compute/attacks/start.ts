import { stream } from '../random/stream.ts';
import { fillBounds } from './budget.ts';

/** Where trajectories start, and the bounds that they keep, each float32 [rows, height, width, channels]. */
export interface StartPoints {
  readonly start: Float32Array;
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/** Radius of the L∞ ball in [0, 1], and whether trajectories start at a random point of it. */
export interface StartPlan {
  readonly epsilon: number;
  readonly randomStart: boolean;
}

/**
 * Bounds and start of each row: x, or x plus noise from the stream of (seed, 'start', example, restart), cut to the
 * bounds. They depend on nothing else, so neither batch size nor engine nor thread changes them.
 * @param images x, [rows, …] in [0, 1]
 * @param indices of the rows: keys of their streams
 * @param into arrays of at least the images' length, overwritten from their start
 */
export function fillStart(
  images: Float32Array,
  indices: ArrayLike<number>,
  { epsilon, randomStart }: StartPlan,
  seed: number,
  restart: number,
  into: StartPoints,
): void {
  const { start, lower, upper } = into;
  fillBounds(images, epsilon, into);
  if (!randomStart) {
    start.set(images);
    return;
  }
  const size = images.length / indices.length;
  const noise = new Float32Array(size);
  for (let row = 0; row < indices.length; row += 1) {
    const random = stream(seed, 'start', indices[row] ?? 0, restart);
    random.fillUniform(noise, 0, size, -epsilon, epsilon);
    for (let i = 0; i < size; i += 1) {
      const at = row * size + i;
      const moved = (images[at] ?? 0) + (noise[i] ?? 0);
      start[at] = Math.min(upper[at] ?? 0, Math.max(lower[at] ?? 0, moved));
    }
  }
}

/** The same in arrays of their own. */
export function startPoints(
  images: Float32Array,
  indices: ArrayLike<number>,
  plan: StartPlan,
  seed: number,
  restart: number,
): StartPoints {
  const array = (): Float32Array => new Float32Array(images.length);
  const into = { start: array(), lower: array(), upper: array() };
  fillStart(images, indices, plan, seed, restart, into);
  return into;
}
