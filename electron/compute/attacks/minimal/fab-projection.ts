import * as tf from '@tensorflow/tfjs-core';
import type { Norm } from '../base/budget.ts';
import { perRow } from './class-planes.ts';
import { normOf } from '../base/norms.ts';

/** Newton's steps. Ten bring 90 % of the way that the box leaves to float32's precision, sixteen 99.99 % of it. */
const NEWTON_STEPS = 14;
/** Halvings of the interval in which the L1 threshold lies: to 2⁻²⁶ of the largest weight. */
const HALVINGS = 26;

/**
 * The smallest change of each point, in its norm, that brings it onto a plane without leaving [0, 1]: the solution of
 * eqs. 4–6 of Croce & Hein 2020 (arXiv 1907.02044), found without sorting. A plane that the box does not reach is
 * approached as far as the box allows; where the normal is 0 nothing changes.
 *
 * Along the way to the plane each pixel moves until it meets the end of [0, 1]. In L∞ all move at the same speed, in L2
 * at speeds proportional to the normal's entries; what they gain together is a concave function of time in straight
 * pieces, whose root Newton's method finds from below in a few steps. In L1 the pixels with the largest entries move
 * all their way, one after the other: halving finds the entry at which the plane is met.
 * @param points [n, …] in [0, 1]
 * @param normals of the same shape, finite
 * @param offsets [n]: normal · point less its value on the plane
 * @returns the change, of the same shape. The caller disposes of it.
 */
export function stepOntoPlane(norm: Norm, points: tf.Tensor, normals: tf.Tensor, offsets: tf.Tensor): tf.Tensor {
  return tf.tidy(() => {
    const largest = normOf('linf', normals);
    const scale = tf.add(largest, tf.cast(tf.equal(largest, 0), 'float32'));
    const along = tf.mul(tf.div(normals, perRow(scale, points)), perRow(signOf(offsets), points));
    const distance = tf.div(tf.abs(offsets), scale);
    const weight = tf.abs(along);
    const falls = tf.cast(tf.greater(along, 0), 'float32');
    const room = tf.add(tf.mul(falls, points), tf.mul(tf.sub(1, falls), tf.sub(1, points)));
    const size = norm === 'l1' ? greedy(weight, room, distance) : steady(norm, weight, room, distance);
    return tf.mul(size, tf.neg(signOf(along)));
  });
}

/** How far each pixel goes if all set out together, at the same speed (L∞) or at that of their weights (L2). */
function steady(norm: 'linf' | 'l2', weight: tf.Tensor, room: tf.Tensor, distance: tf.Tensor): tf.Tensor {
  const speed = norm === 'l2' ? weight : tf.cast(tf.greater(weight, 0), 'float32');
  const gain = tf.mul(weight, speed);
  const most = tf.mul(weight, room);
  let time: tf.Tensor = tf.zerosLike(distance);
  for (let step = 0; step < NEWTON_STEPS; step += 1) {
    const gained = tf.mul(gain, perRow(time, gain));
    const left = tf.relu(tf.sub(distance, sums(tf.minimum(gained, most))));
    const slope = sums(tf.mul(gain, tf.cast(tf.less(gained, most), 'float32')));
    // Without a slope every pixel has met its end.
    time = tf.add(time, tf.div(left, tf.maximum(slope, 1e-30)));
    time = tf.minimum(time, 1e18);
  }
  return tf.minimum(tf.mul(speed, perRow(time, speed)), room);
}

/** How far each pixel goes if those of the largest weights go first; equals share the last piece. */
function greedy(weight: tf.Tensor, room: tf.Tensor, distance: tf.Tensor): tf.Tensor {
  const gain = tf.mul(weight, room);
  const above = (threshold: tf.Tensor): tf.Tensor => tf.cast(tf.greater(weight, perRow(threshold, weight)), 'float32');
  let low: tf.Tensor = tf.zerosLike(distance);
  let high: tf.Tensor = tf.onesLike(distance);
  for (let step = 0; step < HALVINGS; step += 1) {
    const middle = tf.mul(tf.add(low, high), 0.5);
    const enough = tf.greater(sums(tf.mul(gain, above(middle))), distance);
    [low, high] = [tf.where(enough, middle, low), tf.where(enough, high, middle)];
  }
  const whole = above(high);
  const last = tf.sub(above(low), whole);
  const left = tf.sub(distance, sums(tf.mul(gain, whole)));
  const share = tf.clipByValue(tf.div(left, tf.maximum(sums(tf.mul(gain, last)), 1e-30)), 0, 1);
  return tf.mul(room, tf.add(whole, tf.mul(last, perRow(share, last))));
}

/** [n]: sums of entries that are not negative. */
function sums(values: tf.Tensor): tf.Tensor {
  return normOf('l1', values);
}

/** −1, 0 or 1, whatever the engine takes for 0. */
function signOf(values: tf.Tensor): tf.Tensor {
  return tf.sub(tf.cast(tf.greater(values, 0), 'float32'), tf.cast(tf.less(values, 0), 'float32'));
}
