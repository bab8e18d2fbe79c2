import { z } from 'zod';
import { defineDefence, noTaps } from './defence.ts';
import { mixedCrossEntropy } from './mixed.ts';
import { innerAttack, innerAttackShape, shareShape, recommendedFor } from './settings.ts';

export const mPgd = defineDefence({
  name: 'm-pgd',
  label: 'M-PGD',
  summary: 'Mixed-minibatch PGD training: cross-entropy on clean images and on their PGD examples, half and half.',
  source: 'Kannan et al. 2018, arXiv 1803.06373, section 3',
  adversarial: true,
  recommended: recommendedFor(),
  schema: z.strictObject({ ...innerAttackShape, ...shareShape }),
  configure: (settings) => ({
    halves: 'both',
    inner: innerAttack(settings),
    epsilon: settings.epsilon,
    taps: noTaps,
    terms: ['clean', 'adversarial'],
    loss: (inputs) => mixedCrossEntropy(inputs, settings.share),
  }),
});
