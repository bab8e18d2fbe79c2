import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { monitorEventLoopDelay } from 'node:perf_hooks';
import { openLibrary } from '../../../electron/services/open-library.ts';
import { forkLauncher } from '../../../electron/services/launch-fork.ts';
import { importPlan, type ImportPlanInput } from '../../../shared/domain/import-plan.ts';
import { jobHost } from '../watched-job.ts';

/**
 * The longest time for which the thread that owns a library, the queue and its jobs, the application's main thread,
 * answered nothing while it ran an import from its preview to the finished data set, in milliseconds.
 */
export async function longestBlock(plan: ImportPlanInput, scratch: string): Promise<number> {
  const library = await openLibrary(await mkdtemp(join(scratch, 'library-')), {
    launcher: forkLauncher(jobHost()),
    serves: 'own',
    sample: null,
  });
  const delay = monitorEventLoopDelay({ resolution: 1 });
  try {
    delay.enable();
    const { id } = await library.datasets.import(importPlan.parse(plan));
    const job = await library.jobs.wait(id);
    delay.disable();
    if (job.state !== 'done') throw new Error(job.error?.message ?? `The import was ${job.state}.`);
  } finally {
    delay.disable();
    await library.dispose();
  }
  return delay.max / 1e6;
}
