import * as tf from '@tensorflow/tfjs-core';
import { crossEntropyFromLogits, lossFromLogits } from '../../losses.ts';
import { inputGradient } from '../../models/classifier.ts';
import type { Network, Weights } from '../../models/network.ts';
import { hits, notFinite } from '../base/row-masks.ts';

/** What Auto-PGD ascends. The targeted ones lead to a class that is given for each row. */
export type ApgdLoss = 'cross-entropy' | 'dlr' | 'targeted-dlr' | 'targeted-cross-entropy';

type TargetedLoss = Extract<ApgdLoss, `targeted-${string}`>;

/** No loss yet; finite, so that masks can multiply it. */
export const NO_LOSS = 3e38;

export function isTargeted(loss: ApgdLoss): loss is TargetedLoss {
  return loss === 'targeted-dlr' || loss === 'targeted-cross-entropy';
}

/**
 * Targeted difference of logits ratio: (z_t − z_y) / (z_π1 − ½ (z_π3 + z_π4)), π the order of falling logits (Croce &
 * Hein 2020, arXiv 2003.01690, eq. 7, with its sign turned so that it is ascended).
 * @param logits [n, classes], classes ≥ 4
 * @param labels int32 [n], y
 * @param targets int32 [n], t
 * @returns [n]; 1e-12 is added to the denominator. Differentiable once.
 */
export function targetedDlr(logits: tf.Tensor2D, labels: tf.Tensor1D, targets: tf.Tensor1D): tf.Tensor1D {
  const classes = logits.shape[1];
  const oneHot = (indices: tf.Tensor): tf.Tensor => tf.cast(tf.oneHot(indices as tf.Tensor1D, classes), 'float32');
  const operation = tf.customGrad((x, save) => {
    const input = x as tf.Tensor2D;
    const largest: tf.Tensor[] = [];
    let rest: tf.Tensor = input;
    for (let place = 0; place < 4; place += 1) {
      const hot = oneHot(tf.argMax(rest, 1));
      largest.push(hot);
      rest = tf.sub(rest, tf.mul(hot, NO_LOSS));
    }
    const [first, , third, fourth] = largest as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
    const lead = tf.sub(oneHot(targets), oneHot(labels));
    const spread = tf.sub(first, tf.mul(0.5, tf.add(third, fourth)));
    const denominator = tf.add(tf.sum(tf.mul(spread, input), 1, true), 1e-12);
    const ratio = tf.div(tf.sum(tf.mul(lead, input), 1, true), denominator);
    (save as tf.GradSaveFunc)([lead, spread, ratio, denominator]);
    return {
      value: tf.squeeze(ratio, [1]),
      gradFunc: (dy: tf.Tensor, saved: tf.Tensor[]) => {
        const [up, width, value, scale] = saved as [tf.Tensor, tf.Tensor, tf.Tensor, tf.Tensor];
        return tf.mul(tf.expandDims(dy, 1), tf.div(tf.sub(up, tf.mul(value, width)), scale));
      },
    };
  });
  return operation(logits) as tf.Tensor1D;
}

/** The loss of each row, [n]; `targets` are those of a targeted one. */
function apgdLoss(loss: ApgdLoss, logits: tf.Tensor2D, labels: tf.Tensor1D, targets: tf.Tensor1D | null): tf.Tensor1D {
  if (!isTargeted(loss)) return lossFromLogits(loss, logits, labels);
  const towards = targets ?? labels;
  return loss === 'targeted-dlr'
    ? targetedDlr(logits, labels, towards)
    : tf.neg(crossEntropyFromLogits(logits, towards));
}

/** How an iterate is looked at. */
export interface ApgdView {
  readonly loss: ApgdLoss;
  /** Passes whose gradients are averaged. */
  readonly samples: number;
  /** Whether only the row's target is a success, not any wrong class. */
  readonly aimed: boolean;
}

/** All [n] but the gradient [n, H, W, C]. `loss` is finite. */
export interface ApgdLook {
  readonly wrong: tf.Tensor;
  readonly loss: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly notFinite: tf.Tensor;
}

/**
 * Judges iterates. Of several samples loss and gradient are averaged, and the last one's logits are judged (expectation
 * over transformations, Athalye et al. 2018, arXiv 1802.00420; a model without randomness gives equal samples).
 */
export function lookAt(
  network: Network,
  weights: Weights,
  images: tf.Tensor4D,
  { loss, samples, aimed }: ApgdView,
  labels: tf.Tensor1D,
  targets: tf.Tensor1D | null,
): ApgdLook {
  const lossOf = (logits: tf.Tensor2D): tf.Tensor1D => apgdLoss(loss, logits, labels, targets);
  const look = (): { readonly logits: tf.Tensor2D; readonly gradient: tf.Tensor } =>
    inputGradient(network, weights, images, labels, lossOf);
  let { logits, gradient } = look();
  let value: tf.Tensor = lossOf(logits);
  for (let sample = 1; sample < samples; sample += 1) {
    const next = look();
    logits = next.logits;
    gradient = tf.add(gradient, next.gradient);
    value = tf.add(value, lossOf(logits));
  }
  if (samples > 1) [gradient, value] = [tf.div(gradient, samples), tf.div(value, samples)];
  return {
    wrong: aimed && targets ? hits(logits, targets, true) : hits(logits, labels, false),
    loss: tf.where(tf.isFinite(value), value, tf.fill(value.shape, -NO_LOSS)),
    gradient,
    notFinite: notFinite(logits, gradient),
  };
}
