import * as tf from '@tensorflow/tfjs-core';

/** [n]: 1 where the prediction is not the label. Logits that are not all finite make no prediction, so no success. */
export function misclassified(logits: tf.Tensor2D, labels: tf.Tensor): tf.Tensor {
  const wrong = tf.notEqual(tf.argMax(logits, 1), labels);
  return tf.cast(tf.logicalAnd(wrong, tf.all(tf.isFinite(logits), 1)), 'float32');
}

/** [n]: 1 where the prediction is the target, or, of an attack without targets, not the label. */
export function hits(logits: tf.Tensor2D, labels: tf.Tensor, targeted: boolean): tf.Tensor {
  if (!targeted) return misclassified(logits, labels);
  const reached = tf.equal(tf.argMax(logits, 1), labels);
  return tf.cast(tf.logicalAnd(reached, tf.all(tf.isFinite(logits), 1)), 'float32');
}

/**
 * `chosen` in the rows where `mask` [n] is 1, `otherwise` where it is 0. With masks of exactly 0 and 1 and finite values
 * these sums are exact, and cheaper than a broadcast selection.
 */
export function choose(mask: tf.Tensor, chosen: tf.Tensor, otherwise: tf.Tensor): tf.Tensor {
  const rows = tf.reshape(mask, [mask.shape[0] ?? 0, ...new Array<number>(otherwise.rank - 1).fill(1)]);
  return tf.add(tf.mul(chosen, rows), tf.mul(otherwise, tf.sub(1, rows)));
}

/** [n]: 1 where the logits or the input gradient hold a NaN or an infinity. */
export function notFinite(logits: tf.Tensor2D, gradient: tf.Tensor): tf.Tensor {
  const pixels = tf.reshape(gradient, [gradient.shape[0] ?? 0, -1]);
  const finite = tf.logicalAnd(tf.all(tf.isFinite(logits), 1), tf.all(tf.isFinite(pixels), 1));
  return tf.sub(1, tf.cast(finite, 'float32'));
}
