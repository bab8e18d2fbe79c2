import { z } from 'zod';
import { entityId } from './ids.ts';
import { imageShape } from './shape.ts';

export const skippedFile = z.object({ file: z.string(), reason: z.string() });
export type SkippedFile = z.infer<typeof skippedFile>;

export const splitCounts = z.object({ train: z.int(), validation: z.int(), test: z.int() });

/** Layouts of images and labels on disk that can be imported. */
export const DATASET_FORMATS = ['idx', 'folder', 'npz', 'cifar', 'flowers17'] as const;
export type DatasetFormat = (typeof DATASET_FORMATS)[number];

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
});
export type DatasetManifest = z.infer<typeof datasetManifest>;

export const importOptions = z.strictObject({
  /**
   * One folder of images per class, a folder with IDX files or any one of them, an NPZ file, a folder with CIFAR's binary
   * batches or any one of them, or the folder of the 17 flowers.
   */
  path: z.string().min(1),
  name: z.string().trim().min(1).max(120).optional(),
  format: z.enum(['auto', ...DATASET_FORMATS]).default('auto'),
  /** Target size of a folder's images in pixels; null keeps the size that most of them share. */
  size: z
    .tuple([z.int().min(4).max(1024), z.int().min(4).max(1024)])
    .nullable()
    .default(null),
  /** Shares of validation and test where the source does not give them. */
  validationShare: z.number().min(0).max(0.5).default(0.1),
  testShare: z.number().min(0).max(0.5).default(0.2),
  seed: z.int().min(0).default(0),
  attribution: z.string().optional(),
});
export type ImportOptions = z.infer<typeof importOptions>;

/** What a path holds, shown before anything is written. */
export const importPreview = z.object({
  path: z.string(),
  format: z.enum(DATASET_FORMATS),
  suggestedName: z.string(),
  images: z.int(),
  shape: imageShape,
  classes: z.array(z.object({ name: z.string(), images: z.int() })),
  splits: splitCounts,
  skipped: z.array(skippedFile),
  bytesNeeded: z.number(),
  bytesFree: z.number(),
});
export type ImportPreview = z.infer<typeof importPreview>;
