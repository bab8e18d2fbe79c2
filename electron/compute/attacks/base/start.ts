import { stream } from '../../random/stream.ts';
import type { RandomStream } from '../../random/stream.ts';
import { fillBounds } from './budget.ts';
import type { Norm } from './budget.ts';

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
  /** Starts at x plus normal noise of this deviation instead, cut to the ball. L∞ alone. */
  readonly startNoise?: number;
}

/**
 * What a random start is drawn from: directions and lengths, each evenly; the whole ball, evenly; or normal deviates. See
 * {@link fillNoise}.
 */
export type Noise = 'spread' | 'uniform' | 'gaussian';

/** The same in a ball of any norm. */
export interface BallStartPlan extends StartPlan {
  /** L∞ if left out. */
  readonly norm?: Norm;
  /** `spread` if left out. */
  readonly noise?: Noise;
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
  { epsilon, randomStart, startNoise = 0 }: StartPlan,
  seed: number,
  restart: number,
  into: StartPoints,
): void {
  const { start, lower, upper } = into;
  fillBounds(images, epsilon, into);
  if (!randomStart && startNoise === 0) {
    start.set(images);
    return;
  }
  const size = images.length / indices.length;
  const noise = new Float32Array(size);
  for (let row = 0; row < indices.length; row += 1) {
    const random = stream(seed, 'start', indices[row] ?? 0, restart);
    if (startNoise > 0) random.fillNormal(noise, 0, size, 0, startNoise);
    else random.fillUniform(noise, 0, size, -epsilon, epsilon);
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

/**
 * Start of each row in the ball of its norm: x, or x plus noise cut to [0, 1], which never leads out of the ball. Streams
 * as in {@link fillStart}, which is for L∞.
 * @returns [rows, …]
 */
export function startImages(
  images: Float32Array,
  indices: ArrayLike<number>,
  plan: BallStartPlan,
  seed: number,
  restart: number,
): Float32Array {
  const { norm = 'linf', epsilon, randomStart, noise = 'spread' } = plan;
  const start = images.slice();
  if (!randomStart) return start;
  const size = images.length / indices.length;
  const change = new Float64Array(size);
  for (let row = 0; row < indices.length; row += 1) {
    fillNoise(change, norm, noise, epsilon, stream(seed, 'start', indices[row] ?? 0, restart));
    for (let i = 0; i < size; i += 1) {
      const at = row * size + i;
      start[at] = Math.min(1, Math.max(0, (images[at] ?? 0) + (change[i] ?? 0)));
    }
  }
  return start;
}

/**
 * A random change within the ball of radius ε, float64.
 * - uniform: evenly over the ball. L2: a normal direction, its length ε u^(1/d). L1: Laplace deviates and one
 *   exponential more, over the sum of their sizes (Barthe et al. 2005, Annals of Probability 33, theorem 1).
 * - spread: the same in L∞. L2 and L1: such a direction, its length even in [0, ε]; a ball of many dimensions is almost
 *   all rim, from which attacks get less far.
 * - gaussian: L∞: normal deviates of deviation ε / 2, cut to ±ε. L2 and L1: normal deviates brought to the norm ε.
 */
export function fillNoise(change: Float64Array, norm: Norm, noise: Noise, epsilon: number, random: RandomStream): void {
  if (norm === 'linf') {
    for (let i = 0; i < change.length; i += 1) {
      const drawn = noise === 'gaussian' ? (epsilon / 2) * random.normal() : random.uniform(-epsilon, epsilon);
      change[i] = Math.min(epsilon, Math.max(-epsilon, drawn));
    }
    return;
  }
  const exponential = (): number => -Math.log(1 - random.uniform());
  const laplace = norm === 'l1' && noise !== 'gaussian';
  let total = 0;
  for (let i = 0; i < change.length; i += 1) {
    const drawn = laplace ? exponential() * (random.integer(2) === 1 ? 1 : -1) : random.normal();
    change[i] = drawn;
    total += norm === 'l1' ? Math.abs(drawn) : drawn * drawn;
  }
  const length = norm === 'l1' ? total + (laplace && noise === 'uniform' ? exponential() : 0) : Math.sqrt(total);
  const shares = {
    spread: () => random.uniform(),
    uniform: () => (norm === 'l2' ? random.uniform() ** (1 / change.length) : 1),
    gaussian: () => 1,
  };
  const share = shares[noise]();
  // A little less than ε: pixels are rounded to float32 afterwards.
  const factor = length > 0 ? (epsilon * share * (1 - 1e-6)) / length : 0;
  for (let i = 0; i < change.length; i += 1) change[i] = (change[i] ?? 0) * factor;
}
