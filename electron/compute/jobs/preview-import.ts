import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import { previewImport } from '../data/import/preview.ts';
import type { JobContext } from './control.ts';

/** Looks at what a path holds and what a plan would make of it. Needs no engine. */
export async function runPreviewImport(job: JobSpecOf<'preview-import'>, context: JobContext): Promise<JobResult> {
  const { plan, folder, sample, library } = job;
  return { kind: 'preview-import', preview: await previewImport({ plan, scratch: folder, sample, library }, context) };
}
