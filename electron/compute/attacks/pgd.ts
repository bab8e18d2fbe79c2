import { z } from 'zod';
import { ASCENT } from './ascent.ts';
import type { AscentPlan } from './ascent.ts';
import {
  ascentNotes,
  defineAttack,
  epsilonSetting,
  fewStepsOrStarts,
  startsSetting,
  stepSizeOf,
  stepSizeSetting,
  stepsSetting,
  stopAtSuccessSetting,
} from './attack.ts';

/** Projected gradient descent on the cross-entropy in L∞: sign steps, projected onto the ball and the box. */
export const pgd = defineAttack({
  name: 'pgd',
  label: 'PGD',
  summary:
    'Projected gradient descent in L∞ from random starts. The standard attack; many steps and restarts make it strong.',
  source: 'Madry et al. 2018, arXiv 1706.06083, section 2.1',
  schema: z.strictObject({
    epsilon: epsilonSetting,
    steps: stepsSetting(40),
    stepSize: stepSizeSetting,
    restarts: startsSetting,
    randomStart: z
      .boolean()
      .default(true)
      .meta({ label: 'Random start', help: 'Start at x plus uniform noise of ±ε; otherwise at x, once.' }),
    stopAtSuccess: stopAtSuccessSetting,
  }),
  plan: ({ epsilon, steps, stepSize, restarts, randomStart, stopAtSuccess }): AscentPlan => ({
    family: ASCENT,
    norm: 'linf',
    epsilon,
    steps,
    stepSize: stepSizeOf(epsilon, steps, stepSize),
    restarts: randomStart ? restarts : 1,
    randomStart,
    stopAtSuccess,
  }),
  used: ({ stepSize }) => ({ stepSize }),
  describe: ({ steps, restarts }) => (restarts > 1 ? `PGD-${steps} × ${restarts}` : `PGD-${steps}`),
  weakness: ({ steps, restarts }) => fewStepsOrStarts(steps, restarts),
  notes: (plan, { randomStart, restarts }) =>
    randomStart || restarts === 1
      ? ascentNotes(plan)
      : [...ascentNotes(plan), 'Without a random start every start is the same: one was run.'],
});
