import type { JobKind, JobResult, JobSpec, JobSpecOf } from '../../../shared/domain/job.ts';
import type { JobContext } from './control.ts';

type Runner<K extends JobKind> = (job: JobSpecOf<K>, context: JobContext) => Promise<JobResult>;
type Runners = { readonly [K in JobKind]: () => Promise<Runner<K>> };

/** Loaded on demand: an import job needs no engine. */
const RUNNERS: Runners = {
  import: async () => (await import('./import.ts')).runImport,
  train: async () => (await import('./train.ts')).runTrain,
  evaluate: async () => (await import('./evaluate.ts')).runEvaluate,
  attention: async () => (await import('./attention.ts')).runAttention,
  trajectory: async () => (await import('./trajectory.ts')).runTrajectory,
  'preview-import': async () => (await import('./preview-import.ts')).runPreviewImport,
  'probe-model': async () => (await import('./probe-model.ts')).runProbeModel,
  check: async () => (await import('./check.ts')).runCheck,
  'describe-module': async () => (await import('./describe-module.ts')).runDescribeModule,
  predict: async () => (await import('./predict.ts')).runPredict,
  'dataset-task': async () => (await import('./dataset-task.ts')).runDatasetTask,
  'engine-test': async () => (await import('./engine-test.ts')).runEngineTest,
};

/** Carries out one job to its end. @throws AppError, `cancelled` among others. */
export async function runJob<K extends JobKind>(job: JobSpecOf<K> & JobSpec, context: JobContext): Promise<JobResult> {
  if (job.modules?.length) await (await import('../modules/load.ts')).loadModules(job.modules);
  const load: Runners[K] = RUNNERS[job.kind];
  const run = await load();
  return run(job, context);
}
