import { z } from 'zod';
import { engineInfo } from './engine.ts';
import { entityId } from './ids.ts';

/** An attack on one example of a finished evaluation, to be looked at step by step. */
export const trajectoryRequest = z.strictObject({
  evaluation: entityId,
  model: entityId,
  /** Row of the example in the evaluation's arrays. */
  row: z.int().min(0),
});
export type TrajectoryRequest = z.infer<typeof trajectoryRequest>;

/** Numbers that are not finite travel as null. */
const finite = z.number().nullable();

/** One image that the attack showed to the model. */
export const trajectoryPoint = z.object({
  /** Its number among all of them, from 0: the iteration of an attack with one forward pass each. */
  pass: z.int(),
  /** Cross-entropy of the true class, in nats. */
  loss: finite,
  /** True logit less the highest wrong one: below 0 it is misclassified. */
  margin: finite,
  trueLogit: finite,
  wrongLogit: finite,
  /** −1 where the logits are not finite. */
  prediction: z.int(),
  /** Softmax probability of the predicted class. */
  confidence: z.number(),
  linf: z.number(),
  l2: z.number(),
  l1: z.number(),
});
export type TrajectoryPoint = z.infer<typeof trajectoryPoint>;

/** The stored x' after each pixel was rounded to n/255 in the direction of x, as a saved PNG would have it. */
export const roundedExample = z.object({
  prediction: z.int(),
  margin: finite,
  linf: z.number(),
  /** Whether it is still misclassified. */
  broken: z.boolean(),
});
export type RoundedExample = z.infer<typeof roundedExample>;

/**
 * The record of one start of the attack on one example, made anew from the same random stream. Its images lie beside
 * the evaluation's arrays as `<model>/trajectory-<row>`, float32 [points, height, width, channels].
 */
export const trajectory = z.object({
  points: z.array(trajectoryPoint),
  /** Images that the attack showed to the model in all; beyond a number only each n-th is kept. */
  passes: z.int(),
  /** The start that was recorded, from 0: the one that broke the example, else the first. */
  restart: z.int(),
  /** The model that x' was made on. */
  madeOn: entityId,
  rounded: roundedExample,
  engine: engineInfo,
});
export type Trajectory = z.infer<typeof trajectory>;
