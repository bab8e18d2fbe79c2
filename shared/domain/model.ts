import { z } from 'zod';
import { chosenSettings } from './architecture.ts';
import { entityId } from './ids.ts';
import { imageShape } from './shape.ts';

/**
 * How pixels in [0, 1] become the input of a model of another program, and what its output is. The pixels are brought to
 * `range`, then normalised channel by channel.
 */
export const modelReading = z.strictObject({
  /** Order of an image's axes: height, width, channels or channels, height, width. */
  layout: z.enum(['nhwc', 'nchw']),
  /** Pixels from 0 to 1, 0 to 255 or −1 to 1. */
  range: z.enum(['unit', 'bytes', 'signed']).default('unit'),
  /** (pixel − mean) / deviation, one number for each channel; null: none. */
  normalisation: z
    .strictObject({ mean: z.array(z.number()).min(1), deviation: z.array(z.number().positive()).min(1) })
    .nullable()
    .default(null),
  /** Of probabilities the logarithm is taken: it has the order and the differences that attacks on scores need. */
  output: z.enum(['logits', 'probabilities']).default('logits'),
});
export type ModelReading = z.infer<typeof modelReading>;

/** What is known of a model's reading before it is tried; the rest is found out on data. */
export const readingHint = modelReading
  .omit({ range: true, normalisation: true, output: true })
  .extend({
    range: modelReading.shape.range.unwrap(),
    normalisation: modelReading.shape.normalisation.unwrap(),
    output: modelReading.shape.output.unwrap(),
  })
  .partial();
export type ReadingHint = z.infer<typeof readingHint>;

/** A reading and the share of the images tried that the model classifies rightly under it. */
export const probedReading = z.object({
  reading: modelReading,
  label: z.string(),
  accuracy: z.number(),
  /** One that models are published with, or that the user named; otherwise worked out from the images tried. */
  known: z.boolean(),
});
export type ProbedReading = z.infer<typeof probedReading>;

/** What was found out about a model file on images of a data set. */
export const modelProbe = z.object({
  format: z.enum(['onnx', 'tfjs']),
  /** [height, width, channels] of the data set's images, which the model takes. */
  inputShape: imageShape,
  classes: z.int().min(2),
  /** Images tried. */
  examples: z.int(),
  /** The most accurate first. */
  readings: z.array(probedReading).min(1),
});
export type ModelProbe = z.infer<typeof modelProbe>;

/** A model of another program, of which there is a forward pass and no gradient. */
export const foreignModel = z.strictObject({ format: z.enum(['onnx', 'tfjs']), reading: modelReading });
export type ForeignModel = z.infer<typeof foreignModel>;

/** Models whose adversarial examples a model was trained on, as in ensemble training; left out: its own alone. */
const trainedAgainst = z.array(entityId).optional();

/** A trained or imported classifier. A run's model has the run's own id. */
export const modelSummary = z.object({
  id: entityId,
  name: z.string(),
  origin: z.enum(['run', 'imported']),
  /** Name in the architecture registry; for a foreign model its format. */
  architecture: z.string(),
  /** Of the architecture; left out: its defaults. */
  architectureSettings: chosenSettings.optional(),
  /** Left out for networks of the architecture registry. */
  foreign: foreignModel.optional(),
  /** Name in the defence registry; null for imported weights of unknown training. */
  defence: z.string().nullable(),
  trainedAgainst,
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

/**
 * What a job host needs to load a model. `weights` is an NPZ whose arrays are the architecture's parameters; of a foreign
 * model its ONNX file, or the `model.json` of a tfjs LayersModel.
 */
export const modelFile = z.object({
  id: entityId,
  name: z.string(),
  architecture: z.string(),
  architectureSettings: chosenSettings.optional(),
  foreign: foreignModel.optional(),
  inputShape: imageShape,
  classes: z.int().min(2),
  /** Name in the defence registry, and seed of the training; null where they are not known. */
  defence: z.string().nullable(),
  trainedAgainst,
  seed: z.int().nullable(),
  weights: z.string(),
});
export type ModelFile = z.infer<typeof modelFile>;
