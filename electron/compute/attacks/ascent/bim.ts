import { z } from 'zod';
import { ASCENT } from './ascent.ts';
import type { AscentPlan } from './ascent.ts';
import {
  ascentNotes,
  defineAttack,
  ballEpsilonSetting,
  inBall,
  normSetting,
  stepSizeOf,
  stepSizeSetting,
  stepsSetting,
  stopAtSuccessSetting,
} from '../attack.ts';

/** PGD's steps from the image itself. */
export const bim = defineAttack({
  name: 'bim',
  label: 'BIM',
  summary: 'Basic iterative method: PGD that starts at the image itself, so there is nothing random in it.',
  source: 'Kurakin et al. 2017, arXiv 1607.02533, section 2.2',
  help: `The basic iterative method is PGD that starts at the image itself: nothing in it is random, so its result can be compared pixel by pixel with other programs.

Use it for such comparisons. As a measure of robustness PGD with several random starts is stronger.

Steps and step size as for PGD. In L1 its steps are the whole gradient, brought to the step size in L1.`,
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2', 'l1'),
      epsilon: ballEpsilonSetting,
      steps: stepsSetting(10),
      stepSize: stepSizeSetting,
      stopAtSuccess: stopAtSuccessSetting,
    }),
  ),
  plan: ({ norm, epsilon, steps, stepSize, stopAtSuccess }): AscentPlan => ({
    family: ASCENT,
    norm,
    epsilon,
    steps,
    stepSize: stepSizeOf(epsilon, steps, stepSize),
    restarts: 1,
    randomStart: false,
    noise: 'spread',
    stopAtSuccess,
    samples: 1,
    share: null,
  }),
  used: ({ stepSize }) => ({ stepSize }),
  describe: ({ steps }) => `BIM-${steps}`,
  notes: ascentNotes,
  weakness: () => 'One start, at the image itself: PGD with restarts may break more.',
});
