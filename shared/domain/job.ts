import { z } from 'zod';
import { checkItem, checkRequest, checkResult } from './check.ts';
import { datasetManifest, importPreview } from './dataset.ts';
import { datasetTaskResult, datasetTaskSpec } from './dataset-task.ts';
import { importPlan } from './import-plan.ts';
import { engineChoice, engineInfo, engineReport } from './engine.ts';
import { ERROR_CODES } from './errors.ts';
import { attackSpec, evaluationRequest, evaluationResult, targetResult } from './evaluation.ts';
import { galleryRequest, galleryResult } from './gallery.ts';
import { entityId } from './ids.ts';
import { memoryLimit } from './memory.ts';
import { modelFile, modelProbe, readingHint } from './model.ts';
import { attackFacts, moduleContents, moduleSource } from './module.ts';
import { settingValues } from './settings.ts';
import { trainPoint } from './train-point.ts';
import { trainConfig, trainResult } from './training.ts';
import { trajectory } from './trajectory.ts';

export const JOB_KINDS = [
  'import',
  'train',
  'evaluate',
  'attention',
  'check',
  'predict',
  'trajectory',
  'engine-test',
  'probe-model',
  'preview-import',
  'describe-module',
  'dataset-task',
] as const;
export const jobKind = z.enum(JOB_KINDS);
export type JobKind = z.infer<typeof jobKind>;

const hosted = {
  /** Where the job writes; exists already. */
  folder: z.string(),
  /** Folder of the installed tensorflow engine pack, or null if there is none. */
  enginePack: z.string().nullable(),
  /** What is wrong with the engine pack where there is none to use, and what to do. */
  enginePackFault: z.string().nullable().optional(),
  /** The process ends itself when its resident memory passes this, in bytes. */
  maxMemory: memoryLimit.optional(),
  /** Threads for an engine that has several. */
  threads: z.int().min(1),
  /** Modules of the user that the job's attack or defence comes from: loaded before anything else. */
  modules: z.array(moduleSource).optional(),
};
const dataset = z.object({ folder: z.string() });

/**
 * Everything that a job host needs, complete in itself: it opens no database and asks nobody.
 * `folder` of each kind: data set under construction, run, evaluation, gallery, check, scratch.
 */
export const jobSpec = z.discriminatedUnion('kind', [
  z.object({
    kind: z.literal('import'),
    id: entityId,
    ...hosted,
    options: importPlan,
    /** Folder for what archives need unpacked, which a preview may have begun to fill. */
    scratch: z.string(),
  }),
  z.object({
    kind: z.literal('train'),
    id: entityId,
    ...hosted,
    dataset,
    config: trainConfig,
    /** Go on from the newest good checkpoint in `folder`, if there is one. */
    resume: z.boolean(),
    /** Static models of ensemble training, in the order of its settings. */
    members: z.array(modelFile).optional(),
  }),
  z.object({
    kind: z.literal('evaluate'),
    id: entityId,
    ...hosted,
    dataset,
    request: evaluationRequest,
    targets: z.array(modelFile).min(1),
    source: modelFile.nullable(),
    /** Further sources, see `evaluationRequest.ensemble`. */
    ensemble: z.array(modelFile).default([]),
    /** Earlier evaluations whose successes count, with their folders and the models that they attacked. */
    carry: z.array(z.object({ evaluation: entityId, folder: z.string(), models: z.array(entityId) })).default([]),
    /** Folders of earlier transfers whose adversarial examples may be used again. */
    kept: z.array(z.string()).default([]),
  }),
  z.object({
    kind: z.literal('attention'),
    id: entityId,
    ...hosted,
    dataset,
    request: galleryRequest,
    models: z.array(modelFile).min(1),
    source: modelFile.nullable(),
    reference: modelFile.nullable(),
  }),
  z.object({
    kind: z.literal('check'),
    id: entityId,
    ...hosted,
    dataset,
    request: checkRequest,
    model: modelFile,
    sources: z.array(modelFile),
  }),
  z.object({
    kind: z.literal('trajectory'),
    id: z.string(),
    ...hosted,
    dataset,
    request: evaluationRequest,
    target: modelFile,
    source: modelFile.nullable(),
    /** Further sources, see `evaluationRequest.ensemble`. */
    ensemble: z.array(modelFile).default([]),
    /** Row of the example in the evaluation's arrays, and its position in the data set. */
    row: z.int(),
    index: z.int(),
    /** The start to record, from 0, counted over all rounds of the goal. */
    restart: z.int(),
  }),
  z.object({ kind: z.literal('engine-test'), id: z.string(), ...hosted, engine: engineChoice }),
  /** What a model says of every image of a data set; writes `predictions.npz`. */
  z.object({
    kind: z.literal('predict'),
    id: z.string(),
    ...hosted,
    dataset,
    model: modelFile,
    engine: engineChoice,
    batchSize: z.int().min(1),
  }),
  /** Work on a data set beside the queue. */
  z.object({ kind: z.literal('dataset-task'), id: z.string(), ...hosted, work: datasetTaskSpec }),
  /** Tries a model of another program on images of a data set. */
  z.object({
    kind: z.literal('probe-model'),
    id: z.string(),
    ...hosted,
    dataset,
    path: z.string(),
    hint: readingHint,
  }),
  /** What an import would make; `folder` is the scratch folder that the import can go on with. */
  z.object({
    kind: z.literal('preview-import'),
    id: z.string(),
    ...hosted,
    plan: importPlan,
    /** Names the sample, see `importPreview.sample`. */
    sample: z.string(),
    /** Folder on the disk that the data set would go to. */
    library: z.string(),
  }),
  /** Asks a module what it adds, and what some of that comes to with certain settings. */
  z.object({
    kind: z.literal('describe-module'),
    id: z.string(),
    ...hosted,
    module: moduleSource,
    attacks: z.array(attackSpec),
    /** A defence to configure for a network with these layers. */
    defence: z.object({ name: z.string(), settings: settingValues, layers: z.array(z.string()) }).nullable(),
  }),
]);
export type JobSpec = z.infer<typeof jobSpec>;
export type JobSpecOf<K extends JobKind> = Extract<JobSpec, { readonly kind: K }>;

/** From the owner (main process or command line) to the job host. */
export const ownerMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('start'), job: jobSpec }),
  z.object({ type: z.literal('pause') }),
  z.object({ type: z.literal('resume') }),
  z.object({ type: z.literal('cancel') }),
]);
export type OwnerMessage = z.infer<typeof ownerMessage>;

export const jobProgress = z.object({
  /** Work done and in all, in `unit`s. */
  done: z.number(),
  total: z.number(),
  unit: z.string(),
  /** Units a second over the last seconds; null until known. */
  rate: z.number().nullable(),
  secondsLeft: z.number().nullable(),
  message: z.string(),
});
export type JobProgress = z.infer<typeof jobProgress>;

export const jobResult = z.discriminatedUnion('kind', [
  z.object({ kind: z.literal('import'), manifest: datasetManifest }),
  z.object({ kind: z.literal('train'), result: trainResult, engine: engineInfo }),
  z.object({ kind: z.literal('evaluate'), result: evaluationResult }),
  z.object({ kind: z.literal('attention'), result: galleryResult }),
  z.object({ kind: z.literal('check'), result: checkResult }),
  z.object({ kind: z.literal('trajectory'), trajectory }),
  z.object({ kind: z.literal('engine-test'), report: engineReport }),
  z.object({ kind: z.literal('predict'), images: z.int(), engine: engineInfo }),
  z.object({ kind: z.literal('dataset-task'), outcome: datasetTaskResult }),
  z.object({ kind: z.literal('probe-model'), probe: modelProbe }),
  z.object({ kind: z.literal('preview-import'), preview: importPreview }),
  z.object({
    kind: z.literal('describe-module'),
    contents: moduleContents,
    /** Of each attack that was asked for, in that order; `completed` is how an evaluation keeps it. */
    attacks: z.array(z.object({ facts: attackFacts, completed: attackSpec })),
    /** The defence's settings with every default filled in; null where none was asked for. */
    defence: z.object({ label: z.string(), settings: settingValues }).nullable(),
  }),
]);
export type JobResult = z.infer<typeof jobResult>;

export const errorData = z.object({
  code: z.enum(ERROR_CODES),
  message: z.string(),
  details: z.record(z.string(), z.union([z.string(), z.number(), z.boolean(), z.null()])).optional(),
  retry: z.boolean().optional(),
});

/**
 * Begins the line on standard error with which a process ends itself that passed its limit of memory, before the JSON of
 * {@link memoryReport}: its threads may all be busy, so that no message would leave it.
 */
export const OVER_MEMORY = 'pairlight-over-memory ';
export const memoryReport = z.object({ used: z.number(), limit: z.number() });

/** From the job host to its owner. */
export const hostMessage = z.discriminatedUnion('type', [
  z.object({ type: z.literal('ready') }),
  z.object({ type: z.literal('engine'), engine: engineInfo, note: z.string().nullable() }),
  /** What makes this job slower than it could be, for the user. */
  z.object({ type: z.literal('note'), note: z.string() }),
  z.object({ type: z.literal('state'), state: z.enum(['running', 'paused']) }),
  z.object({ type: z.literal('progress'), progress: jobProgress }),
  /** Also in `metrics.jsonl` before it is sent. */
  z.object({ type: z.literal('point'), point: trainPoint }),
  z.object({ type: z.literal('checkpoint'), step: z.int(), file: z.string() }),
  /** Accuracies so far, while an evaluation runs. */
  z.object({ type: z.literal('partial'), targets: z.array(targetResult) }),
  /** The parts of a masking check that are done. */
  z.object({ type: z.literal('check-partial'), items: z.array(checkItem) }),
  z.object({ type: z.literal('done'), result: jobResult }),
  /** `cancelled` is an error code like any other: the last message of a job is `done` or `error`. */
  z.object({ type: z.literal('error'), error: errorData }),
]);
export type HostMessage = z.infer<typeof hostMessage>;
