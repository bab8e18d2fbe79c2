import { z } from 'zod';
import {
  ascentReachNotes,
  ballEpsilonSetting,
  defineAttack,
  inBall,
  normSetting,
  startsSetting,
  stepsSetting,
} from '../attack.ts';
import { MOMENTUM_FAMILY } from './momentum-method.ts';
import type { MomentumPlan } from './momentum-method.ts';

/** MI-, NI-, SI-, DI- and TI-FGSM, and any of them together. */
export const momentum = defineAttack({
  name: 'mi-fgsm',
  label: 'MI-FGSM',
  summary:
    'Gradient steps with momentum, made to transfer: also with a look ahead (NI), several brightnesses (SI), random resizing (DI) and smoothed gradients (TI), in any combination. For gray- and black-box attacks.',
  source:
    'Dong et al. 2018, arXiv 1710.06081, algorithm 1; NI and SI: Lin et al. 2020, arXiv 1908.06281, eq. 6 to 8; DI: Xie et al. 2019, arXiv 1803.06978, section 3.2; TI: Dong et al. 2019, arXiv 1904.02884, eq. 7',
  help: `These attacks are made for transfer: x' is made on a source model and judged on another one that the attacker cannot see into. Plain PGD climbs the source's own small bumps; these steps keep to directions that other models share.

Momentum (MI) keeps part of the last direction. The look ahead (NI) takes the gradient where the momentum leads. Brightnesses (SI) averages gradients of the image at 1, ½, ¼ … of its brightness. Random resizing (DI) shows the source a smaller copy at a random place in a share of the steps. Smoothing (TI) smooths the gradient, as if it were averaged over small shifts.

Use it as the attack of gray- and black-box evaluations, best from several sources at once (an ensemble: their logits are averaged). As a white-box attack PGD and APGD are stronger.

Usual combinations: MI alone; TI-DI-MI (probability 0.5 or 0.7, kernel 7); SI-NI (look ahead, 5 brightnesses). The step size is ε / steps if left empty; with random resizing more starts are of use.`,
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2'),
      epsilon: ballEpsilonSetting,
      steps: stepsSetting(10),
      stepSize: z
        .number()
        .positive('must be above 0')
        .max(1e6, 'must be at most 1,000,000')
        .nullable()
        .default(null)
        .meta({ label: 'Step size', unit: 'of [0, 1]', help: 'In the norm of ε. Empty: ε / steps.' }),
      decay: z
        .number()
        .min(0, 'must be at least 0')
        .max(10, 'must be at most 10')
        .default(1)
        .meta({ label: 'Momentum', help: 'μ, the share of the last direction that is kept; 0 for none.' }),
      nesterov: z
        .boolean()
        .default(false)
        .meta({ label: 'Look ahead (NI)', help: 'Gradients are taken where the momentum leads.' }),
      diversity: z.number().min(0, 'must be at least 0').max(1, 'must be at most 1').default(0).meta({
        label: 'Random resizing (DI)',
        help: 'Probability that a step sees a smaller copy at a random place; the papers take 0.5.',
      }),
      smallest: z
        .number()
        .min(0.1, 'must be at least 0.1')
        .max(1, 'must be at most 1')
        .default(0.9)
        .meta({ label: 'Smallest copy', help: "Of the image's side.", advanced: true }),
      kernel: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(31, 'must be at most 31')
        .refine((width) => width % 2 === 1, 'must be odd')
        .default(1)
        .meta({
          label: 'Smoothing kernel (TI)',
          unit: 'pixels',
          help: 'Width of the Gaussian kernel, odd; 1 for none, the paper takes 7 or 15.',
        }),
      scales: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(16, 'must be at most 16')
        .default(1)
        .meta({
          label: 'Brightnesses (SI)',
          help: 'Copies at 1, ½, ¼ … whose gradients are averaged; 1 for the image alone, the paper takes 5.',
        }),
      restarts: startsSetting,
    }),
  ),
  plan: ({
    norm,
    epsilon,
    steps,
    stepSize,
    decay,
    nesterov,
    diversity,
    smallest,
    kernel,
    scales,
    restarts,
  }): MomentumPlan => ({
    family: MOMENTUM_FAMILY,
    norm,
    epsilon,
    steps,
    stepSize: stepSize ?? epsilon / steps,
    decay,
    nesterov,
    diversity,
    smallest,
    kernel,
    scales,
    // Only the resizing is random.
    restarts: diversity > 0 ? restarts : 1,
  }),
  used: ({ stepSize }) => ({ stepSize }),
  describe: ({ steps, restarts, decay, nesterov, diversity, kernel, scales }) => {
    const step = nesterov ? 'NI' : decay > 0 ? 'MI' : 'I';
    const parts = [kernel > 1 ? 'TI' : '', diversity > 0 ? 'DI' : '', scales > 1 ? 'SI' : '', step, `FGSM-${steps}`];
    return `${parts.filter((part) => part !== '').join('-')}${restarts > 1 ? ` × ${restarts}` : ''}`;
  },
  weakness: () => 'Made for transfer: on a model itself PGD with restarts breaks more.',
  notes: (plan, { restarts, diversity }) =>
    restarts > 1 && diversity === 0
      ? [...ascentReachNotes(plan), 'Without random resizing every start is the same: one was run.']
      : ascentReachNotes(plan),
});
