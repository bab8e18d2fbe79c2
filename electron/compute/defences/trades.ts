import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { crossEntropyFromLogits } from '../losses.ts';
import { defineDefence, noTaps } from './defence.ts';
import { divergence } from './divergence.ts';
import { divergenceShape, innerAttack, noiseStartShape, recommendedFor } from './settings.ts';

export const trades = defineDefence({
  name: 'trades',
  label: 'TRADES',
  summary:
    'Cross-entropy on clean images, and the divergence between the predictions for an image and for the example near it that raises this divergence most: accuracy is traded against robustness by β.',
  source: 'Zhang et al. 2019, arXiv 1901.08573, eq. 5 and algorithm 1',
  adversarial: true,
  recommended: recommendedFor({ beta: 1 }, { beta: 6, attackStepSize: 2 / 255 }),
  schema: z.strictObject({ ...noiseStartShape, ...divergenceShape('β', 6) }),
  configure: (settings) => ({
    halves: 'both',
    inner: {
      ...innerAttack({ ...settings, randomStart: false }),
      objective: 'divergence',
      startNoise: settings.startNoise,
    },
    epsilon: settings.epsilon,
    taps: noTaps,
    terms: ['clean', 'divergence'],
    warmups: { divergence: settings.betaWarmup },
    loss: ({ clean, adversarial, labels, labelSmoothing }) => ({
      clean: tf.mean(crossEntropyFromLogits(clean.logits, labels, labelSmoothing)),
      divergence: tf.mul(settings.beta, tf.mean(divergence(clean.logits, adversarial.logits))),
    }),
  }),
});
