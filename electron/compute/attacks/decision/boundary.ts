import { z } from 'zod';
import { ballEpsilonSetting, defineAttack, startsSetting } from '../attack.ts';
import { BOUNDARY } from './boundary-method.ts';
import type { BoundaryPlan } from './boundary-method.ts';

const help = `The boundary attack sees decisions only: which class the model names. It starts at any image that the model takes for another class and walks at random along the decision boundary: a small step around the image, at a constant distance, then a smaller one towards it; it keeps what is still taken for another class, and adapts the lengths of its steps.

**When to use it.** As a second opinion beside HopSkipJump, which needs fewer queries. It makes no use of slopes at all, so nothing about a model can mislead it but the boundary itself. It looks for the smallest L2 perturbation.

**Settings.** Queries are the decisions of one start for each example: 25,000 are a fair look, the paper takes up to a million. The first steps are shares of the distance to the image; they adapt to the boundary.

**Source.** Brendel, Rauber and Bethge 2018, arXiv 1712.04248, algorithm 1.`;

const shareSetting = (label: string, text: string) =>
  z.number().positive('must be above 0').max(1, 'must be at most 1').default(0.01).meta({
    label,
    unit: 'of the distance',
    help: text,
    advanced: true,
  });

/** The boundary attack: the smallest L2 perturbation, from decisions alone. */
export const boundary = defineAttack({
  name: 'boundary',
  label: 'Boundary attack',
  summary: 'A random walk along the decision boundary towards the image. It sees only which class the model names.',
  source: 'Brendel, Rauber & Bethge 2018, arXiv 1712.04248, algorithm 1',
  help,
  schema: z.strictObject({
    epsilon: ballEpsilonSetting.default(1.5),
    queries: z
      .int('must be a whole number')
      .min(10, 'must be at least 10')
      .max(10_000_000)
      .default(25_000)
      .meta({ label: 'Queries', help: 'Decisions of the model for each example and start.' }),
    around: shareSetting('Step around', 'First length of the steps around the image.'),
    towards: shareSetting('Step towards', 'First length of the steps towards the image.'),
    restarts: startsSetting,
  }),
  plan: ({ epsilon, queries, around, towards, restarts }): BoundaryPlan => ({
    family: BOUNDARY,
    norm: 'l2',
    epsilon,
    queries,
    around,
    towards,
    restarts,
  }),
  describe: ({ queries, restarts }) =>
    `Boundary ${queries.toLocaleString('en')} queries${restarts > 1 ? ` × ${restarts}` : ''}`,
  weakness: () => 'An attack on decisions alone: attacks with gradients usually break more. Its use is beside them.',
});
