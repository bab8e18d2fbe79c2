import { z } from 'zod';
import { ASCENT } from './ascent.ts';
import type { AscentPlan } from './ascent.ts';
import {
  ascentNotes,
  defineAttack,
  epsilonSetting,
  stepSizeOf,
  stepSizeSetting,
  stepsSetting,
  stopAtSuccessSetting,
} from './attack.ts';

/** PGD's steps from the image itself. */
export const bim = defineAttack({
  name: 'bim',
  label: 'BIM',
  summary: 'Basic iterative method in L∞: PGD that starts at the image itself, so there is nothing random in it.',
  source: 'Kurakin et al. 2017, arXiv 1607.02533, section 2.2',
  schema: z.strictObject({
    epsilon: epsilonSetting,
    steps: stepsSetting(10),
    stepSize: stepSizeSetting,
    stopAtSuccess: stopAtSuccessSetting,
  }),
  plan: ({ epsilon, steps, stepSize, stopAtSuccess }): AscentPlan => ({
    family: ASCENT,
    norm: 'linf',
    epsilon,
    steps,
    stepSize: stepSizeOf(epsilon, steps, stepSize),
    restarts: 1,
    randomStart: false,
    stopAtSuccess,
  }),
  used: ({ stepSize }) => ({ stepSize }),
  describe: ({ steps }) => `BIM-${steps}`,
  notes: ascentNotes,
  weakness: () => 'One start, at the image itself: PGD with restarts may break more.',
});
