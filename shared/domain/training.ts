import { z } from 'zod';
import { networkChoice } from './architecture.ts';
import { engineChoice } from './engine.ts';
import { moduleHash } from './evaluation.ts';
import { entityId } from './ids.ts';
import { settingValues } from './settings.ts';
import type { ImageShape } from './shape.ts';
import { speedPoint } from './speed.ts';

/** The trainer's settings that every defence shares. Flat and with defaults, so that forms and flags are views of it. */
export const trainerSettings = z.strictObject({
  epochs: z.int().min(1).max(10_000).default(6).meta({ label: 'Epochs' }),
  batchSize: z.int().min(2).max(4096).default(64).meta({ label: 'Batch size', unit: 'examples' }),
  optimizer: z
    .enum(['adam', 'sgd'])
    .default('adam')
    .meta({ label: 'Optimizer', help: 'SGD uses Nesterov momentum 0.9.' }),
  learningRate: z.number().positive().max(10).default(0.004).meta({ label: 'Learning rate' }),
  schedule: z
    .enum(['constant', 'linear', 'cosine'])
    .default('linear')
    .meta({ label: 'Schedule', help: 'How the learning rate falls to 0 over the run.' }),
  epsilonWarmup: z.number().min(0).max(1).default(0.4).meta({
    label: 'ε warm-up',
    unit: 'of the steps',
    help: 'ε of the inner attack rises linearly over this share of the steps.',
  }),
  normalise: z.boolean().default(false).meta({
    label: 'Normalise images',
    help: 'The network’s first layer brings each channel to mean 0 and deviation 1 (of the training images). ε and step sizes stay in pixels of [0, 1].',
  }),
  flip: z.boolean().default(false).meta({
    label: 'Mirror images',
    help: 'Half of the training images are mirrored left to right, drawn anew each epoch. Usual for photographs, wrong for digits and letters.',
  }),
  cropPadding: z.int().min(0).max(64).default(0).meta({
    label: 'Random crop, padding',
    unit: 'pixels',
    help: 'Training images get a black border of this width and are cut back to their size at a random place (usual for CIFAR: 4).',
  }),
  cutout: z.int().min(0).max(256).default(0).meta({
    label: 'Cut-out',
    unit: 'pixels',
    help: 'A square of this side, at a random place of each training image, is painted with the mean colour (CIFAR-10: 16).',
  }),
  labelSmoothing: z.number().min(0).max(0.5).default(0).meta({ label: 'Label smoothing', advanced: true }),
  validationEvery: z
    .number()
    .positive()
    .max(100)
    .default(0.5)
    .meta({ label: 'Validate every', unit: 'epochs', advanced: true }),
  validationSteps: z.int().min(1).max(1000).default(10).meta({
    label: 'Validation PGD steps',
    help: 'PGD on the held-out part, at the ε of the defence.',
    advanced: true,
  }),
  checkpointEvery: z
    .int()
    .min(1)
    .max(100_000)
    .default(50)
    .meta({ label: 'Checkpoint every', unit: 'steps', help: 'A crash loses at most this many steps.', advanced: true }),
  trainLimit: z
    .int()
    .min(2)
    .nullable()
    .default(null)
    .meta({ label: 'Training examples', help: 'The first N of the training split; empty for all.', advanced: true }),
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
});
export type TrainConfig = z.infer<typeof trainConfig>;
export type TrainConfigInput = z.input<typeof trainConfig>;

/** One line of a run's `metrics.jsonl`: a training step, a validation after a step, or the speed of the steps before. */
export const trainPoint = z.discriminatedUnion('type', [
  z.object({
    type: z.literal('step'),
    step: z.int(),
    epoch: z.number(),
    /** Each loss term by name, already weighted, and `total`. */
    terms: z.record(z.string(), z.number()),
    /** Accuracy of the minibatch, 0…1; null for a half that did not go through the network in this step. */
    cleanAccuracy: z.number().nullable(),
    adversarialAccuracy: z.number().nullable(),
    learningRate: z.number(),
    epsilon: z.number().nullable(),
    /** Examples a second since the last point. */
    rate: z.number(),
  }),
  z.object({
    type: z.literal('validation'),
    step: z.int(),
    epoch: z.number(),
    cleanAccuracy: z.number(),
    adversarialAccuracy: z.number(),
    examples: z.int(),
  }),
  speedPoint,
]);
export type TrainPoint = z.infer<typeof trainPoint>;

export const RUN_STATES = ['waiting', 'running', 'paused', 'done', 'failed', 'cancelled', 'interrupted'] as const;
export const runState = z.enum(RUN_STATES);
export type RunState = z.infer<typeof runState>;

/** What is known of a finished or stopped training. Accuracies are on the held-out validation part. */
export const trainResult = z.object({
  steps: z.int(),
  epochs: z.number(),
  seconds: z.number(),
  cleanAccuracy: z.number().nullable(),
  adversarialAccuracy: z.number().nullable(),
  parameters: z.int(),
});
export type TrainResult = z.infer<typeof trainResult>;
