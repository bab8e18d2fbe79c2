import { z } from 'zod';
import { networkChoice } from './architecture.ts';
import { engineChoice } from './engine.ts';
import { moduleHash } from './evaluation.ts';
import { entityId } from './ids.ts';
import { settingValues } from './settings.ts';
import type { ImageShape } from './shape.ts';

/** Titles of the groups that the trainer's settings stand in are the form's; these are their keys, in order. */
export const TRAINER_GROUPS = ['length', 'optimizer', 'rate', 'attack', 'images', 'kept', 'measures'] as const;
export type TrainerGroup = (typeof TRAINER_GROUPS)[number];

const grouped = <M extends object>(group: TrainerGroup, meta: M): M & { readonly group: TrainerGroup } => ({
  ...meta,
  group,
});

/** Which weights a run keeps as its model. */
export const WEIGHT_CHOICES = ['last', 'best', 'ema'] as const;
export const weightChoice = z.enum(WEIGHT_CHOICES);
export type WeightChoice = z.infer<typeof weightChoice>;

/** Each gap between shares is read in one way alone: a wrong text is refused at once, however long it is. */
const SHARES = /^\s*(?:(?:0?\.\d+|0|1|1\.0+)(?:\s*[,;]\s*(?=\S)|\s+(?=[^\s,;])|\s*$))*$/;

/** The trainer's settings that every defence shares. Flat and with defaults, so that forms and flags are views of it. */
export const trainerSettings = z.strictObject({
  epochs: z
    .int()
    .min(1)
    .max(10_000)
    .default(6)
    .meta(grouped('length', { label: 'Epochs' })),
  batchSize: z
    .int()
    .min(1)
    .max(4096)
    .default(64)
    .meta(grouped('length', { label: 'Batch size', unit: 'examples' })),
  accumulation: z
    .int()
    .min(1)
    .max(1024)
    .default(1)
    .meta(
      grouped('length', {
        label: 'Micro-batches',
        unit: 'a step',
        help: 'The batch goes through the network in so many parts, for batches that do not fit into memory; the update is that of the whole batch, but batch normalisation and CLP’s pairs see each part by itself.',
        advanced: true,
      }),
    ),
  trainLimit: z
    .int()
    .min(2)
    .nullable()
    .default(null)
    .meta(
      grouped('length', {
        label: 'Training examples',
        help: 'The first N of the training split; empty for all.',
        advanced: true,
      }),
    ),
  optimizer: z
    .enum(['adam', 'adamw', 'sgd', 'rmsprop'])
    .default('adam')
    .meta(
      grouped('optimizer', {
        label: 'Optimizer',
        help: 'SGD has Nesterov momentum. AdamW takes the weight decay off the weights by itself, the others add it to the gradient.',
      }),
    ),
  momentum: z
    .number()
    .min(0)
    .max(0.999)
    .default(0.9)
    .meta(
      grouped('optimizer', {
        label: 'Momentum',
        help: 'Nesterov’s; 0: none.',
        when: { key: 'optimizer', is: ['sgd'] },
      }),
    ),
  weightDecay: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .meta(
      grouped('optimizer', {
        label: 'Weight decay',
        help: 'Of the weights of convolutions and dense layers; biases and the parameters of normalisation are left out.',
      }),
    ),
  clipNorm: z
    .number()
    .positive()
    .nullable()
    .default(null)
    .meta(
      grouped('optimizer', {
        label: 'Clip gradient at',
        help: 'A gradient whose length over all weights (L2) is larger is scaled down to it; empty: never.',
        advanced: true,
      }),
    ),
  learningRate: z
    .number()
    .positive()
    .max(10)
    .default(0.004)
    .meta(grouped('rate', { label: 'Learning rate', help: 'The highest of the run.' })),
  schedule: z
    .enum(['constant', 'step', 'linear', 'cosine', 'one-cycle'])
    .default('linear')
    .meta(
      grouped('rate', {
        label: 'Schedule',
        help: 'Linear and cosine fall to 0 at the end; step multiplies at milestones; one-cycle rises from a 25th and falls to almost 0.',
      }),
    ),
  learningRateWarmup: z
    .number()
    .min(0)
    .max(0.9)
    .nullable()
    .default(null)
    .meta(
      grouped('rate', {
        label: 'Warm-up',
        unit: 'of the steps',
        help: 'Over this share of the steps the rate rises to its full size. Empty: none; 0.3 for one-cycle.',
      }),
    ),
  milestones: z.coerce
    .string()
    .regex(SHARES, 'must be shares of the run between 0 and 1, such as 0.5, 0.75')
    .default('0.5, 0.75')
    .meta(
      grouped('rate', {
        label: 'Milestones',
        unit: 'of the steps',
        help: 'Shares of the run after which the rate is multiplied by γ.',
        when: { key: 'schedule', is: ['step'] },
      }),
    ),
  gamma: z
    .number()
    .positive()
    .max(1)
    .default(0.1)
    .meta(grouped('rate', { label: 'Factor γ', when: { key: 'schedule', is: ['step'] } })),
  epsilonWarmup: z
    .number()
    .min(0)
    .max(1)
    .default(0.4)
    .meta(
      grouped('attack', {
        label: 'ε warm-up',
        unit: 'of the steps',
        help: 'ε of the inner attack rises to its full size over this share of the steps.',
      }),
    ),
  epsilonSchedule: z
    .enum(['linear', 'cosine'])
    .default('linear')
    .meta(grouped('attack', { label: 'ε rises', help: 'Evenly, or slowly at both ends.', advanced: true })),
  epsilonStart: z
    .number()
    .min(0)
    .max(1)
    .default(0)
    .meta(grouped('attack', { label: 'ε starts at', unit: 'of ε', advanced: true })),
  labelSmoothing: z
    .number()
    .min(0)
    .max(0.5)
    .default(0)
    .meta(grouped('attack', { label: 'Label smoothing', advanced: true })),
  normalise: z
    .boolean()
    .default(false)
    .meta(
      grouped('images', {
        label: 'Normalise images',
        help: 'The network’s first layer brings each channel to mean 0 and deviation 1 (of the training images). ε and step sizes stay in pixels of [0, 1].',
      }),
    ),
  flip: z
    .boolean()
    .default(false)
    .meta(
      grouped('images', {
        label: 'Mirror images',
        help: 'Half of the training images are mirrored left to right, drawn anew each epoch. Usual for photographs, wrong for digits and letters.',
      }),
    ),
  cropPadding: z
    .int()
    .min(0)
    .max(64)
    .default(0)
    .meta(
      grouped('images', {
        label: 'Random crop, padding',
        unit: 'pixels',
        help: 'Training images get a black border of this width and are cut back to their size at a random place (usual for CIFAR: 4).',
      }),
    ),
  cutout: z
    .int()
    .min(0)
    .max(256)
    .default(0)
    .meta(
      grouped('images', {
        label: 'Cut-out',
        unit: 'pixels',
        help: 'A square of this side, at a random place of each training image, is painted with the mean colour (CIFAR-10: 16).',
      }),
    ),
  keep: weightChoice.default('last').meta(
    grouped('kept', {
      label: 'Keep the weights',
      help: 'Of the last step, of the validation with the highest robust accuracy, or the average (EMA). The others stay readable.',
    }),
  ),
  ema: z
    .number()
    .min(0)
    .max(0.99999)
    .default(0)
    .meta(
      grouped('kept', {
        label: 'Averaged weights, decay',
        help: 'Keeps a moving average of the weights beside them (usual: 0.99 to 0.9995), and validates it too. 0: none.',
      }),
    ),
  patience: z
    .int()
    .min(1)
    .max(10_000)
    .nullable()
    .default(null)
    .meta(
      grouped('kept', {
        label: 'Stop early after',
        unit: 'validations',
        help: 'Ends the run after so many validations without a higher robust accuracy on the held-out part; empty: never.',
      }),
    ),
  validationEvery: z
    .number()
    .positive()
    .max(100)
    .default(0.5)
    .meta(grouped('measures', { label: 'Validate every', unit: 'epochs', advanced: true })),
  validationSteps: z
    .int()
    .min(1)
    .max(1000)
    .default(10)
    .meta(
      grouped('measures', {
        label: 'Validation PGD steps',
        help: 'PGD on the held-out part, at the ε of the defence.',
        advanced: true,
      }),
    ),
  checkpointEvery: z
    .int()
    .min(1)
    .max(100_000)
    .default(50)
    .meta(
      grouped('measures', {
        label: 'Checkpoint every',
        unit: 'steps',
        help: 'A crash loses at most this many steps.',
        advanced: true,
      }),
    ),
});
export type TrainerSettings = z.infer<typeof trainerSettings>;

/**
 * What is usual for photographs (He et al. 2016: CIFAR images of 32 pixels are mirrored and cropped with a padding of 4);
 * null for grey images, which are digits, letters or scans more often.
 */
export function usualAugmentation([height, width, channels]: ImageShape): Pick<
  TrainerSettings,
  'flip' | 'cropPadding'
> | null {
  return channels === 3 ? { flip: true, cropPadding: Math.round(Math.min(height, width) / 8) } : null;
}

export const trainConfig = z.strictObject({
  name: z.string().trim().max(120).optional(),
  dataset: entityId,
  architecture: z.string().min(1),
  ...networkChoice,
  defence: z.string().min(1),
  /** The module that the defence comes from, in the version that is used; left out for what is built in. */
  defenceModule: moduleHash.optional(),
  /** Settings of the defence; checked against the registry's schema, defaults filled in. */
  defenceSettings: settingValues.default({}),
  trainer: trainerSettings.prefault({}),
  seed: z
    .int()
    .min(0)
    .max(2 ** 31 - 1)
    .default(0),
  engine: engineChoice.default('auto'),
  /** The same seed gives the same weights to the last bit, on this machine; tensorflow then has one thread. */
  deterministic: z.boolean().default(false),
  /** After so many steps the learning rate was multiplied by a factor, to go on where a run had diverged. */
  rateCuts: z.array(z.strictObject({ after: z.int().min(0), factor: z.number().positive().max(1) })).default([]),
  /** After so many steps batches were cut into another number of parts, to go on where memory had run out. */
  partChanges: z
    .array(z.strictObject({ after: z.int().min(0), parts: trainerSettings.shape.accumulation.unwrap() }))
    .default([]),
});
export type TrainConfig = z.infer<typeof trainConfig>;
export type TrainConfigInput = z.input<typeof trainConfig>;

/**
 * Micro-batches of a step.
 * @param step steps done before it
 */
export function partsAt(
  {
    trainer,
    partChanges = [],
  }: { readonly trainer: Pick<TrainerSettings, 'accumulation'> } & Partial<Pick<TrainConfig, 'partChanges'>>,
  step: number,
): number {
  return partChanges.findLast(({ after }) => after <= step)?.parts ?? trainer.accumulation;
}

/** How a run that ended without a result goes on from its last checkpoint in another way than it began. */
export const runChange = z.strictObject({
  id: entityId,
  /** The learning rate is multiplied by it from there on. */
  rateFactor: z.number().positive().max(1).optional(),
  /** Micro-batches a step from there on. */
  accumulation: trainerSettings.shape.accumulation.unwrap().optional(),
});
export type RunChange = z.infer<typeof runChange>;

export const RUN_STATES = ['waiting', 'running', 'paused', 'done', 'failed', 'cancelled', 'interrupted'] as const;
export const runState = z.enum(RUN_STATES);
export type RunState = z.infer<typeof runState>;

/**
 * What is known of a finished training. Accuracies are those of the weights that it keeps, on the held-out validation
 * part; null if they were never measured.
 */
export const trainResult = z.object({
  /** Steps done: fewer than planned if the run stopped early. */
  steps: z.int(),
  epochs: z.number(),
  seconds: z.number(),
  cleanAccuracy: z.number().nullable(),
  adversarialAccuracy: z.number().nullable(),
  parameters: z.int(),
  /** Which weights `weights.npz` holds, and the step they are of; runs from before there was a choice have the last. */
  kept: z.object({ weights: weightChoice, step: z.int() }).optional(),
  /** The validation with the highest robust accuracy; null without any. */
  best: z.object({ step: z.int(), adversarialAccuracy: z.number() }).nullable().optional(),
  stoppedEarly: z.boolean().optional(),
  /** The step at which single-step training was found to have collapsed; the weights kept are of an earlier one where it could be read. */
  collapsedAt: z.int().optional(),
});
export type TrainResult = z.infer<typeof trainResult>;
