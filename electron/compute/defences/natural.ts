import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { crossEntropyFromLogits } from '../losses.ts';
import { defineDefence, noTaps } from './defence.ts';
import { recommendedFor, validationEpsilon } from './settings.ts';

export const natural = defineDefence({
  name: 'natural',
  label: 'Natural',
  summary: 'Plain training on clean images: the undefended baseline and the source of transfer attacks.',
  source: '–',
  adversarial: false,
  recommended: recommendedFor({}, {}),
  schema: z.strictObject({
    epsilon: validationEpsilon,
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
