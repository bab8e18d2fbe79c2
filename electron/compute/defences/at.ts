import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { crossEntropyFromLogits } from '../losses.ts';
import { defineDefence, noTaps } from './defence.ts';
import { innerAttack, innerAttackShape } from './settings.ts';

export const at = defineDefence({
  name: 'at',
  label: 'PGD-AT',
  summary: 'Adversarial training: cross-entropy on PGD examples alone.',
  source: 'Madry et al. 2018, arXiv 1706.06083, eq. 2.1',
  adversarial: true,
  schema: z.strictObject(innerAttackShape),
  configure: (settings) => ({
    halves: 'adversarial',
    inner: innerAttack(settings),
    epsilon: settings.epsilon,
    taps: noTaps,
    terms: ['adversarial'],
    loss: ({ adversarial, labels, labelSmoothing }) => ({
      adversarial: tf.mean(crossEntropyFromLogits(adversarial.logits, labels, labelSmoothing)),
    }),
  }),
});
