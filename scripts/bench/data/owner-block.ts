import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import { openLibrary } from '../../../electron/services/open-library.ts';
import { forkLauncher } from '../../../electron/services/launch-fork.ts';
import { importPlan, type ImportPlanInput } from '../../../shared/domain/import-plan.ts';
import { jobHost } from '../watched-job.ts';

/** For how long a thread answered nothing at most, in milliseconds. */
export interface LongestBlock {
  /** By the clock; on a busy machine also the time that others had the processor. */
  readonly wall: number;
  /** By the thread's own processor time. */
  readonly cpu: number;
}

/**
 * The longest block of the thread that owns a library, the queue and its jobs, which is the application's main thread,
 * while it runs an import from its preview to the finished data set.
 */
export async function longestBlock(plan: ImportPlanInput, scratch: string): Promise<LongestBlock> {
  const library = await openLibrary(await mkdtemp(join(scratch, 'library-')), {
    launcher: forkLauncher(jobHost()),
    serves: 'own',
    sample: null,
  });
  const watch = watchThread();
  try {
    const { id } = await library.datasets.import(importPlan.parse(plan));
    const job = await library.jobs.wait(id);
    if (job.state !== 'done') throw new Error(job.error?.message ?? `The import was ${job.state}.`);
    return watch.end();
  } finally {
    watch.end();
    await library.dispose();
  }
}

const TICK_MS = 1;

function watchThread(): { readonly end: () => LongestBlock } {
  let [wall, cpu] = [0, 0];
  let [then, used] = [performance.now(), cpuMs()];
  const tick = (): void => {
    const [now, usedNow] = [performance.now(), cpuMs()];
    wall = Math.max(wall, now - then - TICK_MS);
    cpu = Math.max(cpu, usedNow - used);
    [then, used] = [now, usedNow];
  };
  const timer = setInterval(tick, TICK_MS);
  return {
    end: () => {
      clearInterval(timer);
      return { wall, cpu };
    },
  };
}

function cpuMs(): number {
  const { user, system } = process.threadCpuUsage();
  return (user + system) / 1000;
}
