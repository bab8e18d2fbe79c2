import { z } from 'zod';
import { defineAttack } from '../attack.ts';
import { CW_FAMILY } from './cw-method.ts';
import type { CwPlan } from './cw-method.ts';
import { distanceSetting } from './minimal.ts';
import { searchLabel, searchSettings, searchWeakness } from './search-settings.ts';

/** Carlini & Wagner's attack in L2. */
export const cw = defineAttack({
  name: 'cw',
  label: 'C&W',
  summary:
    'Carlini & Wagner in L2: Adam brings the size of the perturbation and the lead of the label down together, and a search ' +
    'finds how to weigh them. Slow, and among the smallest perturbations there are.',
  source: 'Carlini & Wagner 2017, arXiv 1608.04644, section V-A (f₆), search of section VI',
  help: `Carlini & Wagner's attack minimises ‖x' − x‖² + c · f(x'), where f is how far the label leads the strongest other class. A change of variables (tanh) keeps x' within [0, 1], and Adam does the work. A search over c, from the original image each time, finds the smallest one that still fools the model.

Use it for the distance of the boundary in L2: one run answers for every ε at once. It broke many early defences, defensive distillation among them. It takes up to search steps × iterations gradients for each example, so try it on few examples first; FAB gets nearly as close with a twentieth of the work.

Search steps and iterations: more of both find smaller perturbations. Rate is Adam's step size in tanh space. κ asks for examples that the model is confident about; they are larger, and transfer better. Nothing is random, so there is but one start.

Goal: with a goal other than untargeted the class of the goal must lead.`,
  schema: z.strictObject({ epsilon: distanceSetting(2), ...searchSettings }),
  plan: (settings): CwPlan => ({ ...settings, family: CW_FAMILY, norm: 'l2', restarts: 1 }),
  describe: (plan) => `C&W ${searchLabel(plan)}`,
  weakness: (plan) => searchWeakness(plan),
});
