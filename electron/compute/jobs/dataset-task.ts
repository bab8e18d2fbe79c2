import type { DatasetTaskResult, DatasetTaskSpec } from '../../../shared/domain/dataset-task.ts';
import type { JobResult, JobSpecOf } from '../../../shared/domain/job.ts';
import type { Control, JobContext } from './control.ts';

/** Work on a packed data set that takes more than a moment; each kind is loaded when it is needed. */
export async function runDatasetTask(job: JobSpecOf<'dataset-task'>, context: JobContext): Promise<JobResult> {
  return { kind: 'dataset-task', outcome: await carryOut(job.work, job.folder, context) };
}

async function carryOut(work: DatasetTaskSpec, scratch: string, control: Control): Promise<DatasetTaskResult> {
  switch (work.task) {
    case 'statistics': {
      const { writeStatistics } = await import('../data/tasks/statistics.ts');
      return { task: 'statistics', statistics: await writeStatistics(work.dataset, control) };
    }
    case 'verify': {
      const { verifyPacked } = await import('../data/tasks/verify.ts');
      return { task: 'verify', check: await verifyPacked(work, control) };
    }
    case 'edit': {
      const { makeVersion } = await import('../data/tasks/edit.ts');
      return { task: 'edit', manifest: await makeVersion(work, control) };
    }
    case 'export': {
      const { exportSelection } = await import('../data/tasks/export.ts');
      return { task: 'export', images: await exportSelection(work, control) };
    }
    case 'relocate': {
      const { relocateOriginals } = await import('../data/tasks/relocate.ts');
      return { task: 'relocate', relocation: await relocateOriginals(work.dataset, work.path, scratch, control) };
    }
  }
}
