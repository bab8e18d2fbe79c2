import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { attentionTerm } from './attention-term.ts';
import { chosenLayers, defineDefence } from './defence.ts';
import { mixedCrossEntropy } from './mixed.ts';
import { attentionShape, innerAttack, innerAttackShape, logitShape, shareShape, recommendedFor } from './settings.ts';
import { logitPairing } from './terms.ts';

export const atAlp = defineDefence({
  name: 'at-alp',
  label: 'AT+ALP',
  summary:
    'Attention and logit pairing on mixed-minibatch PGD training: logits and attention maps of an image and of its PGD example are pulled together.',
  source: 'arXiv 1908.11435 (Frontiers in AI 2021); attention maps after Zagoruyko & Komodakis 2017',
  adversarial: true,
  recommended: recommendedFor(),
  ablations: [
    { name: 'no-attention', label: 'without attention pairing', settings: { beta: 0 } },
    { name: 'no-logits', label: 'without logit pairing', settings: { alpha: 0 } },
    { name: 'neither', label: 'without both', settings: { alpha: 0, beta: 0 } },
  ],
  schema: z.strictObject({ ...innerAttackShape, ...shareShape, ...logitShape, ...attentionShape }),
  configure: (settings) => ({
    halves: 'both',
    inner: innerAttack(settings),
    epsilon: settings.epsilon,
    taps: (available) => chosenLayers(settings.layers, available),
    terms: ['clean', 'adversarial', 'logits', 'attention'],
    warmups: { logits: settings.alphaWarmup, attention: settings.betaWarmup },
    loss: (inputs) => ({
      ...mixedCrossEntropy(inputs, settings.share),
      logits: tf.mul(settings.alpha, logitPairing(inputs.clean.logits, inputs.adversarial.logits, settings.reduction)),
      attention: attentionTerm(inputs, settings),
    }),
  }),
});
