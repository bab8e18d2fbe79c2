import { z } from 'zod';
import { datasetManifest } from './dataset.ts';
import { engineInfo } from './engine.ts';
import { attackSpec, evaluationRequest, evaluationResult, exampleRecord, targetResult, threat } from './evaluation.ts';
import { galleryRequest, galleryResult } from './gallery.ts';
import { entityId } from './ids.ts';
import { errorData, jobKind, jobProgress } from './job.ts';
import { runState, trainConfig, trainResult } from './training.ts';

/** A row of the queue. A job has the id of what it makes: a data set, run, evaluation or gallery. */
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
  request: evaluationRequest,
  state: runState,
  /** Results so far while it runs, then the final ones. */
  partial: z.array(targetResult),
  result: evaluationResult.nullable(),
  error: errorData.nullable(),
  created: z.string(),
});
export type EvaluationRow = z.infer<typeof evaluationRow>;

/** One number of the result table: model × (threat, attack, settings), with the indices it was made on. */
export const resultCell = z.object({
  evaluation: entityId,
  model: entityId,
  source: entityId.nullable(),
  threat,
  attack: attackSpec,
  /** `PGD-200 × 10, ε 0.25`. */
  label: z.string(),
  examples: z.int(),
  cleanAccuracy: z.number(),
  robustAccuracy: z.number(),
  robustInterval: z.tuple([z.number(), z.number()]),
  /** Why this number alone is no robustness claim (one restart, few steps); null if it is strong. */
  weak: z.string().nullable(),
});
export type ResultCell = z.infer<typeof resultCell>;

/** Models × attacks, and per model the worst case per example over every evaluation on the same images. */
export const resultTable = z.object({
  dataset: entityId,
  models: z.array(entityId),
  columns: z.array(z.object({ key: z.string(), label: z.string(), threat })),
  /** By model id, then column key. */
  cells: z.record(z.string(), z.record(z.string(), resultCell)),
  clean: z.record(z.string(), z.number()),
  /** Over the examples that all of the model's white-box evaluations share; null without one. */
  worstCase: z.record(
    z.string(),
    z.object({ accuracy: z.number(), low: z.number(), high: z.number(), examples: z.int() }),
  ),
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

/** Everything in the library, small enough to hand over whole; large arrays go by `pairlight://tensor/…`. */
export const librarySnapshot = z.object({
  datasets: z.array(datasetRow),
  runs: z.array(runRow),
  evaluations: z.array(evaluationRow),
  galleries: z.array(galleryRow),
  jobs: z.array(jobRow),
});
export type LibrarySnapshot = z.infer<typeof librarySnapshot>;
