import { z } from 'zod';
import { ASCENT } from './ascent.ts';
import type { AscentPlan } from './ascent.ts';
import { defineAttack, epsilonSetting } from '../attack.ts';

/** One step of ε along the sign of the gradient. */
export const fgsm = defineAttack({
  name: 'fgsm',
  label: 'FGSM',
  summary: 'Fast gradient sign method: one step of size ε. Quick and weak; useful beside PGD to spot gradient masking.',
  source: 'Goodfellow et al. 2015, arXiv 1412.6572, section 4',
  help: `The fast gradient sign method makes one step: each pixel moves by ε along the sign of its gradient.

It is quick and weak. Its use is beside PGD: a model that withstands FGSM less than PGD, or both equally well at large ε, is likely to mask its gradients.`,
  schema: z.strictObject({ epsilon: epsilonSetting }),
  plan: ({ epsilon }): AscentPlan => ({
    family: ASCENT,
    norm: 'linf',
    epsilon,
    steps: 1,
    stepSize: epsilon,
    restarts: 1,
    randomStart: false,
    noise: 'spread',
    samples: 1,
    share: null,
    stopAtSuccess: false,
  }),
  describe: () => 'FGSM',
  weakness: () => 'A single step: iterative attacks break more.',
});
