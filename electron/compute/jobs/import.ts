import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { importDataset } from '../data/import/import-dataset.ts';
import type { JobContext } from './control.ts';

/** Reads a source of images and writes a packed data set into the job's folder. Needs no engine. */
export async function runImport(job: JobSpecOf<'import'>, context: JobContext): Promise<JobResult> {
  return { kind: 'import', manifest: await importDataset(job, context) };
}
