import { z } from 'zod';
import { ASCENT } from './ascent.ts';
import type { AscentPlan } from './ascent.ts';
import {
  ascentNotes,
  defineAttack,
  ballEpsilonSetting,
  fewStepsOrStarts,
  inBall,
  normSetting,
  samplesSetting,
  shareSetting,
  startsSetting,
  stepSizeOf,
  stepSizeSetting,
  stepsSetting,
  stopAtSuccessSetting,
} from './attack.ts';

/** Projected gradient descent on the cross-entropy: steps of one size, projected onto the ball and the box. */
export const pgd = defineAttack({
  name: 'pgd',
  label: 'PGD',
  summary:
    'Projected gradient descent from random starts, in L∞, L2 or L1. The standard attack; many steps and restarts make it strong.',
  source: 'Madry et al. 2018, arXiv 1706.06083, section 2.1; in L1 Tramèr & Boneh 2019, arXiv 1904.13000, section 4',
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2', 'l1'),
      epsilon: ballEpsilonSetting,
      steps: stepsSetting(40),
      stepSize: stepSizeSetting,
      restarts: startsSetting,
      randomStart: z
        .boolean()
        .default(true)
        .meta({ label: 'Random start', help: 'Start at a random point of the ball; otherwise at x, once.' }),
      stopAtSuccess: stopAtSuccessSetting,
      samples: samplesSetting,
      share: shareSetting,
    }),
  ),
  plan: ({ norm, epsilon, steps, stepSize, restarts, randomStart, stopAtSuccess, samples, share }): AscentPlan => ({
    family: ASCENT,
    norm,
    epsilon,
    steps,
    stepSize: stepSizeOf(epsilon, steps, stepSize),
    restarts: randomStart ? restarts : 1,
    randomStart,
    noise: 'spread',
    stopAtSuccess,
    samples,
    share: norm === 'l1' ? share : null,
  }),
  used: ({ stepSize }) => ({ stepSize }),
  describe: ({ steps, restarts }) => (restarts > 1 ? `PGD-${steps} × ${restarts}` : `PGD-${steps}`),
  weakness: ({ steps, restarts }) => fewStepsOrStarts(steps, restarts),
  notes: (plan, { randomStart, restarts }) =>
    randomStart || restarts === 1
      ? ascentNotes(plan)
      : [...ascentNotes(plan), 'Without a random start every start is the same: one was run.'],
});
