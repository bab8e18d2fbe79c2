import { z } from 'zod';
import {
  ballEpsilonSetting,
  defineAttack,
  fewStepsOrStarts,
  inBall,
  normSetting,
  samplesSetting,
  startsSetting,
} from '../attack.ts';
import { isTargeted } from './apgd-loss.ts';
import { APGD_FAMILY } from './apgd-method.ts';
import type { ApgdPlan } from './apgd-method.ts';

const LOSS_LABELS: Readonly<Record<ApgdPlan['loss'], string>> = {
  'cross-entropy': 'CE',
  dlr: 'DLR',
  'targeted-dlr': 'T',
  'targeted-cross-entropy': 'T-CE',
};
/** Target classes that are tried in AutoAttack: 9 in L∞ and L2, 5 in L1. */
export const TARGETS: Readonly<Record<ApgdPlan['norm'], number>> = { linf: 9, l2: 9, l1: 5 };

/** Auto-PGD: no step size to choose. */
export const apgd = defineAttack({
  name: 'apgd',
  label: 'APGD',
  summary:
    'Auto-PGD: gradient steps with momentum that start at 2 ε, halve when they stop helping, and then go on from the best point. ' +
    'Usually stronger than PGD of the same length, with no step size to choose. The DLR loss also works on networks with very large logits.',
  source: 'Croce & Hein 2020, arXiv 2003.01690, algorithm 1, eq. 6 and 7; in L1 Croce & Hein 2021, arXiv 2103.01208',
  help: `APGD is PGD that sets its own step size: it starts with steps of 2 ε, halves them when they stop raising the loss, and then goes on from the best point so far. There is no step size to choose, and so none to choose badly.

Use it beside PGD, or in its place. 100 steps are AutoAttack's; more starts add a little.

Loss: cross-entropy, or the difference of logits ratio (DLR), which is blind to the scale of logits and so not misled by very confident networks. The targeted losses (APGD-T) lead to one wrong class after the other, the likeliest of the clean image first, and are the strongest; a start then takes as many times the iterations as there are target classes. With fewer classes than targets all of them are tried, and a model of three classes gets the targeted cross-entropy, with a note that says so.

Norm: in L∞ and L2 as above. In L1 each step changes few pixels, and the first 60 % of the iterations run in balls of 3 ε and 2 ε; only what lies within ε counts.

Passes for each gradient: only for models that are random themselves.

Goal: with a goal other than untargeted the loss leads to that class, and only that class is a success.`,
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2', 'l1'),
      epsilon: ballEpsilonSetting,
      loss: z.enum(['cross-entropy', 'dlr', 'targeted-dlr', 'targeted-cross-entropy']).default('cross-entropy').meta({
        label: 'Loss',
        help: 'Cross-entropy, the difference of logits ratio (needs 3 classes), or one of their targeted forms, which lead to one wrong class after the other (APGD-T; DLR needs 4 classes).',
      }),
      steps: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(100_000)
        .default(100)
        .meta({ label: 'Iterations', help: 'Gradient steps from each start.' }),
      restarts: startsSetting,
      targets: z.int('must be a whole number').min(1, 'must be at least 1').max(1000).nullable().default(null).meta({
        label: 'Target classes',
        help: 'Of a targeted loss: so many of the likeliest wrong classes. Empty: 9, in L1 5.',
        advanced: true,
      }),
      samples: samplesSetting,
      momentum: z.number().positive('must be above 0').max(1, 'must be at most 1').default(0.75).meta({
        label: 'Weight of the new step',
        help: 'The rest is the direction of the last one. Not used in L1.',
        advanced: true,
      }),
      rho: z.number().min(0, 'must be at least 0').max(1, 'must be at most 1').default(0.75).meta({
        label: 'ρ',
        help: 'The step size halves unless more than this share of the steps since the last checkpoint raised the loss. Not used in L1.',
        advanced: true,
      }),
    }),
  ),
  plan: ({ targets, ...settings }): ApgdPlan => ({
    family: APGD_FAMILY,
    targets: targets ?? TARGETS[settings.norm],
    ...settings,
  }),
  describe: describeApgd,
  weakness: ({ steps, restarts, loss }) => fewStepsOrStarts(steps, isTargeted(loss) ? Math.max(restarts, 2) : restarts),
});

/** `APGD-T 100 × 9 targets` */
function describeApgd({ loss, steps, restarts, targets }: ApgdPlan): string {
  const each = isTargeted(loss) ? ` × ${targets} targets` : '';
  return `APGD-${LOSS_LABELS[loss]} ${steps}${each}${restarts > 1 ? ` × ${restarts}` : ''}`;
}
