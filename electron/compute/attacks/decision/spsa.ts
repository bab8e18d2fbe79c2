import { z } from 'zod';
import { ballEpsilonSetting, defineAttack, inBall, normSetting, startsSetting } from '../attack.ts';
import { queriesOf, SPSA } from './spsa-method.ts';
import type { SpsaPlan } from './spsa-method.ts';

const help = `SPSA (simultaneous perturbation stochastic approximation) is gradient descent without a gradient: it compares the model's scores at pairs of images, one step δ to either side along random directions of ±1 in every pixel, and averages what it sees. It lowers the margin between the label's logit and the largest other one with Adam.

**When to use it.** On models whose gradients are masked, quantised or not to be had, but whose scores are. If it breaks examples that white-box attacks left standing, their gradients are masked.

**Settings.** Iterations are steps of the descent; samples are the images that one gradient is estimated from, two for each direction; each iteration takes one query more, for the iterate itself. The paper uses many more samples against strong defences (up to 8,192). δ is how far the compared images lie apart on either side; Adam's rate is about how far a pixel moves in one step.

**Source.** Uesato et al. 2018, arXiv 1802.05666, section 4 and algorithm 1.`;

/** SPSA in L∞ and L2: gradients estimated from scores. */
export const spsa = defineAttack({
  name: 'spsa',
  label: 'SPSA',
  summary: 'Gradient descent on the margin with gradients estimated from scores along random directions.',
  source: 'Uesato et al. 2018, arXiv 1802.05666, algorithm 1',
  help,
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2'),
      epsilon: ballEpsilonSetting,
      iterations: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(100_000)
        .default(100)
        .meta({ label: 'Iterations', help: 'Steps of the descent from each start.' }),
      samples: z
        .int('must be a whole number')
        .min(2, 'must be at least 2')
        .max(1_000_000)
        .multipleOf(2, 'must be even')
        .default(128)
        .meta({ label: 'Samples', help: 'Images that one gradient is estimated from, two for each direction.' }),
      delta: z.number().positive('must be above 0').max(1).default(0.01).meta({
        label: 'δ',
        unit: 'of [0, 1]',
        help: 'Step to either side along which scores are compared.',
        advanced: true,
      }),
      rate: z.number().positive('must be above 0').max(1).default(0.01).meta({
        label: 'Rate',
        unit: 'of [0, 1]',
        help: "Adam's rate: about how far a pixel moves in one step.",
        advanced: true,
      }),
      restarts: startsSetting,
    }),
  ),
  plan: ({ norm, epsilon, iterations, samples, delta, rate, restarts }): SpsaPlan => ({
    family: SPSA,
    norm,
    epsilon,
    iterations,
    samples,
    delta,
    rate,
    restarts,
  }),
  describe: ({ iterations, samples, restarts }) =>
    `SPSA-${iterations}, ${samples.toLocaleString('en')} samples${restarts > 1 ? ` × ${restarts}` : ''}`,
  weakness: (plan) =>
    queriesOf(plan) < 10_000
      ? `${queriesOf(plan).toLocaleString('en')} queries: more iterations or samples may break more.`
      : 'A search without gradients: attacks with gradients usually break more. Its use is beside them.',
  notes: ({ iterations, rate, epsilon, norm }) =>
    norm === 'linf' && iterations * rate < epsilon * 0.999
      ? [`${iterations} steps of about ${rate} cannot reach ε ${epsilon}: take more iterations or a larger rate.`]
      : [],
});
