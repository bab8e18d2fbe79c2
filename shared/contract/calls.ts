import { z } from 'zod';
import { architectureAnswer, architectureQuery, initialReport, transferQuery } from '../domain/architecture.ts';
import { catalogue } from '../domain/catalogue.ts';
import { checkRequest } from '../domain/check.ts';
import { engineChoice, engineReport, enginePackState, packVariant } from '../domain/engine.ts';
import { evaluationRequest, exampleQuery } from '../domain/evaluation.ts';
import { galleryRequest, mapMethod } from '../domain/gallery.ts';
import { entityId } from '../domain/ids.ts';
import { examplePage, librarySnapshot, resultTable } from '../domain/library.ts';
import { memoryLimit } from '../domain/memory.ts';
import { modelProbe, modelSummary, readingHint } from '../domain/model.ts';
import { moduleOverview } from '../domain/module.ts';
import {
  planClasses,
  planComparison,
  planCurves,
  planEstimate,
  planExport,
  planExtension,
  planFigure,
  planRequest,
  planResult,
  planView,
} from '../domain/plan.ts';
import { settingValues } from '../domain/settings.ts';
import { sweepRequest } from '../domain/sweep.ts';
import { SWEEP_EXPORTS, sweepPreview, sweepReading, sweepRow, sweepTableView } from '../domain/sweep-view.ts';
import { trainPoint } from '../domain/train-point.ts';
import { runChange, trainConfig, weightChoice } from '../domain/training.ts';
import { trajectory, trajectoryRequest } from '../domain/trajectory.ts';
import { call, none, one, savedFile } from './call.ts';
import { DATASET_CALLS } from './dataset-calls.ts';

const onePack = z.strictObject({ variant: packVariant });
export const preferences = z.strictObject({
  theme: z.enum(['system', 'light', 'dark']).default('system'),
  engine: engineChoice.default('auto'),
  /** Jobs at once, which share the cores; null: one, with every core. */
  parallelJobs: z.int().min(1).max(64).nullable().default(null),
  /** A job whose process uses more is ended, in bytes; null: no limit. */
  maxMemory: memoryLimit.default(null),
});
export type Preferences = z.infer<typeof preferences>;

/** Only what is to change: a field that is left out must not come back as its default. */
const preferenceChange = z.strictObject({
  theme: preferences.shape.theme.unwrap().exactOptional(),
  engine: preferences.shape.engine.unwrap().exactOptional(),
  parallelJobs: preferences.shape.parallelJobs.unwrap().exactOptional(),
  maxMemory: preferences.shape.maxMemory.unwrap().exactOptional(),
});

/** Every request that the window can make, declared once: both sides take their types and checks from here. */
export const CALLS = {
  'app.info': call(
    none,
    z.object({
      version: z.string(),
      library: z.string(),
      libraryBytes: z.number(),
      cores: z.int(),
      electron: z.string(),
      node: z.string(),
      licences: z.string(),
    }),
  ),
  'app.preferences': call(none, preferences),
  'app.setPreferences': call(preferenceChange, preferences),
  'app.showInFolder': call(z.strictObject({ path: z.string().min(1) }), z.void()),

  'catalogue.get': call(none, catalogue),
  /** The user's modules as they are now; `again`: also those that had a fault before. */
  'modules.list': call(z.strictObject({ again: z.boolean().default(false) }), moduleOverview),
  /** Lets the library's modules run on this computer, or no longer. */
  'modules.trust': call(z.strictObject({ trusted: z.boolean() }), moduleOverview),
  /** Opens the modules folder in the system's file manager. */
  'modules.open': call(none, z.void()),
  'library.snapshot': call(none, librarySnapshot),
  'models.list': call(none, z.array(modelSummary)),
  /** Opens a file dialog if no path is given. */
  'models.import': call(
    z.strictObject({
      path: z.string().min(1).optional(),
      architecture: z.string().optional(),
      settings: settingValues.optional(),
      dataset: entityId,
      name: z.string().optional(),
      reading: readingHint.optional(),
    }),
    modelSummary.nullable(),
  ),
  /** A file dialog for a model; null if the user closed it. */
  'models.choose': call(none, z.string().nullable()),
  /** See `Library.models.probe`. */
  'models.probe': call(
    z.strictObject({ path: z.string().min(1), dataset: entityId, reading: readingHint.optional() }),
    modelProbe.nullable(),
  ),

  ...DATASET_CALLS,

  /** Layers, extents and parameters of an architecture, and what a training step would cost. */
  'architectures.describe': call(architectureQuery, architectureAnswer),
  /** What a training would take from given weights. */
  'architectures.transfer': call(transferQuery, initialReport),
  'runs.create': call(trainConfig, z.object({ id: entityId })),
  /** Queues a run again that ended without a result, with a lower learning rate or more micro-batches. */
  'runs.goOn': call(runChange, z.void()),
  /** A model with other weights of a run than it keeps: the last, the best or the averaged ones. */
  'runs.model': call(one.extend({ weights: weightChoice }), modelSummary),
  'runs.points': call(z.strictObject({ id: entityId, after: z.int().min(-1).default(-1) }), z.array(trainPoint)),
  'evaluations.create': call(evaluationRequest, z.object({ id: entityId })),
  'evaluations.examples': call(exampleQuery, examplePage),
  /** The attack on one example step by step; takes seconds the first time. */
  'evaluations.trajectory': call(trajectoryRequest, trajectory),
  'evaluations.table': call(z.strictObject({ dataset: entityId }), resultTable),
  /** Expands the plan into evaluations and queues them, cheapest first. */
  'plans.create': call(planRequest, z.object({ id: entityId })),
  /** What a plan would cost; with an id, what is left of that plan if it became this. */
  'plans.estimate': call(z.strictObject({ request: planRequest, id: entityId.optional() }), planEstimate),
  /** Adds models, attacks, ε, sources or seeds; only what is missing is queued. */
  'plans.extend': call(planExtension, z.object({ added: z.int() })),
  /** All its evaluations at once; `run` queues again what failed or was cancelled, and goes on with what is paused. */
  'plans.run': call(one, z.void()),
  'plans.pause': call(one, z.void()),
  'plans.cancel': call(one, z.void()),
  'plans.result': call(one, planResult),
  'plans.curves': call(one, planCurves),
  'plans.classes': call(planView, planClasses),
  /** Every pair of models, on a column, or on the worst case where `column` is null. */
  'plans.compare': call(one.extend({ column: z.string().nullable().default(null) }), planComparison),
  'sweeps.list': call(none, z.array(sweepRow)),
  /** Opens a file dialog for a sweep's YAML; null if the user closed it. */
  'sweeps.choose': call(none, z.object({ file: z.string(), text: z.string() }).nullable()),
  /** What a YAML text asks for, with one of its presets taken over; what is wrong with it by line. Writes nothing. */
  'sweeps.read': call(z.strictObject({ text: z.string().max(1_000_000), preset: z.string().optional() }), sweepReading),
  /** The YAML text of a sweep. */
  'sweeps.write': call(sweepRequest, z.string()),
  /** Expands a sweep and checks every training, more than 100 only if `many` is wanted; writes nothing. */
  'sweeps.preview': call(z.strictObject({ request: sweepRequest, many: z.boolean().default(false) }), sweepPreview),
  /** A new sweep, or the one of the library that asks for the very same; it begins at once. */
  'sweeps.create': call(sweepRequest, z.object({ id: entityId, known: z.boolean() })),
  /** Makes what is missing and goes on with what was interrupted. */
  'sweeps.run': call(one, z.void()),
  /** Cancels what is running and waiting of it. */
  'sweeps.cancel': call(one, z.void()),
  'sweeps.table': call(one, sweepTableView),
  'galleries.create': call(galleryRequest, z.object({ id: entityId })),
  /** The gradient-masking check of one model. */
  'checks.create': call(checkRequest, z.object({ id: entityId })),

  /** Jobs are paused, resumed (also after a crash) and cancelled alike, whatever they make. */
  'jobs.pause': call(z.strictObject({ id: z.string() }), z.void()),
  'jobs.resume': call(z.strictObject({ id: z.string() }), z.void()),
  'jobs.cancel': call(z.strictObject({ id: z.string() }), z.void()),
  'jobs.move': call(z.strictObject({ id: z.string(), position: z.int().min(0) }), z.void()),

  'entities.rename': call(one.extend({ name: z.string().trim().min(1).max(120) }), z.void()),
  /** Into the library's bin, with everything that depends on it named in the answer. */
  'entities.delete': call(one, z.object({ deleted: z.array(z.string()) })),
  'entities.restore': call(one, z.void()),

  'engines.list': call(
    none,
    z.object({ engines: z.array(engineReport), packs: z.array(enginePackState), chosen: engineChoice }),
  ),
  /** Self-test and speed test of one engine, in a process of its own. */
  'engines.test': call(z.strictObject({ engine: engineChoice }), engineReport),
  'engines.install': call(onePack, enginePackState),
  /** Opens a file dialog if no path is given; null if the user closes it. */
  'engines.installFile': call(z.strictObject({ path: z.string().min(1).optional() }), enginePackState.nullable()),
  'engines.export': call(onePack, savedFile),
  /** Ends an installation or an export. */
  'engines.cancelInstall': call(none, z.void()),
  'engines.verify': call(onePack, enginePackState),
  'engines.remove': call(onePack, enginePackState),

  'exports.table': call(z.strictObject({ dataset: entityId, format: z.enum(['csv', 'latex']) }), savedFile),
  'exports.plan': call(planExport, savedFile),
  'exports.sweep': call(one.extend({ format: z.enum(SWEEP_EXPORTS) }), savedFile),
  'exports.planFigure': call(planFigure, savedFile),
  'exports.curve': call(
    z.strictObject({
      runs: z.array(entityId).min(1).max(16),
      curve: z.enum(['terms', 'gradient', 'rate', 'accuracy']),
      /** CSV holds everything that was measured, whichever curve is meant. */
      format: z.enum(['svg', 'pdf', 'png', 'csv']),
    }),
    savedFile,
  ),
  'exports.gallery': call(
    z.strictObject({
      id: entityId,
      method: mapMethod,
      scale: z.enum(['all', 'row', 'pair']).default('row'),
      format: z.enum(['png', 'pdf']),
    }),
    savedFile,
  ),
  /** Adversarial examples of one target of a finished evaluation, as NPZ. */
  'exports.adversarial': call(one.extend({ model: entityId }), savedFile),
  'exports.run': call(one, savedFile),
  /** Into a folder that the user chooses, in every format; answers with the folder. */
  'exports.model': call(one, savedFile),
} as const;

export type CallName = keyof typeof CALLS;
export type CallInput<N extends CallName> = z.input<(typeof CALLS)[N]['input']>;
export type CallParsed<N extends CallName> = z.output<(typeof CALLS)[N]['input']>;
export type CallOutput<N extends CallName> = z.output<(typeof CALLS)[N]['output']>;
