import { z } from 'zod';
import { attentionTerm } from './attention-term.ts';
import { chosenLayers, defineDefence } from './defence.ts';
import { mixedCrossEntropy } from './mixed.ts';
import { attentionShape, innerAttack, innerAttackShape, shareShape, recommendedFor } from './settings.ts';

export const attentionPairing = defineDefence({
  name: 'attention-pairing',
  label: 'Attention pairing',
  summary:
    'Attention maps of an image and of its PGD example are pulled together on mixed-minibatch PGD training: AT+ALP without its logit term.',
  source: 'arXiv 1908.11435 (Frontiers in AI 2021), ablation; attention maps after Zagoruyko & Komodakis 2017',
  adversarial: true,
  recommended: recommendedFor(),
  ablations: [{ name: 'no-attention', label: 'without attention pairing', settings: { beta: 0 } }],
  schema: z.strictObject({ ...innerAttackShape, ...shareShape, ...attentionShape }),
  configure: (settings) => ({
    halves: 'both',
    inner: innerAttack(settings),
    epsilon: settings.epsilon,
    taps: (available) => chosenLayers(settings.layers, available),
    terms: ['clean', 'adversarial', 'attention'],
    warmups: { attention: settings.betaWarmup },
    loss: (inputs) => ({ ...mixedCrossEntropy(inputs, settings.share), attention: attentionTerm(inputs, settings) }),
  }),
});
