import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { JobProcess } from '../../electron/services/job-process.ts';
import { forkLauncher } from '../../electron/services/launch-fork.ts';
import type { JobSpec } from '../../shared/domain/job.ts';
import { memoryOf } from './machine.ts';

/** What was seen of one job in its own process, as the application runs it. */
export interface WatchedJob {
  /** Seconds from its launch until it had done its first step. */
  readonly firstStep: number;
  /** Seconds from its launch until its end. */
  readonly seconds: number;
  /** Peak resident memory in bytes at its end, and when it had done `mark` units; null where the system does not tell. */
  readonly peakBytes: number | null;
  readonly peakAtMark: number | null;
}

const LOOK_MS = 20;

/**
 * Runs a job to its end, or to its first step.
 * @param mark units of progress after which memory is noted.
 * @throws Error with the job's own words if it fails.
 */
export function watchJob(
  spec: JobSpec,
  { until, mark }: { readonly until: 'first-step' | 'end'; readonly mark: number },
): Promise<WatchedJob> {
  return new Promise((resolve, reject) => {
    const started = performance.now();
    const elapsed = (): number => (performance.now() - started) / 1000;
    let firstStep: number | null = null;
    let peakBytes: number | null = null;
    let peakAtMark: number | null = null;
    const look = (): void => {
      const memory = job.pid === undefined ? null : memoryOf(job.pid);
      if (memory) peakBytes = Math.max(peakBytes ?? 0, memory.peak);
    };
    const finish = (): void => {
      clearInterval(timer);
      job.kill();
      resolve({ firstStep: firstStep ?? elapsed(), seconds: elapsed(), peakBytes, peakAtMark });
    };
    const job = new JobProcess(forkLauncher(jobHost()), spec, {
      onNews: (news) => {
        if (news.type !== 'progress' || news.progress.done === 0) return;
        firstStep ??= elapsed();
        look();
        if (news.progress.done >= mark) peakAtMark ??= peakBytes;
        if (until === 'first-step') finish();
      },
      onEnd: (end) => {
        if (end.type === 'done') finish();
        else {
          clearInterval(timer);
          reject(new Error(end.error.message));
        }
      },
    });
    const timer = setInterval(look, LOOK_MS);
  });
}

/** The built job host, as the application starts it; its source where nothing was built. */
export function jobHost(): string {
  const root = join(import.meta.dirname, '..', '..');
  const built = join(root, 'out', 'main', 'job-host.js');
  return existsSync(built) ? built : join(root, 'electron', 'compute', 'job-host.ts');
}
