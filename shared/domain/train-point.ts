import { z } from 'zod';
import { speedPoint } from './speed.ts';

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
    /** L2 norm of the gradient by all weights, before clipping; runs from before it was measured have none. */
    gradientNorm: z.number().optional(),
    /** Examples a second since the last point. */
    rate: z.number(),
  }),
  z.object({
    type: z.literal('validation'),
    step: z.int(),
    epoch: z.number(),
    cleanAccuracy: z.number(),
    adversarialAccuracy: z.number(),
    /** The same of the averaged weights, where there are any. */
    ema: z.object({ cleanAccuracy: z.number(), adversarialAccuracy: z.number() }).optional(),
    examples: z.int(),
  }),
  /** A look for catastrophic overfitting in single-step training, on held-out images, at the full ε. */
  z.object({
    type: z.literal('probe'),
    step: z.int(),
    epoch: z.number(),
    pgdAccuracy: z.number(),
    singleStepAccuracy: z.number(),
    /** Of the loss's gradients by x at an image and at a random point of its ball, −1…1. */
    gradientCosine: z.number(),
    examples: z.int(),
    /** The run went back to the weights of the probe before and ended. */
    collapsed: z.boolean(),
  }),
  speedPoint,
]);
export type TrainPoint = z.infer<typeof trainPoint>;
