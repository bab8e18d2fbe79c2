import { z } from 'zod';
import { entityId } from './ids.ts';
import { imageShape } from './shape.ts';

/** A trained or imported classifier. A run's model has the run's own id. */
export const modelSummary = z.object({
  id: entityId,
  name: z.string(),
  origin: z.enum(['run', 'imported']),
  architecture: z.string(),
  /** Name in the defence registry; null for imported weights of unknown training. */
  defence: z.string().nullable(),
  dataset: entityId.nullable(),
  inputShape: imageShape,
  classes: z.int().min(2),
  parameters: z.int(),
  seed: z.int().nullable(),
  /** Colour slot (0…7) that this model has in every chart and table. */
  colour: z.int().min(0),
  created: z.string(),
});
export type ModelSummary = z.infer<typeof modelSummary>;

/** What a job host needs to load a model. `weights` is an NPZ whose arrays are the architecture's parameters. */
export const modelFile = z.object({
  id: entityId,
  name: z.string(),
  architecture: z.string(),
  inputShape: imageShape,
  classes: z.int().min(2),
  /** Name in the defence registry, and seed of the training; null where they are not known. */
  defence: z.string().nullable(),
  seed: z.int().nullable(),
  weights: z.string(),
});
export type ModelFile = z.infer<typeof modelFile>;
