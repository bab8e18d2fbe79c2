import * as tf from '@tensorflow/tfjs-core';
import { inputGradient } from '../../models/classifier.ts';
import type { Network, Weights } from '../../models/network.ts';
import type { Norm } from '../base/budget.ts';
import { sparseAscent, steepest } from '../base/norms.ts';
import { hits, notFinite } from '../base/row-masks.ts';

/** How a step of gradient ascent is made. Plain data: every thread builds the same steps from it. */
export interface ClimbRule {
  readonly norm: Norm;
  /** Labels are the classes to reach, not those to leave. */
  readonly targeted: boolean;
  /** Pixels that an L1 step changes, see `sparseAscent`; null: all of them, in proportion to the gradient. */
  readonly pixels: number | null;
  /** Gradients that are averaged for one step; more than one is of use for models that are random. */
  readonly samples: number;
}

export const IN_LINF: ClimbRule = { norm: 'linf', targeted: false, pixels: null, samples: 1 };

/** What one look at the model says of each row. */
export interface Look {
  /** [n]: 1 where the iterate is a success. */
  readonly hit: tf.Tensor;
  /** The step of unit norm, of the images' shape. */
  readonly direction: tf.Tensor;
  /** [n]: 1 where logits or gradient are not finite. */
  readonly notFinite: tf.Tensor;
}

/**
 * Judges iterates and says where to go. For use inside a step; call it inside a `tidy`.
 * @param images [n, H, W, C]
 * @param labels int32 [n]
 */
export function lookFrom(
  network: Network,
  weights: Weights,
  images: tf.Tensor,
  labels: tf.Tensor,
  rule: ClimbRule,
): Look {
  const look = () => inputGradient(network, weights, images as tf.Tensor4D, labels as tf.Tensor1D);
  const { logits, gradient } = summedLooks(rule.samples, look);
  return {
    hit: hits(logits, labels, rule.targeted),
    direction: directionOf(gradient, images, rule),
    notFinite: notFinite(logits, gradient),
  };
}

/**
 * The logits of the first of so many looks, and the sum of the gradients of all: their mean but for a factor, the
 * gradient of an expectation (Athalye et al. 2018, arXiv 1707.07397, section 2.1).
 * @param look at a model that is random itself, or that is seen in another way each time.
 */
export function summedLooks<L extends { readonly gradient: tf.Tensor }>(samples: number, look: (at: number) => L): L {
  const first = look(0);
  let gradient: tf.Tensor = first.gradient;
  for (let at = 1; at < samples; at += 1) gradient = tf.add(gradient, look(at).gradient);
  return { ...first, gradient };
}

/** The step of unit norm along a gradient of the cross-entropy, or against it towards a target. */
export function directionOf(
  gradient: tf.Tensor,
  images: tf.Tensor,
  { norm, targeted, pixels }: Omit<ClimbRule, 'samples'>,
): tf.Tensor {
  const ascent = targeted ? tf.neg(gradient) : gradient;
  return norm === 'l1' && pixels !== null ? sparseAscent(ascent, images, pixels) : steepest(norm, ascent);
}
