/** Norms of a perturbation, over all pixels and channels of an image. */
export type Norm = 'linf' | 'l2' | 'l1';

/** A ball around each image. */
export interface Ball {
  readonly norm: Norm;
  /** Radius, in pixels of [0, 1]. */
  readonly epsilon: number;
}

/** Slack of the constraint's float64 check, for the range and for L∞: pixels are rounded to float32. */
const SLACK = 1.2e-7;

/** The L∞ ball of radius ε around each image, cut with [0, 1]. Both arrays have the images' length. */
export interface Bounds {
  readonly lower: Float32Array;
  readonly upper: Float32Array;
}

/**
 * Bounds max(0, x − ε) and min(1, x + ε), rounded once to float32: the same numbers for every iterate and restart.
 * @param images pixels in [0, 1].
 * @param epsilon radius in [0, 1].
 */
export function boundsOf(images: Float32Array, epsilon: number): Bounds {
  const bounds = { lower: new Float32Array(images.length), upper: new Float32Array(images.length) };
  fillBounds(images, epsilon, bounds);
  return bounds;
}

/** The same into arrays of at least the images' length. */
export function fillBounds(images: Float32Array, epsilon: number, { lower, upper }: Bounds): void {
  for (let i = 0; i < images.length; i += 1) {
    const pixel = images[i] ?? 0;
    lower[i] = Math.max(0, pixel - epsilon);
    upper[i] = Math.min(1, pixel + epsilon);
  }
}

/** Size of one perturbation, in float64, and whether the image obeys the constraint. */
export interface Perturbation {
  readonly linf: number;
  readonly l2: number;
  readonly l1: number;
  /** All pixels finite and in [0, 1], with a slack of 1.2e-7. */
  readonly inRange: boolean;
  /** In range, and in the ball: L∞ with a slack of 1.2e-7, L2 and L1 with one of 1e-6 · max(1, ε). */
  readonly valid: boolean;
}

/**
 * Measures x' − x of one image and checks the constraint in float64.
 * @param clean pixels of many images; the image starts at `cleanOffset`.
 * @param adversarial likewise, from `adversarialOffset`.
 * @param size pixels of one image.
 */
export function measurePerturbation(
  clean: Float32Array,
  cleanOffset: number,
  adversarial: Float32Array,
  adversarialOffset: number,
  size: number,
  ball: Ball,
): Perturbation {
  let linf = 0;
  let squares = 0;
  let l1 = 0;
  let inRange = true;
  for (let i = 0; i < size; i += 1) {
    const pixel = adversarial[adversarialOffset + i] ?? Number.NaN;
    const change = Math.abs(pixel - (clean[cleanOffset + i] ?? Number.NaN));
    // Written so that NaN fails.
    if (!(pixel >= -SLACK && pixel <= 1 + SLACK)) inRange = false;
    if (!(change <= linf)) linf = change;
    squares += change * change;
    l1 += change;
  }
  const sizes = { linf, l2: Math.sqrt(squares), l1 };
  return { ...sizes, inRange, valid: inRange && sizes[ball.norm] <= ball.epsilon + slackOf(ball) };
}

/** What rounding to float32 may add to the size of a perturbation. */
export function slackOf({ norm, epsilon }: Ball): number {
  return norm === 'linf' ? SLACK : 1e-6 * Math.max(1, epsilon);
}
