import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { crossEntropyFromLogits } from '../losses.ts';
import { defineDefence, noTaps } from './defence.ts';
import { boostedCrossEntropy, divergence } from './divergence.ts';
import { divergenceShape, innerAttack, innerAttackShape, recommendedFor } from './settings.ts';

export const mart = defineDefence({
  name: 'mart',
  label: 'MART',
  summary:
    'A cross-entropy on PGD examples that also pushes the strongest wrong class down, and the divergence between clean and adversarial predictions, which counts the more the less sure the network is of the clean image.',
  source: 'Wang et al. 2020 (ICLR), eq. 8 to 11; weight as the authors’ code',
  adversarial: true,
  recommended: recommendedFor(),
  schema: z.strictObject({ ...innerAttackShape, ...divergenceShape('λ', 5) }),
  configure: (settings) => ({
    halves: 'both',
    inner: innerAttack(settings),
    epsilon: settings.epsilon,
    taps: noTaps,
    terms: ['adversarial', 'divergence'],
    warmups: { divergence: settings.betaWarmup },
    loss: ({ clean, adversarial, labels }) => {
      const unsure = tf.sub(1, tf.exp(tf.neg(crossEntropyFromLogits(clean.logits, labels))));
      return {
        adversarial: tf.mean(boostedCrossEntropy(adversarial.logits, labels)),
        divergence: tf.mul(settings.beta, tf.mean(tf.mul(divergence(clean.logits, adversarial.logits), unsure))),
      };
    },
  }),
});
