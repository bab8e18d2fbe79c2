import { z } from 'zod';
import { checkItem, checkRequest, checkResult, checkState } from './check.ts';
import { datasetManifest } from './dataset.ts';
import { engineInfo } from './engine.ts';
import {
  attackSpec,
  evaluatedSplit,
  evaluationRequest,
  evaluationResult,
  exampleRecord,
  norm,
  targetResult,
  threat,
} from './evaluation.ts';
import { galleryRequest, galleryResult } from './gallery.ts';
import { entityId } from './ids.ts';
import { errorData, jobKind, jobProgress } from './job.ts';
import { planRow } from './plan.ts';
import { settingValues } from './settings.ts';
import { runState, trainConfig, trainResult } from './training.ts';

/** A row of the queue. A job has the id of what it makes: a data set, run, evaluation, gallery or check. */
export const jobRow = z.object({
  id: z.string(),
  kind: jobKind,
  title: z.string(),
  state: runState,
  position: z.int(),
  progress: jobProgress.nullable(),
  error: errorData.nullable(),
  engine: engineInfo.nullable(),
  created: z.string(),
  started: z.string().nullable(),
  ended: z.string().nullable(),
});
export type JobRow = z.infer<typeof jobRow>;

export const datasetRow = z.object({ id: entityId, manifest: datasetManifest, bytes: z.number() });
export type DatasetRow = z.infer<typeof datasetRow>;

export const runRow = z.object({
  id: entityId,
  name: z.string(),
  config: trainConfig,
  state: runState,
  colour: z.int(),
  result: trainResult.nullable(),
  engine: engineInfo.nullable(),
  error: errorData.nullable(),
  /** Newest checkpoint's step, from which an interrupted run goes on; null if there is none. */
  checkpointStep: z.int().nullable(),
  created: z.string(),
  ended: z.string().nullable(),
});
export type RunRow = z.infer<typeof runRow>;

export const evaluationRow = z.object({
  id: entityId,
  name: z.string(),
  /** The plan that it is a step of; null for one that was asked for by itself. */
  plan: entityId.nullable(),
  request: evaluationRequest,
  state: runState,
  /** Results so far while it runs, then the final ones. */
  partial: z.array(targetResult),
  result: evaluationResult.nullable(),
  error: errorData.nullable(),
  created: z.string(),
});
export type EvaluationRow = z.infer<typeof evaluationRow>;

/** One number of the result table: model × (threat, source, attack, settings, images), with all that it rests on. */
export const resultCell = z.object({
  evaluation: entityId,
  model: entityId,
  source: entityId.nullable(),
  threat,
  /** As it was asked for: a `stepSize` of null is the default rule. */
  attack: attackSpec,
  /** As it was run: every default filled in, the step size that was used. */
  settings: settingValues,
  /** `PGD-200 × 10, ε 0.25`. */
  label: z.string(),
  seed: z.int(),
  split: evaluatedSplit,
  engine: engineInfo,
  examples: z.int(),
  cleanAccuracy: z.number(),
  /** With the successes at smaller ε carried upward (see `carried`). */
  robustAccuracy: z.number(),
  robustInterval: z.tuple([z.number(), z.number()]),
  /** Examples that this evaluation left standing, but the same attack at a smaller ε broke: counted as broken. */
  carried: z.int(),
  /** Whether the model's worst case counts it. */
  counted: z.boolean(),
  /** Why this number alone is no robustness claim (one restart, few steps); null if it is strong. */
  weak: z.string().nullable(),
  /** Remarks on the source of a transfer: defended, the target's seed, of unknown training. */
  notes: z.array(z.string()),
});
export type ResultCell = z.infer<typeof resultCell>;

/** What the worst cases of a table are counted at: one ε and one set of images for all models. */
export const worstBasis = z.object({
  norm,
  epsilon: z.number(),
  examples: z.int(),
  split: evaluatedSplit,
});
export type WorstBasis = z.infer<typeof worstBasis>;

/** Models × attacks, and per model the worst case per example over every attack up to one ε on one set of images. */
export const resultTable = z.object({
  dataset: entityId,
  models: z.array(entityId),
  columns: z.array(
    z.object({
      key: z.string(),
      label: z.string(),
      /** The label without the sources: `PGD-200 × 10, ε 0.25`. */
      heading: z.string(),
      threat,
      /** Models that x′ is made on together; none where it is made on the model under attack. */
      sources: z.array(entityId),
      epsilon: z.number(),
      /**
       * Columns that share a family differ in nothing but ε. There are two ways for step sizes to agree: the same size,
       * and the same share of ε.
       */
      families: z.array(z.string()),
    }),
  ),
  /** By model id, then column key. */
  cells: z.record(z.string(), z.record(z.string(), resultCell)),
  /** By model id: clean accuracy on the images of the worst cases, else on the largest set that the model has. */
  clean: z.record(z.string(), z.number()),
  /** By model id: how many images `clean` is over. */
  cleanExamples: z.record(z.string(), z.int()),
  /**
   * The ε that most white-box numbers have (the largest of those), and the images that most of these are on (the most
   * images of those); null without a white-box number.
   */
  worstBasis: worstBasis.nullable(),
  /**
   * By model id: over the images of the basis, an example stands if it withstood every attack up to its ε, white-box and
   * transfer; `attacks` were counted. Only for models with a white-box number at that ε on these images.
   */
  worstCase: z.record(
    z.string(),
    z.object({
      accuracy: z.number(),
      low: z.number(),
      high: z.number(),
      examples: z.int(),
      epsilon: z.number(),
      attacks: z.int(),
      /**
       * What they lack to be a claim of robustness: an attack with gradients that is strong by itself, or one without of
       * enough queries; null if they have both.
       */
      weak: z.string().nullable(),
    }),
  ),
  /** By model id: its newest finished gradient-masking check on this data set. Models that are not there were not checked. */
  checks: z.record(z.string(), checkState),
  /** Broken hard orderings (errors) and suspicious soft ones (warnings), in words. */
  findings: z.array(z.object({ severity: z.enum(['error', 'warning']), text: z.string() })),
});
export type ResultTable = z.infer<typeof resultTable>;

export const examplePage = z.object({ total: z.int(), examples: z.array(exampleRecord) });

export const galleryRow = z.object({
  id: entityId,
  name: z.string(),
  request: galleryRequest,
  state: runState,
  result: galleryResult.nullable(),
  error: errorData.nullable(),
  created: z.string(),
});
export type GalleryRow = z.infer<typeof galleryRow>;

/** A gradient-masking check of one model. */
export const checkRow = z.object({
  id: entityId,
  name: z.string(),
  request: checkRequest,
  state: runState,
  /** The parts that are done, in their order: while it runs, and where it ended early. */
  partial: z.array(checkItem),
  result: checkResult.nullable(),
  error: errorData.nullable(),
  created: z.string(),
});
export type CheckRow = z.infer<typeof checkRow>;

/** Everything in the library, small enough to hand over whole; large arrays go by `pairlight://tensor/…`. */
export const librarySnapshot = z.object({
  datasets: z.array(datasetRow),
  runs: z.array(runRow),
  evaluations: z.array(evaluationRow),
  plans: z.array(planRow),
  galleries: z.array(galleryRow),
  checks: z.array(checkRow),
  jobs: z.array(jobRow),
});
export type LibrarySnapshot = z.infer<typeof librarySnapshot>;
