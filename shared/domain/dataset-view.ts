import { z } from 'zod';
import { entityId } from './ids.ts';
import { split } from './shape.ts';

/** Positions of images: a typed array crosses to the window as it is; a list of numbers is taken as well. */
export const positions = z
  .union([z.instanceof(Uint32Array), z.array(z.int().min(0))])
  .transform((list) => (list instanceof Uint32Array ? list : Uint32Array.from(list)));

/** Most items that one call describes. */
export const ITEMS_AT_ONCE = 500;

/** What is known of one image beside its pixels. */
export const datasetItem = z.object({
  position: z.int(),
  /** Position in the manifest's classes. */
  label: z.int(),
  /** Null for an image that an edit took out. */
  split: split.nullable(),
  /** Its file below the source's root, or `images[17]`; null for sets of earlier versions. */
  name: z.string().nullable(),
  /** Of the source's image, in pixels. */
  width: z.int().nullable(),
  height: z.int().nullable(),
  /** Mean of the packed pixels in [0, 1], and their standard deviation. */
  brightness: z.number().nullable(),
  contrast: z.number().nullable(),
  /** Where its original file lies, if the import kept or referenced it. It may have moved: `datasets.relocate`. */
  original: z.string().nullable(),
  /** Further values that the source gave. */
  columns: z.record(z.string(), z.union([z.string(), z.number(), z.null()])).nullable(),
});
export type DatasetItem = z.infer<typeof datasetItem>;

export const GROUPINGS = ['none', 'class', 'split'] as const;

/**
 * What to show of a data set and in which order.
 * `sort.by`: position, class, split, name, width, height, brightness, contrast, `column.<name>`, `confidence.<model>`,
 * `predicted.<model>` or `distance.<evaluation>`. What has no value comes last. Groups keep their own order.
 */
export const datasetQuery = z.strictObject({
  id: entityId,
  filter: z.string().max(10_000).default(''),
  sort: z.strictObject({ by: z.string().default('position'), descending: z.boolean().default(false) }).prefault({}),
  groupBy: z.enum(GROUPINGS).default('none'),
});
export type DatasetQuery = z.infer<typeof datasetQuery>;

export const datasetSelection = z.object({
  /** In the order in which they are shown, group after group. Empty if there is a problem. */
  positions: z.instanceof(Uint32Array),
  /** Consecutive stretches of `positions`; one without a label where nothing is grouped, none without images. */
  groups: z.array(z.object({ label: z.string(), start: z.int(), count: z.int() })),
  /** Why the filter or the order cannot be understood, and what is possible; null if it can. */
  problem: z.string().nullable(),
  /** Where in the filter's text the problem lies, as [start, end) in characters; null if it is not in one place. */
  problemAt: z.tuple([z.int(), z.int()]).nullable(),
  /** Models without predictions here that the filter or the order needs; `datasets.predict` makes them. */
  unpredicted: z.array(entityId),
});
export type DatasetSelection = z.infer<typeof datasetSelection>;

export const FIELD_TYPES = ['choice', 'number', 'text', 'flag'] as const;
/** A field of the filter: `choice` has few values, a `flag` is true or false. */
export const filterField = z.object({ name: z.string(), type: z.enum(FIELD_TYPES), values: z.array(z.string()) });
export type FilterField = z.infer<typeof filterField>;

/** Everything that a filter on a data set can speak of. */
export const filterTerms = z.object({
  /** Fields that every set has; `values` of class and split are those of this set. */
  fields: z.array(filterField),
  /** Written `column.<name>`; `values` of a text column are the commonest ones. */
  columns: z.array(filterField),
  /** Models whose input fits. Written `predicted.<id>`, `wrong.<id>`, `confidence.<id>`; `predicted`: there are predictions. */
  models: z.array(z.object({ id: entityId, name: z.string(), predicted: z.boolean() })),
  /** Finished evaluations on this set. Written `broken.<id>`, `attacked.<id>`, `distance.<id>`, or with one target `broken.<id>.<model>`. */
  evaluations: z.array(
    z.object({
      id: entityId,
      name: z.string(),
      images: z.int(),
      models: z.array(z.object({ id: entityId, name: z.string() })),
    }),
  ),
});
export type FilterTerms = z.infer<typeof filterTerms>;

export const savedFilter = z.object({ name: z.string(), text: z.string() });
export type SavedFilter = z.infer<typeof savedFilter>;

/** Bars of equal width over [low, high]. */
export const histogram = z.object({ low: z.number(), high: z.number(), counts: z.array(z.int()) });
export type Histogram = z.infer<typeof histogram>;

/** Of all images that no edit took out. */
export const datasetStatistics = z.object({
  images: z.int(),
  excluded: z.int(),
  classes: z.array(
    z.object({ name: z.string(), train: z.int(), validation: z.int(), test: z.int(), excluded: z.int() }),
  ),
  /** Of each channel, pixels in [0, 1]. */
  channels: z.array(z.object({ mean: z.number(), deviation: z.number(), pixels: histogram })),
  brightness: histogram,
  contrast: histogram,
  /** Sizes of the source's images, the commonest first; empty where they are not known. */
  sizes: z.array(z.object({ width: z.int(), height: z.int(), images: z.int() })),
});
export type DatasetStatistics = z.infer<typeof datasetStatistics>;

/** What a model says of one image. */
export const imagePrediction = z.object({
  model: entityId,
  name: z.string(),
  predicted: z.int(),
  confidence: z.number(),
  /** The likeliest classes, at most ten, the likeliest first. */
  probabilities: z.array(z.object({ label: z.int(), probability: z.number() })),
});
export type ImagePrediction = z.infer<typeof imagePrediction>;

export const datasetCheck = z.object({
  ok: z.boolean(),
  /** For a person: that all is well, or what is damaged and where. */
  message: z.string(),
  /** Images whose pixels are not those that were imported, at most 1000. */
  damaged: z.array(z.int()),
});
export type DatasetCheck = z.infer<typeof datasetCheck>;

/** What became of the originals that an import referenced. */
export const relocation = z.object({
  /** Originals in all; found under the folder; still missing, at most 1000 names. */
  originals: z.int(),
  found: z.int(),
  missing: z.array(z.string()),
});
export type Relocation = z.infer<typeof relocation>;

export const EXPORT_FORMATS = ['folder', 'npz', 'csv'] as const;
export type SelectionFormat = (typeof EXPORT_FORMATS)[number];

/** Work on a data set beside the queue that takes more than a moment. */
export const DATASET_TASKS = ['statistics', 'verify', 'edit', 'export', 'relocate'] as const;
export type DatasetTask = (typeof DATASET_TASKS)[number];
