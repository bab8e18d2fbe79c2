import { z } from 'zod';
import { ballEpsilonSetting, defineAttack, inBall, normSetting, startsSetting } from '../attack.ts';
import { HOPSKIPJUMP } from './hopskipjump-method.ts';
import type { HopSkipJumpPlan } from './hopskipjump-method.ts';

const help = `HopSkipJump sees decisions only: which class the model names, no score and no gradient. It starts at any image that the model takes for another class, walks to the decision boundary by bisection, estimates the boundary's slope there from some hundred noisy copies, leaps along it and comes back to the boundary, ever nearer to the image.

**When to use it.** On models that have no usable gradient, or none at all: quantised, randomised or foreign ones. It looks for the smallest perturbation, so one run gives the accuracy at every ε. If it breaks examples that white-box attacks left standing, their gradients are masked.

**Settings.** Queries are the decisions of one start for each example: the paper's figures use 1,000 to 25,000. The first slope takes 100 directions, that of step t √t times as many. γ says how exactly the boundary is searched. Where uniform noise never fools the model, it starts at images of other classes of the same evaluation.

**Source.** Chen, Jordan and Wainwright 2020, arXiv 1904.02144, algorithm 2.`;

/** HopSkipJump in L∞ and L2: the smallest perturbation, from decisions alone. */
export const hopSkipJump = defineAttack({
  name: 'hopskipjump',
  label: 'HopSkipJump',
  summary: 'Walks along the decision boundary towards the image. It sees only which class the model names.',
  source: 'Chen, Jordan & Wainwright 2020, arXiv 1904.02144, algorithm 2',
  help,
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2'),
      epsilon: ballEpsilonSetting,
      queries: z
        .int('must be a whole number')
        .min(10, 'must be at least 10')
        .max(10_000_000)
        .default(5000)
        .meta({ label: 'Queries', help: 'Decisions of the model for each example and start.' }),
      firstDirections: z.int('must be a whole number').min(1, 'must be at least 1').max(10_000).default(100).meta({
        label: 'First directions',
        help: 'Noisy copies that the first slope is estimated from; those of step t are √t times as many.',
        advanced: true,
      }),
      maxDirections: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(1_000_000)
        .default(10_000)
        .meta({ label: 'Most directions', help: 'Noisy copies of one slope at most.', advanced: true }),
      gamma: z.number().positive('must be above 0').max(1000).default(1).meta({
        label: 'γ',
        help: 'The boundary is searched to γ / d^1.5 of the way in L2, and to γ / d² in L∞, d being the pixels.',
        advanced: true,
      }),
      restarts: startsSetting,
    }),
  ),
  plan: ({ norm, epsilon, queries, firstDirections, maxDirections, gamma, restarts }): HopSkipJumpPlan => ({
    family: HOPSKIPJUMP,
    norm,
    epsilon,
    queries,
    firstDirections,
    maxDirections,
    gamma,
    restarts,
  }),
  describe: ({ queries, restarts }) =>
    `HopSkipJump ${queries.toLocaleString('en')} queries${restarts > 1 ? ` × ${restarts}` : ''}`,
  weakness: () => 'An attack on decisions alone: attacks with gradients usually break more. Its use is beside them.',
});
