import * as tf from '@tensorflow/tfjs-core';

/** Inside every root of a sum of squares: the gradient of a norm at 0 would be NaN without it. */
export const ROOT_FLOOR = 1e-12;

/**
 * Activation-based attention Q(A) = Σ_c |A_c|^q (Zagoruyko & Komodakis 2017, arXiv 1612.03928, eq. 2).
 * @param activation [batch, height, width, channels]
 * @param exponent q ≥ 1
 * @returns [batch, height, width], raw; the caller disposes of it. Differentiable.
 */
export function activationMap(activation: tf.Tensor4D, exponent: number): tf.Tensor3D {
  return tf.tidy(() => {
    const magnitude = exponent === 2 ? tf.square(activation) : tf.pow(tf.abs(activation), exponent);
    return tf.sum<tf.Tensor3D>(magnitude, 3);
  });
}

/**
 * Each map divided by its own L2 norm √(Σ Q² + 1e-12); a map of zeros stays zeros.
 * @param maps [batch, height, width]
 * @returns [batch, height · width]; the caller disposes of it. Differentiable.
 */
export function normaliseMaps(maps: tf.Tensor3D): tf.Tensor2D {
  return tf.tidy(() => {
    const [batch, height, width] = maps.shape;
    const flat = tf.reshape<tf.Rank.R2>(maps, [batch, height * width]);
    const norm = tf.sqrt(tf.add(tf.sum(tf.square(flat), 1, true), ROOT_FLOOR));
    return tf.div<tf.Tensor2D>(flat, norm);
  });
}
