import { z } from 'zod';
import { ballEpsilonSetting, defineAttack, inBall, normSetting, startsSetting } from '../attack.ts';
import { SQUARE_FAMILY } from './square-method.ts';
import type { SquarePlan } from './square-method.ts';

/** Square attack: random search, without any gradient. */
export const square = defineAttack({
  name: 'square',
  label: 'Square',
  summary:
    'Random search with ever smaller squares; it sees logits only, never a gradient. What it breaks beyond PGD or APGD is a sign of masked gradients: ' +
    'no robustness number should stand without it.',
  source:
    'Andriushchenko et al. 2020, arXiv 1912.00049, algorithms 1 to 3; in L1 Croce & Hein 2021, arXiv 2103.01208, section 5',
  help: `Square is a random search: it changes squares of pixels, ever smaller ones, and keeps a change that lowers the margin. It sees logits only, never a gradient, so masked gradients do not mislead it.

Put it beside every gradient attack: what Square breaks beyond PGD or APGD is a sign of masked gradients. By itself it usually breaks less than they do.

In L∞ squares go to x − ε or x + ε. In L2 and L1 the perturbation's mass moves from one window to another, where it takes the form of two stacked pyramids, and what is left of ε is spent too.

Queries are forward passes for each example and start; AutoAttack takes 5,000. Models of other programs, of which there is a forward pass alone, can be attacked as well.`,
  schema: inBall(
    z.strictObject({
      norm: normSetting('linf', 'l2', 'l1'),
      epsilon: ballEpsilonSetting,
      queries: z
        .int('must be a whole number')
        .min(1, 'must be at least 1')
        .max(1_000_000)
        .default(5000)
        .meta({ label: 'Queries', help: 'Forward passes for each example and start.' }),
      initialShare: z.number().positive('must be above 0').max(1, 'must be at most 1').default(0.8).meta({
        label: 'First share',
        help: 'Share of the pixels that the first squares change.',
        advanced: true,
      }),
      stretched: z.boolean().default(true).meta({
        label: 'Stretch the schedule',
        help: 'Squares shrink over all the queries. Otherwise as they would over 10,000 queries, as within AutoAttack.',
        advanced: true,
      }),
      restarts: startsSetting,
    }),
  ),
  plan: (settings): SquarePlan => ({ family: SQUARE_FAMILY, ...settings }),
  describe: ({ queries, restarts }) =>
    `Square ${queries.toLocaleString('en')} queries${restarts > 1 ? ` × ${restarts}` : ''}`,
  weakness: ({ queries }) =>
    queries < 5000
      ? `${queries.toLocaleString('en')} queries: more may break more.`
      : 'A search without gradients: attacks with gradients usually break more. Its use is beside them.',
});
