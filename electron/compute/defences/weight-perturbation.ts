import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';

/** Settings of adversarial weight perturbation, which every adversarial defence has. */
export const weightPerturbationShape = {
  awp: z.number().min(0).max(1).default(0).meta({
    label: 'Weight perturbation γ',
    help: 'Each layer’s weights are moved by this share of their norm to where the loss is worst before the gradient is taken (Wu et al. 2020: 0.005 to 0.01). 0: none.',
    advanced: true,
  }),
  awpWarmup: z.number().min(0).max(1).default(0).meta({
    label: 'Weight perturbation warm-up',
    unit: 'of the steps',
    help: 'γ rises linearly over this share of the steps.',
    advanced: true,
  }),
};

/** Against a gradient of zeros. */
const NORM_FLOOR = 1e-20;

/**
 * Weights moved to where the loss is higher, each layer by γ of its own norm along its gradient: w + γ ‖w‖ g / ‖g‖ (Wu et
 * al. 2020, arXiv 2004.05884, eq. 8 and 9, one step from w). Vectors, that is biases and what normalisations have, stay
 * as they are, as in the authors' code. A pure function of tensors; call it inside a `tidy`.
 * @param weights the trainable parameters
 * @param gradients of the loss by them, of their shapes
 * @param gamma γ, a scalar
 * @returns moved copies, or the weights themselves where they are vectors
 */
export function perturbedWeights(
  weights: readonly tf.Tensor[],
  gradients: readonly tf.Tensor[],
  gamma: tf.Scalar,
): tf.Tensor[] {
  return weights.map((weight, index) => {
    const gradient = gradients[index];
    if (!gradient || weight.rank < 2) return weight;
    const norm = (of: tf.Tensor): tf.Tensor => tf.sqrt(tf.sum(tf.square(of)));
    const scale = tf.div(tf.mul(gamma, norm(weight)), tf.add(norm(gradient), NORM_FLOOR));
    return tf.add(weight, tf.mul(gradient, scale));
  });
}
