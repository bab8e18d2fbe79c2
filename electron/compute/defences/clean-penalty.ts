import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { crossEntropyFromLogits } from '../losses.ts';
import { noTaps, type LossInputs } from './defence.ts';
import { pairingWarmup, pairingWeight, pixelNoise, recommendedFor, validationEpsilon } from './settings.ts';

const schema = z.strictObject({
  lambda: pairingWeight,
  lambdaWarmup: pairingWarmup,
  noise: pixelNoise,
  epsilon: validationEpsilon,
});

/**
 * CE(f(x), y) + λ penalty(f(x)) on clean images with Gaussian noise (Kannan et al. 2018, arXiv 1803.06373, section 4.2).
 * @param penalty logits [batch, classes] → scalar of the caller
 * @param smallestBatch how many examples it needs at once
 */
export function cleanPenalty(penalty: (logits: tf.Tensor2D) => tf.Scalar, smallestBatch = 1) {
  return {
    adversarial: false,
    recommended: recommendedFor({}, {}),
    schema,
    configure: (settings: z.output<typeof schema>) => ({
      halves: 'clean' as const,
      inner: null,
      smallestBatch,
      epsilon: settings.epsilon,
      noise: settings.noise,
      taps: noTaps,
      terms: ['clean', 'logits'],
      warmups: { logits: settings.lambdaWarmup },
      loss: ({ clean, labels, labelSmoothing }: LossInputs) => ({
        clean: tf.mean(crossEntropyFromLogits(clean.logits, labels, labelSmoothing)),
        logits: tf.mul(settings.lambda, penalty(clean.logits)),
      }),
    }),
  };
}
