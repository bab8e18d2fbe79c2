import { z } from 'zod';
import { defineAttack } from '../attack.ts';
import { EAD_FAMILY } from './ead-method.ts';
import type { EadPlan } from './ead-method.ts';
import { distanceSetting } from './minimal.ts';
import { searchLabel, searchSettings, searchWeakness } from './search-settings.ts';

/** The elastic-net attack: small in L1. */
export const ead = defineAttack({
  name: 'ead',
  label: 'EAD',
  summary:
    'Elastic-net attack: C&W with an L1 term, solved by shrinkage, so that few pixels change. Small in L1, where defences ' +
    'trained in L∞ are often weak.',
  source: 'Chen et al. 2018, arXiv 1709.04114, algorithm 1',
  help: `The elastic-net attack minimises c · f(x') + ‖x' − x‖₂² + β ‖x' − x‖₁ with the f and the search over c of Carlini & Wagner. Each step follows the gradient, then draws every pixel towards the original by β, so that most pixels do not change at all.

Use it for the distance of the boundary in L1: one run answers for every ε at once. It takes up to search steps × iterations gradients for each example. FAB in L1 is faster and often closer.

Decision: which of the successes is kept, the one of the smallest L1 norm, or of the smallest elastic net (β times the L1 norm plus the square of the L2 norm). Distances are L1 norms either way. β: more of it changes fewer pixels. The rate falls to 0 with the square root of the iterations that are left. Nothing is random, so there is but one start.

Goal: with a goal other than untargeted the class of the goal must lead.`,
  schema: z.strictObject({
    epsilon: distanceSetting(10),
    decision: z
      .enum(['l1', 'elastic-net'])
      .default('l1')
      .meta({ label: 'Decision', help: 'Which success is kept: smallest in L1, or in β L1 + L2².' }),
    beta: z
      .number()
      .min(0, 'must be at least 0')
      .max(1, 'must be at most 1')
      .default(0.01)
      .meta({ label: 'β', help: 'Weight of the L1 norm in the loss.' }),
    ...searchSettings,
    // Its loss goes up and down: examples that leave at the first rise come out 8 % and more farther away.
    abortEarly: searchSettings.abortEarly.default(false),
  }),
  plan: (settings): EadPlan => ({ ...settings, family: EAD_FAMILY, norm: 'l1', restarts: 1 }),
  describe: (plan) => `EAD ${plan.decision === 'l1' ? 'L1' : 'elastic net'} ${searchLabel(plan)}`,
  weakness: (plan) => searchWeakness(plan),
});
