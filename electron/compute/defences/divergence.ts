import * as tf from '@tensorflow/tfjs-core';
import { logSoftmax } from '../losses.ts';

/**
 * KL(p ‖ q) = Σ_k p_k (log p_k − log q_k) of each example, p and q the softmax of logits. Gradients flow through both.
 * @param logits of p [n, classes]
 * @param other of q [n, classes]
 * @returns [n], natural logarithm; the caller disposes of it.
 */
export function divergence(logits: tf.Tensor2D, other: tf.Tensor2D): tf.Tensor1D {
  return tf.tidy(() => {
    const [logP, logQ] = [logSoftmax(logits), logSoftmax(other)];
    return tf.sum<tf.Tensor1D>(tf.mul(tf.exp(logP), tf.sub(logP, logQ)), 1);
  });
}

/**
 * Boosted cross-entropy of each example: −log p_y − log(1 − max_{k ≠ y} p_k), p the softmax of the logits (Wang et al.
 * 2020, "Improving adversarial robustness requires revisiting misclassified examples", eq. 8). Worked out from logits, so
 * that neither term saturates: with m the strongest class but the label, 1 − p_m is the others' share of Σ e^z.
 * @param logits [n, classes], classes ≥ 2
 * @param labels int32 [n]
 * @returns [n], natural logarithm; the caller disposes of it. Differentiable once: p − y + (p − p without m).
 */
export function boostedCrossEntropy(logits: tf.Tensor2D, labels: tf.Tensor1D): tf.Tensor1D {
  const classes = logits.shape[1];
  const hotOf = (indices: tf.Tensor): tf.Tensor2D =>
    tf.cast(tf.oneHot(indices as tf.Tensor1D, classes), 'float32') as tf.Tensor2D;
  const operation = tf.customGrad((x, save) => {
    const input = x as tf.Tensor2D;
    const label = hotOf(labels);
    const without = (hot: tf.Tensor): tf.Tensor2D => tf.sub<tf.Tensor2D>(input, tf.mul(hot, 3e38));
    const strongest = hotOf(tf.argMax(without(label), 1));
    const logP = logSoftmax(input);
    const logOthers = tf.maximum(logSoftmax(without(strongest)), -3e38);
    const atLabel = (log: tf.Tensor): tf.Tensor1D => tf.sum<tf.Tensor1D>(tf.mul(label, log), 1);
    // 1 − p_m is the others' share: its logarithm is log p − log (p among the others), taken at the label.
    const value = tf.sub(atLabel(logOthers), tf.mul(2, atLabel(logP)));
    const rest = tf.mul(tf.sub(tf.mul(2, tf.exp(logP)), tf.exp(logOthers)), tf.sub(1, label));
    // Entries sum to 0; the label's would lose its digits next to 1.
    (save as tf.GradSaveFunc)([tf.sub(rest, tf.mul(label, tf.sum(rest, 1, true)))]);
    return {
      value,
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => tf.mul(tf.expandDims(dy, 1), saved[0] as tf.Tensor2D),
    };
  });
  return operation(logits) as tf.Tensor1D;
}
