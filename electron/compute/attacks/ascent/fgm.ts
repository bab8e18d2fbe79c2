import { z } from 'zod';
import { ASCENT } from './ascent.ts';
import type { AscentPlan } from './ascent.ts';
import { ballEpsilonSetting, defineAttack, normSetting } from '../attack.ts';

/** One step of ε along the gradient itself. */
export const fgm = defineAttack({
  name: 'fgm',
  label: 'FGM',
  summary: 'Fast gradient method: one step of size ε along the gradient, in L2 or L1. FGSM of the other norms; weak.',
  source: 'Goodfellow et al. 2015, arXiv 1412.6572, section 4; Miyato et al. 2017, arXiv 1605.07725, eq. 5',
  help: `The fast gradient method makes one step of size ε along the gradient: FGSM for L2 and L1.

It is quick and weak, and comparable pixel by pixel with other programs. Use PGD in L2 or L1 for numbers that are to stand.`,
  schema: z.strictObject({
    norm: normSetting('l2', 'l1'),
    epsilon: ballEpsilonSetting.default(1),
  }),
  plan: ({ norm, epsilon }): AscentPlan => ({
    family: ASCENT,
    norm,
    epsilon,
    steps: 1,
    stepSize: epsilon,
    restarts: 1,
    randomStart: false,
    noise: 'spread',
    stopAtSuccess: false,
    samples: 1,
    share: null,
  }),
  describe: () => 'FGM',
  weakness: () => 'A single step: iterative attacks break more.',
});
