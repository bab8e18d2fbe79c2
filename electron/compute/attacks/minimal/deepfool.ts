import { z } from 'zod';
import { defineAttack, inBall, normSetting } from '../attack.ts';
import { DEEPFOOL_FAMILY } from './deepfool-method.ts';
import type { DeepFoolPlan } from './deepfool-method.ts';
import { distanceSetting } from './minimal.ts';

/** DeepFool in L2 and L∞: small perturbations from few gradients. */
export const deepfool = defineAttack({
  name: 'deepfool',
  label: 'DeepFool',
  summary:
    'Steps onto the nearest decision boundary of the linearised model until the label is lost: a small perturbation ' +
    'of each example from a few gradients. Its median says how far the boundary is; FAB and C&W find smaller ones.',
  source: 'Moosavi-Dezfooli et al. 2016, arXiv 1511.04599, algorithm 2 and section 3.3',
  help: `DeepFool takes the model for a linear one at the current image, steps onto the nearest boundary with another class, and repeats that until the label is lost: usually three to five steps. What it has found is a small change, not the smallest one.

Use it for a quick picture of how far the boundary is, in L2 or L∞, and to compare with papers that report its distances. It is no claim of robustness at some ε: FAB and C&W find changes that are 5 to 15 % smaller, and more where the boundary is curved.

Classes: so many classes of the highest logits are looked at, each by a gradient of its own. Overshoot: the sum of all steps is lengthened by this share, to land beyond the boundary and not on it. Nothing is random, so there is but one start.`,
  schema: inBall(
    z.strictObject({
      norm: normSetting('l2', 'linf'),
      epsilon: distanceSetting(1),
      steps: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(100_000)
        .default(50)
        .meta({ label: 'Steps', help: 'At most; few examples need more than five.' }),
      candidates: z
        .int('must be a whole number')
        .min(2, 'must be at least 2')
        .max(1000)
        .default(10)
        .meta({ label: 'Classes', help: 'So many classes of the highest logits are looked at, the label among them.' }),
      overshoot: z
        .number()
        .min(0, 'must be at least 0')
        .max(1, 'must be at most 1')
        .default(0.02)
        .meta({ label: 'Overshoot', help: 'Goes beyond the boundary by this share of the way.', advanced: true }),
    }),
  ),
  plan: (settings): DeepFoolPlan => ({ ...settings, family: DEEPFOOL_FAMILY, restarts: 1 }),
  describe: ({ norm, steps }) => `DeepFool ${norm === 'l2' ? 'L2' : 'L∞'} ${steps}`,
  weakness: () => 'A fast estimate of the distance to the boundary: FAB, C&W or APGD usually break more.',
});
