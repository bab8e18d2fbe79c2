import { z } from 'zod';
import { defineAttack, inBall, normSetting, startsSetting } from '../attack.ts';
import { FAB_FAMILY } from './fab-method.ts';
import type { FabPlan } from './fab-method.ts';
import { distanceSetting } from './minimal.ts';

/** Other classes that an untargeted step looks at, each by a gradient of its own. */
const OTHERS = 9;

/** The fast adaptive boundary attack, untargeted (FAB) and targeted (FAB-T), in L∞, L2 and L1. */
export const fab = defineAttack({
  name: 'fab',
  label: 'FAB',
  summary:
    'The fast adaptive boundary attack: the smallest perturbation of each example, in L∞, L2 or L1, found by walking ' +
    'along the decision boundary. FAB-T aims at the strongest other classes one after the other.',
  source: 'Croce & Hein 2020, arXiv 1907.02044, algorithm 1; FAB-T as in arXiv 2003.01690, section 5',
  help: `FAB looks for the smallest change that makes the model wrong, not for any change within ε. Each step projects both the current image and the original onto the nearest decision boundary of the linearised model, exactly and within [0, 1], and goes on from a point between the two, a little beyond the boundary. A success is pulled back towards the original, and the search goes on from there.

Use it to measure how far the boundary is: the median of its distances is a figure of its own, and one run answers for every ε at once. It has no step size, does not care for the scale of the logits, and belongs to AutoAttack. On models whose gradients vanish it finds little; put Square beside it.

Mode: the untargeted attack looks at the gradients of up to ${OTHERS} other classes in each step. FAB-T looks at one class for all its steps and repeats that for each target: about as much work, usually a little stronger, and the only one of the two for models of many classes.

Iterations, α, η and β are those of the paper. Starts after the first one begin at a random point of norm ε / 2; examples that are broken within ε do not start again.

Goal: with a goal other than untargeted only the class of the goal counts, and both modes aim at it alone.`,
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2', 'l1'),
      epsilon: distanceSetting(0.25),
      mode: z.enum(['untargeted', 'targeted']).default('untargeted').meta({
        label: 'Mode',
        help: 'Look at all other classes in each step (FAB), or aim at the strongest ones in turn (FAB-T).',
      }),
      steps: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(100_000)
        .default(100)
        .meta({ label: 'Iterations', help: 'From each start, and of FAB-T towards each target.' }),
      restarts: startsSetting,
      targets: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(1000)
        .default(9)
        .meta({ label: 'Targets', help: 'Of FAB-T. With fewer other classes all of them.' }),
      thorough: z.boolean().default(true).meta({
        label: 'All targets',
        help: 'FAB-T goes through all targets for the smallest perturbation; otherwise the first success within ε ends it.',
        advanced: true,
      }),
      alphaMax: z.number().min(0, 'must be at least 0').max(1, 'must be at most 1').default(0.1).meta({
        label: 'α max',
        help: 'Largest weight of the projection of the original against that of the current image.',
        advanced: true,
      }),
      eta: z.number().min(1, 'must be at least 1').max(2, 'must be at most 2').default(1.05).meta({
        label: 'η',
        help: 'Both projections go on beyond the boundary by this factor.',
        advanced: true,
      }),
      beta: z.number().positive('must be above 0').max(1, 'must be at most 1').default(0.9).meta({
        label: 'β',
        help: 'A success is pulled back to this share of its perturbation.',
        advanced: true,
      }),
    }),
  ),
  plan: ({ mode, targets, ...rest }): FabPlan => ({
    ...rest,
    family: FAB_FAMILY,
    targets: mode === 'targeted' ? targets : 0,
    others: OTHERS,
  }),
  describe: ({ targets, steps, restarts }) =>
    `${targets > 0 ? 'FAB-T' : 'FAB'} ${steps}${restarts > 1 ? ` × ${restarts}` : ''}`,
  weakness: ({ steps }) =>
    steps < 100
      ? `${steps} iterations: more may break more.`
      : 'It follows gradients: APGD may break others, and where gradients are masked Square breaks more.',
});
