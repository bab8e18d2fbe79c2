import type { BenchOptions } from './options.ts';
import type { WorkResult } from './results.ts';
import { obstacle, runComparison } from './run-comparison.ts';
import { runJobWork } from './run-jobs.ts';
import { runPipeline } from './run-pipeline.ts';
import { runProfile } from './run-profile.ts';
import { runScaling } from './run-scaling.ts';
import { titleOf, type Work } from './works.ts';

/** Measures one work, or says why it was not measured: what stood in its way, or what failed. */
export async function runWork(work: Work, options: BenchOptions): Promise<WorkResult> {
  const { name } = work;
  const title = titleOf(work, options.extent);
  try {
    const reason = obstacle(work, options);
    return reason === null
      ? { ...(await measure(work, options)), title }
      : { kind: 'skipped', name, title, reason, failed: false };
  } catch (error) {
    const reason = error instanceof Error ? error.message : String(error);
    return { kind: 'skipped', name, title, reason, failed: true };
  }
}

function measure(work: Work, options: BenchOptions): Promise<WorkResult> {
  switch (work.kind) {
    case 'attack':
    case 'make':
    case 'train':
    case 'robust':
      return runComparison(work, options);
    case 'first-step':
    case 'memory':
    case 'growth':
      return runJobWork(work, options);
    case 'profile':
      return runProfile(work, options);
    case 'pipeline':
      return runPipeline(work, options);
    case 'scaling':
      return runScaling(work, options);
  }
}
