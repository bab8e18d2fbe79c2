import { z } from 'zod';
import { defineAttack } from '../attack.ts';
import { movementsOf, SPATIAL } from './spatial-method.ts';
import type { SpatialPlan } from './spatial-method.ts';

const help = `The spatial attack turns and shifts the whole image: no pixel is changed for its own sake. A grid of all combinations is the strongest form; random draws are quicker.

**When to use it.** To see whether a model that withstands small changes of pixels also withstands changes that no person would notice. Robustness in L∞ says little about it.

**Settings.** The largest rotation and the largest shift are the threat model, in place of ε: the change of single pixels is measured and reported, but bounded by nothing except [0, 1]. The paper allows 30° and 3 pixels on MNIST and CIFAR-10, 24 pixels on ImageNet, a grid of 31 angles and 5 × 5 shifts, or the worst of 10 draws. Between pixels it interpolates bilinearly; what comes in from outside is black. 

**Source.** Engstrom et al. 2019, arXiv 1712.02779, section 3.`;

const countSetting = (value: number, label: string, text: string) =>
  z.int('must be a whole number').min(1, 'must be at least 1').max(1001).default(value).meta({ label, help: text });

/** Rotations and shifts: a threat model of its own, without ε. */
export const spatial = defineAttack({
  name: 'spatial',
  label: 'Spatial',
  summary: 'Rotations and shifts of the whole image; its bounds are an angle and pixels of shift, not ε.',
  source: 'Engstrom et al. 2019, arXiv 1712.02779, section 3',
  help,
  schema: z.strictObject({
    maxRotation: z
      .number()
      .min(0, 'must be at least 0')
      .max(180, 'must be at most 180')
      .default(30)
      .meta({ label: 'Largest rotation', unit: '°', help: 'To either side.' }),
    maxShift: z
      .number()
      .min(0, 'must be at least 0')
      .max(1000)
      .default(3)
      .meta({ label: 'Largest shift', unit: 'px', help: 'In each direction. About a tenth of the image is usual.' }),
    search: z.enum(['grid', 'random']).default('grid').meta({
      label: 'Search',
      help: 'All combinations of a grid, or random draws.',
    }),
    rotations: countSetting(31, 'Angles', 'Of the grid. Not used by random draws.'),
    shifts: countSetting(5, 'Shifts', 'Of the grid, in each direction. Not used by random draws.'),
    draws: z.int('must be a whole number').min(1, 'must be at least 1').max(1_000_000).default(10).meta({
      label: 'Draws',
      help: 'Random movements of each image. Not used by the grid.',
    }),
  }),
  plan: ({ maxRotation, maxShift, search, rotations, shifts, draws }): SpatialPlan => ({
    family: SPATIAL,
    // The whole box: a rotation may change any pixel as it likes.
    norm: 'linf',
    epsilon: 1,
    maxRotation,
    maxShift,
    search: search === 'grid' ? { kind: 'grid', rotations, shifts } : { kind: 'random', draws },
    restarts: 1,
  }),
  describe: (plan) =>
    plan.search.kind === 'grid'
      ? `Spatial, grid of ${movementsOf(plan).toLocaleString('en')}`
      : `Spatial, worst of ${plan.search.draws.toLocaleString('en')}`,
  weakness: ({ search }) =>
    search.kind === 'random' ? `The worst of ${search.draws} draws: a grid breaks more.` : null,
});
