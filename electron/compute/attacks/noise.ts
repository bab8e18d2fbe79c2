import { z } from 'zod';
import { ASCENT } from './ascent.ts';
import type { AscentPlan } from './ascent.ts';
import { defineAttack, epsilonSetting } from './attack.ts';

/** Random points of the ball, without any gradient: what an attack has to beat. */
export const noise = defineAttack({
  name: 'noise',
  label: 'Random noise',
  summary: 'Uniform noise of ±ε, drawn anew for each trial. The control: any real attack must break far more.',
  source: 'Carlini et al. 2019, arXiv 1902.06705, section 5.2',
  schema: z.strictObject({
    epsilon: epsilonSetting,
    trials: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(100_000)
      .default(1)
      .meta({ label: 'Trials', help: 'Draws for each example; one misclassified draw breaks it.' }),
  }),
  plan: ({ epsilon, trials }): AscentPlan => ({
    family: ASCENT,
    norm: 'linf',
    epsilon,
    steps: 0,
    stepSize: 0,
    restarts: trials,
    randomStart: true,
    stopAtSuccess: false,
  }),
  describe: ({ restarts }) => (restarts > 1 ? `Noise × ${restarts}` : 'Noise'),
  weakness: () => 'Random noise is a control, not an attack.',
});
