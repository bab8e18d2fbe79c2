import { z } from 'zod';
import { ASCENT } from './ascent.ts';
import type { AscentPlan } from './ascent.ts';
import { ballEpsilonSetting, defineAttack, inBall, normSetting } from '../attack.ts';

/** Random points of the ball, without any gradient: what an attack has to beat. */
export const noise = defineAttack({
  name: 'noise',
  label: 'Random noise',
  summary: 'Random points of the ball, drawn anew for each trial. The control: any real attack must break far more.',
  source: 'Carlini et al. 2019, arXiv 1902.06705, section 5.2',
  help: `Random points of the ball around each image, without any gradient. One misclassified point breaks an example.

This is the control, not an attack: whatever breaks an example must do far better than chance. A model that noise breaks where PGD does not is masking its gradients.

Noise: evenly from the ball, or normal deviates: of deviation ε / 2 and cut to ±ε in L∞, brought to the size ε in L2 and L1.`,
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2', 'l1'),
      epsilon: ballEpsilonSetting,
      noise: z.enum(['uniform', 'gaussian']).default('uniform').meta({
        label: 'Noise',
        help: 'Evenly from the ball, or normal: of deviation ε / 2, cut to ±ε, in L∞; brought to the size ε in L2 and L1.',
      }),
      trials: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(100_000)
        .default(1)
        .meta({ label: 'Trials', help: 'Draws for each example; one misclassified draw breaks it.' }),
    }),
  ),
  plan: ({ norm, epsilon, noise: kind, trials }): AscentPlan => ({
    family: ASCENT,
    norm,
    epsilon,
    steps: 0,
    stepSize: 0,
    restarts: trials,
    randomStart: true,
    noise: kind,
    samples: 1,
    share: null,
    stopAtSuccess: false,
  }),
  describe: ({ noise: kind, restarts }) => {
    const name = kind === 'gaussian' ? 'Gaussian noise' : 'Noise';
    return restarts > 1 ? `${name} × ${restarts}` : name;
  },
  weakness: () => 'Random noise is a control, not an attack.',
});
