import * as tf from '@tensorflow/tfjs-core';
import type { TrainerSettings } from '../../../shared/domain/training.ts';

/** One of the weights in an update: its values, its gradient, and the optimizer's state for it, all of one shape. */
interface Updated {
  readonly weight: tf.Tensor;
  readonly gradient: tf.Tensor;
  readonly slots: readonly tf.Tensor[];
  /** Whether weight decay is for it. */
  readonly decays: boolean;
}

/**
 * An optimizer as a pure function, element by element, so that its state can be saved and its update traced. Per-step
 * numbers are worked out in float64 and handed in as tensors.
 */
export interface Optimizer {
  /** Names of its state arrays; each has an element for each one of the weights and starts at 0. */
  readonly slots: readonly string[];
  /** The numbers that change from step to step. @param step steps done so far, from 0. */
  numbers(learningRate: number, step: number): readonly number[];
  /**
   * @param numbers scalars as {@link numbers} gave them
   * @returns what to subtract from the weight, and the new state; the caller disposes of them.
   */
  update(
    updated: Updated,
    numbers: readonly tf.Tensor[],
  ): { readonly delta: tf.Tensor; readonly slots: readonly tf.Tensor[] };
}

const BETA1 = 0.9;
const BETA2 = 0.999;
const SQUARES_DECAY = 0.99;
const EPSILON = 1e-8;

/** Weight decay as a part of the gradient: g ← g + λw, the gradient of λ‖w‖²/2. */
function decayed({ weight, gradient, decays }: Updated, weightDecay: number): tf.Tensor {
  return decays && weightDecay > 0 ? tf.add(gradient, tf.mul(weightDecay, weight)) : gradient;
}

/** The step of Adam for a gradient that may hold weight decay. */
function adamStep(
  gradient: tf.Tensor,
  slots: readonly tf.Tensor[],
  numbers: readonly tf.Tensor[],
): ReturnType<Optimizer['update']> {
  const [mean, variance] = slots as [tf.Tensor, tf.Tensor];
  const [rate, correction] = numbers as [tf.Tensor, tf.Tensor];
  const newMean = tf.add(tf.mul(BETA1, mean), tf.mul(1 - BETA1, gradient));
  const newVariance = tf.add(tf.mul(BETA2, variance), tf.mul(1 - BETA2, tf.square(gradient)));
  const root = tf.add(tf.mul(tf.sqrt(newVariance), correction), EPSILON);
  return { delta: tf.div(tf.mul(newMean, rate), root), slots: [newMean, newVariance] };
}

const adamNumbers = (learningRate: number, step: number): readonly [number, number] => [
  learningRate / (1 - BETA1 ** (step + 1)),
  1 / Math.sqrt(1 - BETA2 ** (step + 1)),
];

/** Adam (Kingma & Ba 2015, arXiv 1412.6980, algorithm 1): m ← 0.9 m + 0.1 g, v ← 0.999 v + 0.001 g², w ← w − η m̂ / (√v̂ + 10⁻⁸). */
const adam = ({ weightDecay }: TrainerSettings): Optimizer => ({
  slots: ['mean', 'variance'],
  numbers: adamNumbers,
  update: (updated, numbers) => adamStep(decayed(updated, weightDecay), updated.slots, numbers),
});

/** Adam with decoupled weight decay (Loshchilov & Hutter 2019, arXiv 1711.05101, algorithm 2; η λ w as PyTorch has it). */
const adamw = ({ weightDecay }: TrainerSettings): Optimizer => ({
  slots: ['mean', 'variance'],
  numbers: (learningRate, step) => [...adamNumbers(learningRate, step), learningRate * weightDecay],
  update({ weight, gradient, slots, decays }, numbers) {
    const step = adamStep(gradient, slots, numbers);
    if (!decays || weightDecay === 0) return step;
    return { ...step, delta: tf.add(step.delta, tf.mul(weight, numbers[2] as tf.Tensor)) };
  },
});

/** Gradient descent with Nesterov momentum, in the form that PyTorch uses: v ← μv + g, w ← w − η(g + μv). */
const sgd = ({ momentum, weightDecay }: TrainerSettings): Optimizer => ({
  slots: momentum > 0 ? ['momentum'] : [],
  numbers: (learningRate) => [learningRate],
  update(updated, [rate]) {
    const gradient = decayed(updated, weightDecay);
    const [velocity] = updated.slots;
    if (!velocity) return { delta: tf.mul(gradient, rate as tf.Tensor), slots: [] };
    const next = tf.add(tf.mul(momentum, velocity), gradient);
    return { delta: tf.mul(tf.add(gradient, tf.mul(momentum, next)), rate as tf.Tensor), slots: [next] };
  },
});

/** RMSProp (Tieleman & Hinton 2012, lecture 6e): v ← 0.99 v + 0.01 g², w ← w − η g / (√v + 10⁻⁸), as PyTorch has it. */
const rmsprop = ({ weightDecay }: TrainerSettings): Optimizer => ({
  slots: ['squares'],
  numbers: (learningRate) => [learningRate],
  update(updated, [rate]) {
    const gradient = decayed(updated, weightDecay);
    const squares = tf.add(
      tf.mul(SQUARES_DECAY, updated.slots[0] as tf.Tensor),
      tf.mul(1 - SQUARES_DECAY, tf.square(gradient)),
    );
    return {
      delta: tf.div(tf.mul(gradient, rate as tf.Tensor), tf.add(tf.sqrt(squares), EPSILON)),
      slots: [squares],
    };
  },
});

const OPTIMIZERS: { readonly [K in TrainerSettings['optimizer']]: (settings: TrainerSettings) => Optimizer } = {
  adam,
  adamw,
  sgd,
  rmsprop,
};

export function optimizerOf(settings: TrainerSettings): Optimizer {
  return OPTIMIZERS[settings.optimizer](settings);
}

/** Whether weight decay is for a parameter: filters and matrices have it, biases and the parameters of normalisation not. */
export function decaysWeight({ shape }: { readonly shape: readonly number[] }): boolean {
  return shape.length > 1;
}

/**
 * What a gradient is multiplied with so that its norm over all weights is at most `limit` (Pascanu et al. 2013, arXiv
 * 1211.5063, algorithm 1; PyTorch's `clip_grad_norm_`): min(1, limit / (norm + 10⁻⁶)). A scalar of the caller.
 * @param squares sum of squares of the gradient by all weights
 */
export function clipFactor(squares: tf.Tensor, limit: number): tf.Tensor {
  return tf.minimum(1, tf.div(limit, tf.add(tf.sqrt(squares), 1e-6)));
}

/**
 * How near the averaged weights move to the weights after a step: e ← e + (1 − d)(w − e). The decay d grows to its full
 * size over the first steps, so that the first weights are soon forgotten: d = min(decay, (1 + t) / (10 + t)) in step t,
 * as TensorFlow's ExponentialMovingAverage has it.
 * @param step steps done so far, from 0
 * @returns 1 − d
 */
export function averageShare(decay: number, step: number): number {
  return 1 - Math.min(decay, (2 + step) / (11 + step));
}
