import type { ModuleFactory, Transformation } from '../../electron/compute/modules/api.ts';

/** Expectation over transformations, and a substitute backward pass. */
const module: ModuleFactory = ({ z, adaptiveAttack, gradients, losses, transformations }) => {
  const seenThrough = adaptiveAttack({
    name: 'seen-through',
    label: 'PGD seen through',
    summary: 'PGD for images that are rounded to few levels and shifted at random before a model sees them.',
    source: 'Athalye et al. 2018, arXiv 1707.07397 (expectation) and arXiv 1802.00420 (substitute)',
    help: 'The gradient is averaged over random shifts; rounding counts as the identity on the way back.',
    settings: {
      levels: z.int().min(2).max(256).default(16).meta({ label: 'Levels', help: 'Values that a pixel can have.' }),
      shift: z.number().min(0).max(32).default(2).meta({ label: 'Largest shift', unit: 'pixels' }),
    },
    samples: 10,
    loss: ({ logits }, labels) => losses.crossEntropy(logits, labels),
    transformation({ levels, shift }): Transformation {
      const [rounding, shifts] = [transformations.rounding(levels), transformations.shifts(shift)];
      return {
        // Random numbers of one image; each of the 10 gradients of a step has its own.
        numbers: (shape) => shifts.numbers(shape),
        draw: (into, random, shape) => shifts.draw?.(into, random, shape),
        apply: (images, draws) => shifts.apply(gradients.seenThrough(rounding, images, draws), draws),
      };
    },
  });

  return { attacks: [seenThrough] };
};

export default module;
