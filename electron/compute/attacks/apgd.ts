import { z } from 'zod';
import { defineAttack, epsilonSetting, fewStepsOrStarts, startsSetting } from './attack.ts';
import { APGD_FAMILY } from './apgd-method.ts';
import type { ApgdPlan } from './apgd-method.ts';

const LOSS_LABELS: Readonly<Record<ApgdPlan['loss'], string>> = { 'cross-entropy': 'CE', dlr: 'DLR' };

/** Auto-PGD in L∞: no step size to choose. */
export const apgd = defineAttack({
  name: 'apgd',
  label: 'APGD',
  summary:
    'Auto-PGD in L∞: gradient steps with momentum that start at 2 ε, halve when they stop helping, and then go on from the best point. ' +
    'Usually stronger than PGD of the same length, with no step size to choose. The DLR loss also works on networks with very large logits.',
  source: 'Croce & Hein 2020, arXiv 2003.01690, algorithm 1 and eq. 6',
  schema: z.strictObject({
    epsilon: epsilonSetting,
    loss: z
      .enum(['cross-entropy', 'dlr'])
      .default('cross-entropy')
      .meta({ label: 'Loss', help: 'Cross-entropy, or the difference of logits ratio (needs 3 classes).' }),
    steps: z
      .int('must be a whole number')
      .min(1, 'must be at least 1')
      .max(100_000)
      .default(100)
      .meta({ label: 'Iterations', help: 'Gradient steps from each start.' }),
    restarts: startsSetting,
    momentum: z
      .number()
      .positive('must be above 0')
      .max(1, 'must be at most 1')
      .default(0.75)
      .meta({ label: 'Weight of the new step', help: 'The rest is the direction of the last one.', advanced: true }),
    rho: z.number().min(0, 'must be at least 0').max(1, 'must be at most 1').default(0.75).meta({
      label: 'ρ',
      help: 'The step size halves unless more than this share of the steps since the last checkpoint raised the loss.',
      advanced: true,
    }),
  }),
  plan: ({ epsilon, loss, steps, restarts, momentum, rho }): ApgdPlan => ({
    family: APGD_FAMILY,
    norm: 'linf',
    epsilon,
    loss,
    steps,
    restarts,
    momentum,
    rho,
  }),
  describe: ({ loss, steps, restarts }) => `APGD-${LOSS_LABELS[loss]} ${steps}${restarts > 1 ? ` × ${restarts}` : ''}`,
  weakness: ({ steps, restarts }) => fewStepsOrStarts(steps, restarts),
});
