import * as tf from '@tensorflow/tfjs-core';
import type { Norm } from './budget.ts';
import { ascentDirection, moveWithin } from './direction.ts';

/**
 * L2 and L1 balls are kept with this much less than their radius: sums of squares in float32 are off by up to so much,
 * and the constraint is checked in float64.
 */
const MARGIN = 1 - 1e-6;
/** Halvings and straight-line guesses of the L1 projection's threshold, one after the other. */
const THRESHOLD_STEPS = 20;

/**
 * The norm of each row over all that follows the first axis.
 * Sums are made in two stages: one long float32 sum loses digits on some engines.
 * @param difference [n, …]; entries of ordinary size (squares must not overflow)
 * @returns [n]. The caller disposes of it.
 */
export function normOf(norm: Norm, difference: tf.Tensor): tf.Tensor1D {
  return tf.tidy(() => {
    const size = tf.abs(difference);
    if (norm === 'linf') return tf.max(flat(size), 1);
    const parts = norm === 'l2' ? tf.square(difference) : size;
    const sums = rowSums(parts);
    return norm === 'l2' ? tf.sqrt(sums) : sums;
  });
}

/**
 * The step of unit norm along which attacks ascend; 0 in rows whose gradient is 0, and where entries are not finite.
 * - L∞: the signs, see {@link ascentDirection}, the direction of steepest ascent.
 * - L2: the gradient by its length, likewise steepest.
 * - L1: the gradient by its L1 norm, as foolbox has it. The steepest would change a single pixel; see
 *   {@link sparseAscent} for the step between the two that strong L1 attacks take.
 *
 * Each row is brought to a largest entry of 1 first: the squares of a confident example's gradient are 0 in float32.
 * @param gradient [n, …]
 * @returns of the gradient's shape. The caller disposes of it.
 */
export function steepest<T extends tf.Tensor>(norm: Norm, gradient: T): T {
  if (norm === 'linf') return ascentDirection(gradient);
  return tf.tidy(() => {
    const finite = tf.where(tf.isFinite(gradient), gradient, tf.zerosLike(gradient));
    const largest = normOf('linf', finite);
    const scaled = tf.div(finite, perRow(tf.add(largest, tf.cast(tf.equal(largest, 0), 'float32')), gradient));
    // At least 1 where there is a gradient at all.
    return tf.div<T>(scaled, perRow(tf.maximum(normOf(norm, scaled), 1), gradient));
  });
}

/**
 * The step of unit L1 norm that changes the `count` pixels of the largest gradients by equal amounts along their signs;
 * pixels that are at their end of [0, 1] already are left out. Equals of the last one change too.
 * Sparse L1 descent, Tramèr & Boneh 2019, arXiv 1904.13000, section 4.
 * @param gradient [n, …], likewise `iterate`
 * @param count at least 1
 * @returns of the gradient's shape. The caller disposes of it.
 */
export function sparseAscent<T extends tf.Tensor>(gradient: T, iterate: tf.Tensor, count: number): T {
  return tf.tidy(() => {
    const direction = ascentDirection(gradient);
    const free = tf.cast(
      tf.logicalOr(
        tf.logicalAnd(tf.greater(direction, 0), tf.less(iterate, 1)),
        tf.logicalAnd(tf.less(direction, 0), tf.greater(iterate, 0)),
      ),
      'float32',
    );
    const finite = tf.where(tf.isFinite(gradient), tf.abs(gradient), tf.zerosLike(gradient));
    const size = tf.mul(finite, free);
    const pixels = flat(size);
    const { values } = tf.topk(pixels, Math.min(count, pixels.shape[1] ?? 1));
    const least = tf.min(values, 1);
    const chosen = tf.logicalAnd(tf.greaterEqual(size, perRow(least, size)), tf.greater(size, 0));
    const step = tf.mul(direction, tf.cast(chosen, 'float32'));
    return tf.div<T>(step, perRow(tf.maximum(normOf('l1', step), 1), gradient));
  });
}

/**
 * The candidates brought into the ball of radius ε around x and into [0, 1]: both hold afterwards.
 * - L∞: cut to max(0, x − ε) and min(1, x + ε).
 * - L2: the change shortened to ε, then cut to [0, 1], which only shortens it further.
 * - L1: the nearest point of ball and box together (not one after the other, which would land well inside the ball):
 *   the change less a threshold, cut to the box, the threshold found to 1e-6 of the largest change.
 * @param x [n, …] in [0, 1], likewise `candidate`
 * @param epsilon radius, one or [n]
 * @returns of x's shape. The caller disposes of it.
 */
export function project(norm: Norm, x: tf.Tensor, candidate: tf.Tensor, epsilon: number | tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const rows = x.shape[0] ?? 0;
    const radius = typeof epsilon === 'number' ? tf.fill([rows], epsilon) : epsilon;
    if (norm === 'linf') {
      const reach = perRow(radius, x);
      return moveWithin(candidate, tf.scalar(0), tf.maximum(0, tf.sub(x, reach)), tf.minimum(1, tf.add(x, reach)));
    }
    const inside = tf.mul(radius, MARGIN);
    const change = tf.sub(candidate, x);
    return norm === 'l2' ? shortened(norm, x, change, inside) : projectedL1(x, change, inside);
  });
}

/**
 * What keeps trajectories near their images. L∞: the bounds of each pixel, [n, H, W, C] twice.
 * L2 and L1: x [n, H, W, C] and the radius [n].
 */
export type Reach = readonly [tf.Tensor, tf.Tensor];

/** iterate + change, brought back into reach. The caller disposes of the result. */
export function moveInReach(norm: Norm, iterate: tf.Tensor, change: tf.Tensor, [one, other]: Reach): tf.Tensor {
  if (norm === 'linf') return moveWithin(iterate, change, one, other);
  return tf.tidy(() => project(norm, one, tf.add(iterate, change), other));
}

/** x + change, the change not longer than the radius, cut to [0, 1]. */
function shortened(norm: Norm, x: tf.Tensor, change: tf.Tensor, radius: tf.Tensor): tf.Tensor {
  const factor = tf.minimum(1, tf.div(radius, tf.maximum(normOf(norm, change), 1e-30)));
  return tf.clipByValue(tf.add(x, tf.mul(change, perRow(factor, x))), 0, 1);
}

/**
 * min(max(|change| − t, 0), room) with the sign of the change, room being the way to the end of [0, 1]; t = 0 if that
 * is in the ball, else the t that brings its sum to the radius.
 */
function projectedL1(x: tf.Tensor, change: tf.Tensor, radius: tf.Tensor): tf.Tensor {
  const size = flat(tf.abs(change));
  const up = tf.cast(tf.greater(change, 0), 'float32');
  const room = flat(tf.add(tf.mul(up, tf.sub(1, x)), tf.mul(tf.sub(1, up), x)));
  const within = (threshold: tf.Tensor): tf.Tensor =>
    tf.minimum(tf.relu(tf.sub(size, tf.expandDims(threshold, 1))), room);
  const wide = change.shape.length > 2 ? [size.shape[0] ?? 0, change.shape[1] ?? 1, -1] : size.shape;
  const sumAt = (threshold: tf.Tensor): tf.Tensor => rowSums(tf.reshape(within(threshold), wide));

  let low: tf.Tensor = tf.zerosLike(radius);
  let high: tf.Tensor = tf.max(size, 1);
  let above = sumAt(low);
  let below: tf.Tensor = tf.zerosLike(radius);
  const outside = tf.cast(tf.greater(above, radius), 'float32');
  // Between `low` and `high` the sum falls from above the radius to below it, in straight pieces.
  const straight = (): tf.Tensor => {
    const share = tf.div(tf.sub(above, radius), tf.maximum(tf.sub(above, below), 1e-30));
    return tf.add(low, tf.mul(tf.sub(high, low), tf.clipByValue(share, 0, 1)));
  };
  for (let step = 0; step < THRESHOLD_STEPS; step += 1) {
    const guess = step % 2 === 0 ? straight() : tf.mul(tf.add(low, high), 0.5);
    const sum = sumAt(guess);
    const over = tf.greater(sum, radius);
    [low, high] = [tf.where(over, guess, low), tf.where(over, high, guess)];
    [above, below] = [tf.where(over, sum, above), tf.where(over, below, sum)];
  }
  const threshold = tf.mul(outside, straight());
  const sign = tf.sub(tf.mul(2, up), 1);
  return shortened('l1', x, tf.mul(tf.reshape(within(threshold), change.shape), sign), radius);
}

/** [n, …] → [n] */
function rowSums(values: tf.Tensor): tf.Tensor1D {
  const [rows = 0, second = 1] = values.shape;
  return tf.sum(tf.sum(tf.reshape(values, [rows, second, -1]), 2), 1);
}

/** [n, …] → [n, all the rest] */
function flat(values: tf.Tensor): tf.Tensor2D {
  return tf.reshape(values, [values.shape[0] ?? 0, -1]);
}

/** [n] in the rank of `like`. */
function perRow(values: tf.Tensor, like: tf.Tensor): tf.Tensor {
  return tf.reshape(values, [values.shape[0] ?? 0, ...new Array<number>(like.rank - 1).fill(1)]);
}
