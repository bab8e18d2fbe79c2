import { z } from 'zod';
import { ASCENT } from './ascent.ts';
import type { AscentPlan } from './ascent.ts';
import { ascentNotes, defineAttack, fewStepsOrStarts, inBall, stepSizeOf } from '../attack.ts';
import { pgdSettings } from './pgd-settings.ts';

/** Projected gradient descent on the cross-entropy: steps of one size, projected onto the ball and the box. */
export const pgd = defineAttack({
  name: 'pgd',
  label: 'PGD',
  summary:
    'Projected gradient descent from random starts, in L∞, L2 or L1. The standard attack; many steps and restarts make it strong.',
  source: 'Madry et al. 2018, arXiv 1706.06083, section 2.1; in L1 Tramèr & Boneh 2019, arXiv 1904.13000, section 4',
  help: `Projected gradient descent climbs the cross-entropy in steps of one size. After each step the image is brought back into the ball of radius ε around the original and into [0, 1]. It starts at a random point of the ball.

Use it as the first serious attack, and as the one that papers report. A believable number wants many steps (100 and more) and several starts; put APGD and Square, which need no step size, beside it.

Steps and step size: steps × step size must be larger than ε, or the attack cannot use its budget. An empty step size is 2.5 ε / steps. Large steps with many starts break defences that only flatten the loss, such as logit pairing without adversarial training.

Norms: in L∞ a step moves each pixel by the sign of its gradient, in L2 the image along the gradient. In L1 it changes only the pixels of the largest gradients, as sparse L1 descent does.

Gradients per step: for models that are random themselves, so that a step follows the mean of several gradients (expectation over transformations).

Goal: with a goal other than untargeted it descends the cross-entropy towards that class.`,
  schema: inBall(z.strictObject(pgdSettings)),
  plan: ({ norm, epsilon, steps, stepSize, restarts, randomStart, stopAtSuccess, samples, share }): AscentPlan => ({
    family: ASCENT,
    norm,
    epsilon,
    steps,
    stepSize: stepSizeOf(epsilon, steps, stepSize),
    restarts: randomStart ? restarts : 1,
    randomStart,
    noise: 'spread',
    stopAtSuccess,
    samples,
    share: norm === 'l1' ? share : null,
  }),
  used: ({ stepSize }) => ({ stepSize }),
  describe: ({ steps, restarts }) => (restarts > 1 ? `PGD-${steps} × ${restarts}` : `PGD-${steps}`),
  weakness: ({ steps, restarts }) => fewStepsOrStarts(steps, restarts),
  notes: (plan, { randomStart, restarts }) =>
    randomStart || restarts === 1
      ? ascentNotes(plan)
      : [...ascentNotes(plan), 'Without a random start every start is the same: one was run.'],
});
