import { z } from 'zod';
import { engineChoice } from './engine.ts';
import { entityId } from './ids.ts';
import { settingValues, type SettingValues } from './settings.ts';
import type { ImageShape } from './shape.ts';

/** Settings of an architecture or a defence, as forms and registries hold them. */
export const chosenSettings: z.ZodType<SettingValues, SettingValues> = settingValues;

/** Where a training takes its first weights from, instead of drawing them. */
export const initialSource = z.discriminatedUnion('from', [
  z.strictObject({ from: z.literal('model'), model: entityId }),
  /** NPZ, safetensors, or the `model.json` of a tfjs LayersModel. */
  z.strictObject({
    from: z.literal('file'),
    path: z.string().min(1),
    /** In a run's configuration, where the path is the file's name alone: of all that was in it. */
    sha256: z
      .string()
      .regex(/^[0-9a-f]{64}$/)
      .optional(),
  }),
]);
export type InitialSource = z.infer<typeof initialSource>;

/** What a training's configuration says about its network beyond the architecture's name. */
export const networkChoice = {
  /** Checked against the architecture's schema; left out: its defaults. */
  architectureSettings: chosenSettings.optional(),
  /** Left out: fresh weights, drawn from the seed. */
  initial: initialSource.optional(),
  /** Stages whose weights and batch statistics stay as they are. */
  freeze: z.array(z.string()).optional(),
};

/** What became of an initial file's arrays, by their names. */
export const initialReport = z.object({
  /** Name of the file or the model. */
  source: z.string(),
  /** Parameters of the network that were found in it. */
  taken: z.array(z.string()),
  /** Parameters that it does not have, or, of the last layer, has for another number of classes: drawn from the seed. */
  fresh: z.array(z.string()),
  /** Arrays of the file that the network has no place for. */
  unused: z.array(z.string()),
  /** Whether the last layer is new. */
  newHead: z.boolean(),
});
export type InitialReport = z.infer<typeof initialReport>;

export const layerFacts = z.object({
  name: z.string(),
  kind: z.string(),
  /** [height, width, channels]; a vector is [1, 1, units]. */
  output: z.tuple([z.int(), z.int(), z.int()]),
  /** Scalars that training changes by gradients. */
  parameters: z.int(),
  /** Multiplications with an addition, of one image forward. */
  operations: z.number(),
  /** Its name among the layers that maps and attention pairing can use; null: none. */
  tap: z.string().nullable(),
});
export type LayerFacts = z.infer<typeof layerFacts>;

/** An architecture at an image size: what the window draws and the command line prints. */
export const architectureFacts = z.object({
  architecture: z.string(),
  inputShape: z.tuple([z.int(), z.int(), z.int()]),
  classes: z.int(),
  /** With the defaults filled in. */
  settings: chosenSettings,
  stages: z.array(z.object({ name: z.string(), layers: z.array(layerFacts) })),
  parameters: z.int(),
  operations: z.number(),
  /** Numbers that a forward pass of one image leaves for the backward pass. */
  activations: z.number(),
});
export type ArchitectureFacts = z.infer<typeof architectureFacts>;

/** What is asked of {@link architectureFacts}, and of a training on it. */
export const architectureQuery = z.strictObject({
  architecture: z.string(),
  settings: chosenSettings.default({}),
  inputShape: z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]),
  classes: z.int().min(2),
  training: z
    .strictObject({
      defence: z.string(),
      defenceSettings: chosenSettings,
      batchSize: z.int().min(1),
      /** Micro-batches of a step. */
      accumulation: z.int().min(1).default(1),
      engine: engineChoice.default('auto'),
    })
    .optional(),
});
export type ArchitectureQuery = z.input<typeof architectureQuery>;

/** What a step of a training costs, before it begins. */
export const trainingEstimate = z.object({
  /** Passes forward through the network that a step's work is worth, for each example. */
  passes: z.number(),
  seconds: z.number().nullable(),
  /**
   * Where the speed is from: an earlier training of this architecture on this machine, one of another architecture, the
   * engine's speed test; `unknown` without any.
   */
  basis: z.enum(['same', 'other', 'speed-test', 'unknown']),
  /** The training or the engine that was measured; null: none. */
  measured: z.string().nullable(),
  /** Billions of operations a second that this speed comes to; null: none. */
  rate: z.number().nullable(),
  /** Bytes of weights, optimizer and activations. */
  memory: z.number(),
});
export type TrainingEstimate = z.infer<typeof trainingEstimate>;

export const architectureAnswer = z.object({ facts: architectureFacts, estimate: trainingEstimate.nullable() });
export type ArchitectureAnswer = z.infer<typeof architectureAnswer>;

/** What a training would take from given weights. */
export const transferQuery = z.strictObject({
  architecture: z.string(),
  settings: chosenSettings.default({}),
  inputShape: z.tuple([z.int().min(1), z.int().min(1), z.int().min(1)]),
  classes: z.int().min(2),
  normalised: z.boolean().default(false),
  initial: initialSource,
});
export type TransferQuery = z.input<typeof transferQuery>;

/** `32×32×3`, and of a vector its length. */
export function extentsText([height, width, channels]: ImageShape): string {
  return height === 1 && width === 1 ? String(channels) : `${height}×${width}×${channels}`;
}
