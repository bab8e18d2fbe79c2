import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { crossEntropyFromLogits } from '../losses.ts';
import { defineDefence, noTaps } from './defence.ts';
import { pairingWeight, pixelNoise, validationEpsilon } from './settings.ts';
import { logitSqueezing } from './terms.ts';

export const lsq = defineDefence({
  name: 'lsq',
  label: 'LSQ',
  summary:
    'Logit squeezing: the norm of the logits is penalised. It hides gradients rather than making a network robust: ' +
    'a positive control of the gradient-masking check.',
  source: 'Kannan et al. 2018, arXiv 1803.06373, section 4.2; weight as Mosbach et al. 2018, arXiv 1810.12042',
  adversarial: false,
  schema: z.strictObject({ lambda: pairingWeight, noise: pixelNoise, epsilon: validationEpsilon }),
  configure: (settings) => ({
    halves: 'clean',
    inner: null,
    epsilon: settings.epsilon,
    noise: settings.noise,
    taps: noTaps,
    terms: ['clean', 'logits'],
    loss: ({ clean, labels, labelSmoothing }) => ({
      clean: tf.mean(crossEntropyFromLogits(clean.logits, labels, labelSmoothing)),
      logits: tf.mul(settings.lambda, logitSqueezing(clean.logits)),
    }),
  }),
});
