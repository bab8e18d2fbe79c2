import { z } from 'zod';
import {
  defineAttack,
  epsilonSetting,
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
    restarts: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(100_000)
      .default(1)
      .meta({ label: 'Starts', help: 'Random starts in all. Examples that are broken do not start again.' }),
    randomStart: z
      .boolean()
      .default(true)
      .meta({ label: 'Random start', help: 'Start at x plus uniform noise of ±ε; otherwise at x, once.' }),
    stopAtSuccess: stopAtSuccessSetting,
  }),
  plan: ({ epsilon, steps, stepSize, restarts, randomStart, stopAtSuccess }) => ({
    epsilon,
    steps,
    stepSize: stepSizeOf(epsilon, steps, stepSize),
    restarts: randomStart ? restarts : 1,
    randomStart,
    stopAtSuccess,
  }),
  describe: ({ steps, restarts }) => (restarts > 1 ? `PGD-${steps} × ${restarts}` : `PGD-${steps}`),
  weakness: ({ steps, restarts }) => {
    if (steps < 100 && restarts < 2) return `One start of ${steps} steps: more steps and restarts may break more.`;
    if (steps < 100) return `${steps} steps: more may break more.`;
    if (restarts < 2) return 'One start: restarts may break more.';
    return null;
  },
});
