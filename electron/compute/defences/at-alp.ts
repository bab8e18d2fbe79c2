import * as tf from '@tensorflow/tfjs-core';
import { z } from 'zod';
import { chosenLayers, defineDefence } from './defence.ts';
import { mixedCrossEntropy } from './mixed.ts';
import { attentionShape, innerAttack, innerAttackShape, logitShape, shareShape } from './settings.ts';
import { attentionPairing, logitPairing } from './terms.ts';

export const atAlp = defineDefence({
  name: 'at-alp',
  label: 'AT+ALP',
  summary:
    'Attention and logit pairing on mixed-minibatch PGD training: logits and attention maps of an image and of its PGD example are pulled together.',
  source: 'arXiv 1908.11435 (Frontiers in AI 2021); attention maps after Zagoruyko & Komodakis 2017',
  adversarial: true,
  schema: z.strictObject({ ...innerAttackShape, ...shareShape, ...logitShape, ...attentionShape }),
  configure: (settings) => ({
    halves: 'both',
    inner: innerAttack(settings),
    epsilon: settings.epsilon,
    taps: (available) => chosenLayers(settings.layers, available),
    terms: ['clean', 'adversarial', 'logits', 'attention'],
    loss: (inputs) => ({
      ...mixedCrossEntropy(inputs, settings.share),
      logits: tf.mul(settings.alpha, logitPairing(inputs.clean.logits, inputs.adversarial.logits, settings.reduction)),
      attention: tf.mul(
        settings.beta,
        attentionPairing(inputs.clean.activations, inputs.adversarial.activations, settings.exponent),
      ),
    }),
  }),
});
