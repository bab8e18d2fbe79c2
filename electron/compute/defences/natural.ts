import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { crossEntropyFromLogits } from '../losses.ts';
import { defineDefence, noTaps } from './defence.ts';
import { epsilon } from './settings.ts';

export const natural = defineDefence({
  name: 'natural',
  label: 'Natural',
  summary: 'Plain training on clean images: the undefended baseline and the source of transfer attacks.',
  source: '–',
  adversarial: false,
  schema: z.strictObject({
    epsilon: epsilon.meta({
      label: 'Validation ε',
      help: 'Training makes no adversarial examples; this ε only measures on the held-out part.',
      advanced: true,
    }),
  }),
  configure: (settings) => ({
    halves: 'clean',
    inner: null,
    epsilon: settings.epsilon,
    taps: noTaps,
    terms: ['clean'],
    loss: ({ clean, labels, labelSmoothing }) => ({
      clean: tf.mean(crossEntropyFromLogits(clean.logits, labels, labelSmoothing)),
    }),
  }),
});
