import { z } from 'zod';
import { adversarialCrossEntropy } from './at.ts';
import { defineDefence, noTaps } from './defence.ts';
import { attackEpsilon, recommendedFor } from './settings.ts';

export const freeAt = defineDefence({
  name: 'free-at',
  label: 'Free AT',
  summary:
    'Each minibatch is used several times in a row; one pass gives the gradient for the weights and that for the perturbation, which lives on from batch to batch. Costs as much as plain training for as many epochs; each image is seen in epochs / replays of them.',
  source: 'Shafahi et al. 2019, arXiv 1904.12843, algorithm 1',
  adversarial: true,
  recommended: recommendedFor({ replays: 4 }, { replays: 8 }),
  schema: z.strictObject({
    epsilon: attackEpsilon,
    replays: z.int().min(1).max(100).default(4).meta({
      label: 'Replays',
      unit: 'per minibatch',
      help: 'Epochs count each replay: 8 epochs of 4 replays go through the data twice.',
    }),
  }),
  configure: ({ epsilon, replays }) => ({
    halves: 'adversarial',
    inner: null,
    replay: { epsilon, times: replays },
    epsilon,
    taps: noTaps,
    terms: ['adversarial'],
    loss: adversarialCrossEntropy,
  }),
});
