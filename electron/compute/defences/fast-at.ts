import { z } from 'zod';
import { adversarialCrossEntropy } from './at.ts';
import { defineDefence, noTaps } from './defence.ts';
import { attackEpsilon, recommendedFor } from './settings.ts';

export const fastAt = defineDefence({
  name: 'fast-at',
  label: 'Fast AT',
  summary:
    'Cross-entropy on examples of a single step from a random start: about as fast as plain training twice over. Such training can collapse within a few steps, robust only against its own attack; a guard watches for that and goes back to the last good weights.',
  source:
    'Wong et al. 2020, arXiv 2001.03994, algorithm 3; gradient cosine after Andriushchenko & Flammarion 2020, arXiv 2007.02617, eq. 3',
  adversarial: true,
  recommended: recommendedFor({}, {}),
  schema: z.strictObject({
    epsilon: attackEpsilon,
    stepFactor: z
      .number()
      .positive()
      .max(4)
      .default(1.25)
      .meta({ label: 'Step size', unit: '× ε', help: 'Of the single step. 2 and more bring the collapse about.' }),
    guard: z.boolean().default(true).meta({
      label: 'Guard against collapse',
      help: 'Measures PGD and single-step accuracy and the gradient cosine on held-out images; when PGD accuracy has lost half of its lead over chance twice in a row, the training ends with the weights from before.',
    }),
    guardEvery: z.int().min(1).max(100_000).default(25).meta({ label: 'Guard every', unit: 'steps', advanced: true }),
    guardSteps: z.int().min(2).max(200).default(10).meta({ label: 'Guard PGD steps', advanced: true }),
  }),
  configure: ({ epsilon, stepFactor, guard, guardEvery, guardSteps }) => ({
    halves: 'adversarial',
    inner: { epsilon, steps: 1, stepSize: stepFactor * epsilon, randomStart: true },
    ...(guard && { guard: { every: guardEvery, attackSteps: guardSteps } }),
    epsilon,
    taps: noTaps,
    terms: ['adversarial'],
    loss: adversarialCrossEntropy,
  }),
});
