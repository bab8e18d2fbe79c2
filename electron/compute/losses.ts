import * as tf from '@tensorflow/tfjs-core';

/** Losses that attacks can ascend by name. */
export type LossName = 'cross-entropy' | 'margin' | 'dlr';

/**
 * Cross-entropy of each example, from logits (never from probabilities, whose saturation would make the gradient 0).
 * Stable for logits of any finite size; its gradient is the closed form softmax(logits) − target. The entry at the label
 * is taken as minus the sum of the others: p − 1 loses its digits in float32 where the label's p is close to 1.
 * @param logits [n, classes]
 * @param labels int32 [n], each in 0 … classes − 1
 * @param labelSmoothing s in [0, 1): the target is (1 − s) · onehot + s / classes
 * @returns [n], natural logarithm
 */
export function crossEntropyFromLogits(logits: tf.Tensor2D, labels: tf.Tensor1D, labelSmoothing = 0): tf.Tensor1D {
  const classes = logits.shape[1];
  const operation = tf.customGrad((x, save) => {
    const input = x as tf.Tensor2D;
    const hot = oneHot(labels, classes);
    const target = labelSmoothing === 0 ? hot : tf.add(tf.mul(hot, 1 - labelSmoothing), labelSmoothing / classes);
    const logProbability = logSoftmax(input);
    (save as tf.GradSaveFunc)([logProbability, target, hot]);
    return {
      value: tf.neg(tf.sum(tf.mul(target, logProbability), 1)),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [logP, wanted, label] = saved as [tf.Tensor2D, tf.Tensor2D, tf.Tensor2D];
        const others = tf.mul(tf.sub(tf.exp(logP), wanted), tf.sub(1, label));
        return tf.mul(tf.expandDims(dy, 1), tf.sub(others, tf.mul(label, tf.sum(others, 1, true))));
      },
    };
  });
  return operation(logits) as tf.Tensor1D;
}

/**
 * log softmax, stable. Differentiable through ordinary operations, except the maximum, which is a constant of it.
 * @param logits [n, classes]
 */
export function logSoftmax(logits: tf.Tensor2D): tf.Tensor2D {
  const operation = tf.customGrad((x, save) => {
    const shifted = tf.sub(x as tf.Tensor2D, tf.max(x as tf.Tensor2D, 1, true));
    const result = tf.sub(shifted, tf.log(tf.sum(tf.exp(shifted), 1, true)));
    (save as tf.GradSaveFunc)([result]);
    return {
      value: result,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [logP] = saved as [tf.Tensor2D];
        return tf.sub(dy, tf.mul(tf.exp(logP), tf.sum(dy, 1, true)));
      },
    };
  });
  return operation(logits) as tf.Tensor2D;
}

/**
 * Margin loss of each example: max_{k ≠ y} z_k − z_y (positive once misclassified; Carlini & Wagner 2017, f₆ without
 * clipping).
 * @param logits [n, classes], classes ≥ 2
 * @param labels int32 [n]
 * @returns [n]; the gradient is −1 at the label and +1 at the strongest other class (the first one of equals).
 */
export function marginFromLogits(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  const classes = logits.shape[1];
  const operation = tf.customGrad((x, save) => {
    const input = x as tf.Tensor2D;
    const hot = oneHot(labels, classes);
    const others = tf.sub(input, tf.mul(hot, 3e38));
    const strongest = oneHot(tf.argMax(others, 1), classes);
    const direction = tf.sub(strongest, hot);
    (save as tf.GradSaveFunc)([direction]);
    return {
      value: tf.sum(tf.mul(direction, input), 1),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(tf.expandDims(dy, 1), saved[0] as tf.Tensor2D),
    };
  });
  return operation(logits) as tf.Tensor1D;
}

/**
 * Difference of logits ratio of each example: −(z_y − max_{k ≠ y} z_k) / (z_π1 − z_π3), π the order of falling logits
 * (Croce & Hein 2020, arXiv 2003.01690, eq. 6). Positive once misclassified, and the same for logits that are shifted or
 * scaled, so confident networks cannot hide from it.
 * @param logits [n, classes], classes ≥ 3
 * @param labels int32 [n]
 * @returns [n]; 1e-12 is added to the denominator. Differentiable once.
 */
export function dlrFromLogits(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  const classes = logits.shape[1];
  const operation = tf.customGrad((x, save) => {
    const input = x as tf.Tensor2D;
    const without = (values: tf.Tensor, hot: tf.Tensor): tf.Tensor => tf.sub(values, tf.mul(hot, 3e38));
    const hotLargest = (values: tf.Tensor): tf.Tensor2D => oneHot(tf.argMax(values, 1), classes);
    const label = oneHot(labels, classes);
    const first = hotLargest(input);
    const second = hotLargest(without(input, first));
    const third = hotLargest(without(without(input, first), second));
    // The strongest class but the label is the first, or the second where the label is the first.
    const labelFirst = tf.sum(tf.mul(first, label), 1, true);
    const other = tf.add(tf.mul(second, labelFirst), tf.mul(first, tf.sub(1, labelFirst)));
    const [lead, spread] = [tf.sub(other, label), tf.sub(first, third)];
    const numerator = tf.sum(tf.mul(lead, input), 1, true);
    const denominator = tf.add(tf.sum(tf.mul(spread, input), 1, true), 1e-12);
    const ratio = tf.div(numerator, denominator);
    (save as tf.GradSaveFunc)([lead, spread, ratio, denominator]);
    return {
      value: tf.squeeze(ratio, [1]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [up, width, value, scale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        const slope = tf.div(tf.sub(up, tf.mul(value, width)), scale);
        return tf.mul(tf.expandDims(dy, 1), slope);
      },
    };
  });
  return operation(logits) as tf.Tensor1D;
}

/** The loss of each example by its name. @returns [n] */
export function lossFromLogits(loss: LossName, logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  switch (loss) {
    case 'cross-entropy':
      return crossEntropyFromLogits(logits, labels);
    case 'margin':
      return marginFromLogits(logits, labels);
    case 'dlr':
      return dlrFromLogits(logits, labels);
  }
}

/** The wasm engine writes integers whatever type it is asked for, so the type is changed afterwards. */
function oneHot(indices: tf.Tensor, classes: number): tf.Tensor2D {
  return tf.cast(tf.oneHot(indices as tf.Tensor1D, classes), 'float32') as tf.Tensor2D;
}
