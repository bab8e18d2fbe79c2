import * as tf from '@tensorflow/tfjs-core';
import type { TrainerSettings } from '../../../shared/domain/training.ts';

/**
 * An optimizer as a pure function, element by element, so that its state can be saved and its update traced. Per-step numbers are worked out in float64 and handed in as tensors.
 */
export interface Optimizer {
  /** Names of its state arrays; each has an element for each one of the weights and starts at 0. */
  readonly slots: readonly string[];
  /** The numbers that change from step to step. @param step steps done so far, from 0. */
  numbers(learningRate: number, step: number): readonly number[];
  /**
   * @param gradient by one of the weights, of its shape
   * @param slots the state, likewise
   * @param numbers scalars as {@link numbers} gave them
   * @returns what to subtract from the weight, and the new state; the caller disposes of them.
   */
  update(
    gradient: tf.Tensor,
    slots: readonly tf.Tensor[],
    numbers: readonly tf.Tensor[],
  ): { readonly delta: tf.Tensor; readonly slots: readonly tf.Tensor[] };
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const ADAM_EPSILON = 1e-8;
const MOMENTUM = 0.9;

/** Adam (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1). */
const adam: Optimizer = {
  slots: ['mean', 'variance'],
  numbers: (learningRate, step) => [learningRate / (1 - BETA1 ** (step + 1)), 1 / Math.sqrt(1 - BETA2 ** (step + 1))],
  update(gradient, [mean, variance], [rate, correction]) {
    const newMean = tf.add(tf.mul(BETA1, mean as tf.Tensor), tf.mul(1 - BETA1, gradient));
    const newVariance = tf.add(tf.mul(BETA2, variance as tf.Tensor), tf.mul(1 - BETA2, tf.square(gradient)));
    const root = tf.add(tf.mul(tf.sqrt(newVariance), correction as tf.Tensor), ADAM_EPSILON);
    return { delta: tf.div(tf.mul(newMean, rate as tf.Tensor), root), slots: [newMean, newVariance] };
  },
};

/** Gradient descent with Nesterov momentum 0.9, in the form that PyTorch uses: v ← μv + g, w ← w − η(g + μv). */
const sgd: Optimizer = {
  slots: ['momentum'],
  numbers: (learningRate) => [learningRate],
  update(gradient, [momentum], [rate]) {
    const velocity = tf.add(tf.mul(MOMENTUM, momentum as tf.Tensor), gradient);
    return {
      delta: tf.mul(tf.add(gradient, tf.mul(MOMENTUM, velocity)), rate as tf.Tensor),
      slots: [velocity],
    };
  },
};

const OPTIMIZERS: { readonly [K in TrainerSettings['optimizer']]: Optimizer } = { adam, sgd };

export function optimizerOf(settings: TrainerSettings): Optimizer {
  return OPTIMIZERS[settings.optimizer];
}
