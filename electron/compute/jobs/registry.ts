import { AppError } from '../../../shared/domain/errors.ts';
import type { JobKind, JobResult, JobSpec, JobSpecOf } from '../../../shared/domain/job.ts';
import type { JobContext } from './control.ts';

type Runner<K extends JobKind> = (job: JobSpecOf<K>, context: JobContext) => Promise<JobResult>;
type Runners = { readonly [K in JobKind]: () => Promise<Runner<K>> };

/** Loaded on demand: an import job needs no engine. */
const RUNNERS: Partial<Runners> = {
  train: async () => (await import('./train.ts')).runTrain,
  'engine-test': async () => (await import('./engine-test.ts')).runEngineTest,
};

/** Carries out one job to its end. @throws AppError, `cancelled` among others. */
export async function runJob<K extends JobKind>(job: JobSpecOf<K> & JobSpec, context: JobContext): Promise<JobResult> {
  const load = RUNNERS[job.kind] as Runners[K] | undefined;
  if (!load) throw new AppError('unsupported', `This version cannot run jobs of the kind ${job.kind}.`);
  const run = await load();
  return run(job, context);
}
