import * as tf from '@tensorflow/tfjs-core';
import { crossEntropyFromLogits } from '../losses.ts';
import type { LossInputs } from './defence.ts';

/**
 * J of mixed-minibatch PGD training: (1 − share) CE(f(x), y) + share CE(f(x'), y) (Kannan et al. 2018, section 3).
 * @param share weight of the adversarial half, 0…1
 * @returns two scalars of the caller.
 */
export function mixedCrossEntropy(inputs: LossInputs, share: number): Readonly<Record<string, tf.Tensor>> {
  const { clean, adversarial, labels, labelSmoothing } = inputs;
  const crossEntropy = (logits: tf.Tensor2D): tf.Tensor =>
    tf.mean(crossEntropyFromLogits(logits, labels, labelSmoothing));
  return {
    clean: tf.mul(1 - share, crossEntropy(clean.logits)),
    adversarial: tf.mul(share, crossEntropy(adversarial.logits)),
  };
}
