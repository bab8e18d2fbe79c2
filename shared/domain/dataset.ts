import { z } from 'zod';
import { DATASET_FORMATS } from './dataset-format.ts';
import { entityId } from './ids.ts';
import { importPlan } from './import-plan.ts';
import { imageShape } from './shape.ts';

export const skippedFile = z.object({ file: z.string(), reason: z.string() });
export type SkippedFile = z.infer<typeof skippedFile>;

export const splitCounts = z.object({ train: z.int(), validation: z.int(), test: z.int() });

/** Value in splits.u8 of an image that an edit took out. */
export const EXCLUDED = 255;

/** A change of some images; what was edited becomes a version of its own. */
export const datasetEdit = z.discriminatedUnion('kind', [
  z.strictObject({ kind: z.literal('relabel'), positions: z.array(z.int().min(0)).min(1), label: z.int().min(0) }),
  z.strictObject({ kind: z.literal('exclude'), positions: z.array(z.int().min(0)).min(1) }),
  z.strictObject({ kind: z.literal('include'), positions: z.array(z.int().min(0)).min(1) }),
]);
export type DatasetEdit = z.infer<typeof datasetEdit>;

/**
 * `manifest.json` of a packed data set. Beside it: `images.u8` or `images.f32` [images, height, width, channels], `labels.u16` [images]
 * (little-endian), `splits.u8` [images] (position in SPLITS). Images are read in place by position.
 */
export const datasetManifest = z.object({
  format: z.literal(1),
  id: entityId,
  name: z.string().min(1),
  images: z.int().min(1),
  shape: imageShape,
  classes: z.array(z.string()).min(2),
  splits: splitCounts,
  classCounts: z.array(z.int()),
  /** How `images` are kept: bytes 0…255 in images.u8, or float32 in [0, 1] in images.f32, which sets of x' need; bytes if left out. */
  pixels: z.enum(['u8', 'f32']).optional(),
  source: z.object({
    kind: z.enum(DATASET_FORMATS),
    paths: z.array(z.string()),
    attribution: z.string().nullable(),
  }),
  /** Seed of the held-out splits that the source did not give. */
  splitSeed: z.int(),
  /** SHA-256 over the images, labels.u16 and splits.u8 in this order. */
  hash: z.string().regex(/^[0-9a-f]{64}$/),
  skipped: z.array(skippedFile),
  created: z.string(),
  /** What it was made by; sets of earlier versions lack it. */
  plan: importPlan.optional(),
  /** The data set that this one is an edited version of. */
  parent: z
    .object({
      id: entityId,
      hash: z.string(),
      edits: z.array(datasetEdit),
      /** Hash of the first set of the line, the one that was imported: all of the line have its pixels. */
      pixels: z.string().optional(),
      /** Images that each kind of edit changed. `edits` is empty where they are too many to list; all are in `edits.json`. */
      changed: z.object({ relabelled: z.int(), excluded: z.int(), included: z.int() }).optional(),
    })
    .optional(),
  /** Images that an edit took out: their split is EXCLUDED, and they keep their positions. */
  excluded: z.int().optional(),
  /** Images with a key area of their own, in masks.u8 [images, height, width], 255 inside. */
  masks: z.int().optional(),
  /** Of each channel over all images, pixels in [0, 1]. */
  statistics: z.object({ mean: z.array(z.number()), deviation: z.array(z.number()) }).optional(),
  /** Pairs of equal and of similar images, and how many of both lie in different splits. */
  duplicates: z.object({ exact: z.int(), near: z.int().nullable(), acrossSplits: z.int() }).optional(),
  /** What a user of the set should know: what was converted, what was only looked at in part. */
  notes: z.array(z.string()).optional(),
});
export type DatasetManifest = z.infer<typeof datasetManifest>;

/**
 * `duplicates.json` beside a packed data set: pairs of positions with the Hamming distance of their perceptual hashes. Those
 * with equal pixels come first, as many of them as the manifest counts as far as there is room.
 */
export const duplicatesFile = z.object({
  pairs: z.array(z.tuple([z.int(), z.int(), z.int()])),
  /** More than there are pairs if not all are listed. */
  total: z.int(),
});

/** Pairs of images with equal pixels and of similar ones, nearest first. */
export const duplicatePairs = z.object({
  pairs: z.array(z.object({ a: z.int(), b: z.int(), equal: z.boolean(), distance: z.int(), sameSplit: z.boolean() })),
  /** More than there are pairs if not all are listed. */
  total: z.int(),
});
export type DuplicatePairs = z.infer<typeof duplicatePairs>;

/** What a path holds, shown before anything is written. */
export const importPreview = z.object({
  path: z.string(),
  format: z.enum(DATASET_FORMATS),
  /** Every format that fits, the likeliest first. */
  formats: z.array(z.enum(DATASET_FORMATS)).optional(),
  /** Sizes of the source's images that were looked at, the commonest first; one entry for arrays. */
  sizes: z.array(z.object({ width: z.int(), height: z.int(), images: z.int() })).optional(),
  /** How many images were looked at; fewer than `images` for large sources. */
  looked: z.int().optional(),
  /** Names of the further columns that the source gives. */
  columns: z.array(z.string()).optional(),
  /** Images for which a key area was found by the plan's rule; null without a rule. */
  masks: z.int().nullable().optional(),
  notes: z.array(z.string()).optional(),
  /** Images after the plan's transformation, as rows of `pairlight://tensor/preview/<id>/sample`, and their classes. */
  sample: z.object({ id: z.string(), labels: z.array(z.int()), pixels: z.enum(['u8', 'f32']) }).optional(),
  suggestedName: z.string(),
  images: z.int(),
  shape: imageShape,
  classes: z.array(z.object({ name: z.string(), images: z.int() })),
  /** The source's own classes, of which the plan may have chosen, renamed or reordered some. */
  found: z.array(z.object({ name: z.string(), images: z.int() })).optional(),
  splits: splitCounts,
  skipped: z.array(skippedFile),
  bytesNeeded: z.number(),
  bytesFree: z.number(),
});
export type ImportPreview = z.infer<typeof importPreview>;
