import * as tf from '@tensorflow/tfjs-core';

/**
 * The direction of steepest ascent in L∞: the sign of each entry, 0 where the gradient is 0 or NaN.
 * Not `tf.sign`: the wasm engine's takes every |g| below 1.2e-7 for 0, and input gradients of confident examples are
 * smaller than that; other engines' sign(NaN) is NaN and would spoil the image. The caller disposes of the result.
 */
export function ascentDirection<T extends tf.Tensor>(gradient: T): T {
  return tf.tidy(() => {
    const up = tf.cast(tf.greater(gradient, 0), 'float32');
    const down = tf.cast(tf.less(gradient, 0), 'float32');
    return tf.sub<T>(up, down);
  });
}

/** x + change, cut to the bounds; all of one shape. The caller disposes of the result. */
export function moveWithin(x: tf.Tensor, change: tf.Tensor, lower: tf.Tensor, upper: tf.Tensor): tf.Tensor {
  return tf.tidy(() => tf.maximum(lower, tf.minimum(upper, tf.add(x, change))));
}
