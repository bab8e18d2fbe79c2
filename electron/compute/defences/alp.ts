import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { defineDefence, noTaps } from './defence.ts';
import { mixedCrossEntropy } from './mixed.ts';
import { innerAttack, innerAttackShape, logitShape, recommendedFor } from './settings.ts';
import { logitPairing } from './terms.ts';

/** Share of the adversarial cross-entropy in each base: Mosbach et al.'s "Plain", "50 % AT" and "100 % AT" + ALP. */
const SHARES = { 'm-pgd': 0.5, at: 1, natural: 0 } as const;

export const alp = defineDefence({
  name: 'alp',
  label: 'Logit pairing',
  summary:
    'Adversarial logit pairing: the logits of an image and of its PGD example are pulled together, on top of a base.',
  source: 'Kannan et al. 2018, arXiv 1803.06373, section 4.1; weights as Mosbach et al. 2018, arXiv 1810.12042',
  adversarial: true,
  recommended: recommendedFor(),
  ablations: [{ name: 'no-logits', label: 'without logit pairing', settings: { alpha: 0 } }],
  schema: z.strictObject({
    ...innerAttackShape,
    base: z.enum(['m-pgd', 'at', 'natural']).default('m-pgd').meta({
      label: 'Base',
      help: 'Cross-entropy on both halves, on the PGD examples alone, or on the clean images alone.',
    }),
    ...logitShape,
  }),
  configure: (settings) => ({
    halves: 'both',
    inner: innerAttack(settings),
    epsilon: settings.epsilon,
    taps: noTaps,
    terms: ['clean', 'adversarial', 'logits'],
    warmups: { logits: settings.alphaWarmup },
    loss: (inputs) => ({
      ...mixedCrossEntropy(inputs, SHARES[settings.base]),
      logits: tf.mul(settings.alpha, logitPairing(inputs.clean.logits, inputs.adversarial.logits, settings.reduction)),
    }),
  }),
});
