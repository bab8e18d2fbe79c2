import { z } from 'zod';
import { DATASET_FORMATS } from './dataset-format.ts';

const colour = z.string().regex(/^#[0-9a-f]{6}$/i, 'must be a colour such as #000000');
const side = z.int().min(1).max(4096);

/** How images are brought to one size. */
export const FITS = ['crop', 'stretch', 'pad'] as const;
/** Resampling filters; `area` averages what falls into a pixel. */
export const RESIZE_FILTERS = ['lanczos3', 'bicubic', 'bilinear', 'nearest', 'area'] as const;

/** Everything that an import does: kept with the data set, and enough to make the same again from the same files. */
export const importPlan = z.strictObject({
  /** A folder, an archive, or a file. */
  path: z.string().min(1),
  /** Names within the folder `path` that alone are taken; all if left out. */
  only: z.array(z.string().min(1)).min(1).optional(),
  name: z.string().trim().min(1).max(120).optional(),
  format: z.enum(['auto', ...DATASET_FORMATS]).default('auto'),
  attribution: z.string().optional(),

  /** [width, height] in pixels; null keeps the size that most images share. */
  size: z.tuple([side, side]).nullable().default(null),
  /** `crop`: shorter side to the size, then the centre; `stretch`: both sides; `pad`: longer side, the rest in `padColour`. */
  fit: z.enum(FITS).default('crop'),
  padColour: colour.default('#000000'),
  filter: z.enum(RESIZE_FILTERS).default('lanczos3'),
  /** `auto`: grey if all images are. */
  colour: z.enum(['auto', 'grey', 'rgb']).default('auto'),
  /** How pixels are kept: bytes, or float32 in [0, 1], which 16-bit images need to lose nothing. `auto`: floats only for a source of floats. */
  depth: z.enum(['auto', 'u8', 'f32']).default('auto'),

  /** The source's classes that are taken, in this order, under these names; null: all, as they are. */
  classes: z
    .array(z.strictObject({ from: z.string(), name: z.string().trim().min(1) }))
    .min(2, 'must be at least two')
    .nullable()
    .default(null),
  /** `given`: the source's parts, and what it lacks is drawn; `draw`: all drawn anew; `folds`: fold number `fold` of `folds` is the test part. */
  splits: z.enum(['given', 'draw', 'folds']).default('given'),
  /** Shares of validation and test where they are drawn, stratified by class. */
  validationShare: z.number().min(0).max(0.5).default(0.1),
  testShare: z.number().min(0).max(0.5).default(0.2),
  folds: z.int().min(2).max(100).default(5),
  fold: z.int().min(0).default(0),
  /** Of the drawn splits, and of the images that a limit chooses. */
  seed: z.int().min(0).default(0),
  /** Images of a class at most, drawn from the seed; null: all. */
  limitPerClass: z.int().min(1).nullable().default(null),
  /** Whether images with exactly the same pixels are taken once only. They are listed either way. */
  dropDuplicates: z.boolean().default(false),
  /** Greatest Hamming distance of two 64-bit perceptual hashes that is listed as a near duplicate; null: not looked for. */
  nearDuplicates: z.int().min(0).max(16).nullable().default(null),
  /**
   * Where the key area of an image lies, as a path below `path` with `{folder}`, `{stem}` and `{name}` of the image's own:
   * `masks/{folder}/{stem}.png`. White is the key area. Null: none.
   */
  masks: z.string().min(1).nullable().default(null),
  /** Columns of a CSV or JSON manifest. */
  columns: z
    .strictObject({
      file: z.string().default('file'),
      label: z.string().default('label'),
      split: z.string().default('split'),
    })
    .prefault({}),
  /** `copy` keeps the original files in the library, `reference` remembers where they lie and their hashes. */
  originals: z.enum(['none', 'copy', 'reference']).default('none'),
});
export type ImportPlan = z.infer<typeof importPlan>;
/** As it is asked for: what is left out has its default. */
export type ImportPlanInput = z.input<typeof importPlan>;
