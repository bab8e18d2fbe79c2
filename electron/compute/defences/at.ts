import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { crossEntropyFromLogits } from '../losses.ts';
import { defineDefence, noTaps, type LossInputs } from './defence.ts';
import { innerAttack, innerAttackShape, recommendedFor } from './settings.ts';

/** CE(f(x'), y), alone. @returns a scalar of the caller. */
export function adversarialCrossEntropy({
  adversarial,
  labels,
  labelSmoothing,
}: LossInputs): Readonly<Record<string, tf.Tensor>> {
  return { adversarial: tf.mean(crossEntropyFromLogits(adversarial.logits, labels, labelSmoothing)) };
}

export const at = defineDefence({
  name: 'at',
  label: 'PGD-AT',
  summary: 'Adversarial training: cross-entropy on PGD examples alone.',
  source: 'Madry et al. 2018, arXiv 1706.06083, eq. 2.1',
  adversarial: true,
  recommended: recommendedFor(),
  schema: z.strictObject(innerAttackShape),
  configure: (settings) => ({
    halves: 'adversarial',
    inner: innerAttack(settings),
    epsilon: settings.epsilon,
    taps: noTaps,
    terms: ['adversarial'],
    loss: adversarialCrossEntropy,
  }),
});
