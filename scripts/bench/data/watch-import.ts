import { readFileSync } from 'node:fs';
import { mkdtemp } from 'node:fs/promises';
import { join } from 'node:path';
import type { DatasetManifest } from '../../../shared/domain/dataset.ts';
import { importPlan, type ImportPlanInput } from '../../../shared/domain/import-plan.ts';
import { newId } from '../../../shared/domain/ids.ts';
import type { JobSpec } from '../../../shared/domain/job.ts';
import { JobProcess } from '../../../electron/services/job-process.ts';
import { forkLauncher } from '../../../electron/services/launch-fork.ts';
import { memoryOf } from '../machine.ts';
import { jobHost } from '../watched-job.ts';

/** What was seen of one import in its own process, as the application runs it. */
export interface WatchedImport {
  /** From the launch of its process to its end. */
  readonly seconds: number;
  /** Of all its threads; null where the system does not tell. */
  readonly cpuSeconds: number | null;
  /** Peak resident memory of its process; null where the system does not tell. */
  readonly peakBytes: number | null;
  readonly manifest: DatasetManifest;
}

const LOOK_MS = 20;
const TICKS_PER_SECOND = 100;

/** @throws Error with the job's own words if it fails. */
export async function watchImport(plan: ImportPlanInput, scratch: string): Promise<WatchedImport> {
  const spec: JobSpec = {
    kind: 'import',
    id: newId('dataset'),
    folder: await mkdtemp(join(scratch, 'set-')),
    scratch: await mkdtemp(join(scratch, 'unpacked-')),
    options: importPlan.parse(plan),
    enginePack: null,
    threads: 1,
  };
  return new Promise((resolve, reject) => {
    const started = performance.now();
    let peakBytes: number | null = null;
    let cpuSeconds: number | null = null;
    const look = (): void => {
      if (job.pid === undefined) return;
      peakBytes = memoryOf(job.pid)?.peak ?? peakBytes;
      cpuSeconds = cpuOf(job.pid) ?? cpuSeconds;
    };
    const timer = setInterval(look, LOOK_MS);
    const job = new JobProcess(forkLauncher(jobHost()), spec, {
      onNews: look,
      onEnd: (end) => {
        clearInterval(timer);
        if (end.type !== 'done') reject(new Error(end.error.message));
        else if (end.result.kind === 'import') {
          const seconds = (performance.now() - started) / 1000;
          resolve({ seconds, cpuSeconds, peakBytes, manifest: end.result.manifest });
        }
      },
    });
  });
}

/** User and system time of a process so far, from /proc. */
function cpuOf(pid: number): number | null {
  try {
    const fields = readFileSync(`/proc/${pid}/stat`, 'utf8')
      .replace(/^.*\) /s, '')
      .split(' ');
    return (Number(fields[11]) + Number(fields[12])) / TICKS_PER_SECOND;
  } catch {
    return null;
  }
}
